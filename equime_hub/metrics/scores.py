"""Scores of a classifier as plain functions, all of them computed from one confusion matrix.

UF1 and UAR weigh every class alike, however few clips it has, because micro-expression datasets
are lopsided: in the composite set of MEGC 2019, always saying "negative" is right for 57 % of the
clips. Definitions: MEGC 2019 (See et al. 2019). Over all folds of a protocol they are computed
once, from the predictions of all folds together, never averaged over folds.

Classes are integers or strings, in any iterable: list, NumPy array, tensor, column.

Classes that do not occur:

- Without `labels`, the classes are those that occur in the references or the predictions. One
  that occurs in neither does not exist: it changes no score.
- `labels` fixes the classes, and so the number C by which UF1 divides. A class named there that
  occurs in neither counts in UF1 with F1 = 0 (0/0 taken as 0), so that scores of several
  sub-datasets have one denominator. A class that occurs but is not named is an error.
- A class that occurs in the predictions alone has no true positive: F1 = 0, and it counts.
- Recall of a class without references is undefined; UAR leaves it out, named in `labels` or not.

This file also stands, as a link, in the folder of each metric: it needs nothing but NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

try:
    from equime_hub.errors import MetricError as MetricError
except ImportError:
    # In a Space there is only the metric's folder. The stand-in is of no `EquimeError`, which
    # nobody could catch there.
    MetricError = type("MetricError", (ValueError,), {})  # type: ignore[assignment,misc]

Label = int | str
Classes = Iterable[Any]
"""Integers or strings, all of one kind; what else is in there is refused."""
Counts = npt.NDArray[Any]
"""…×C×C clips, row = reference, column = prediction; whole numbers, or expected ones."""

_BLOCK = 1 << 22
"""Weights in memory at a time (32 MiB); fixed, as the order of random numbers follows from it."""


@dataclass(frozen=True)
class Interval:
    """A score and its percentile bootstrap interval over subjects.

    Attributes:
        score: Of the clips as they are, in [0, 1].
        low: Quantile (1 - level) / 2 of the draws.
        high: Quantile (1 + level) / 2 of the draws.
        level: Coverage aimed at, in (0, 1).
        draws: How often subjects were resampled.
        subjects: How many there are.
    """

    score: float
    low: float
    high: float
    level: float
    draws: int
    subjects: int


def confusion(
    references: Classes, predictions: Classes, labels: Classes | None = None
) -> tuple[npt.NDArray[np.int64], list[Label]]:
    """Count how often each class was taken for each class.

    Args:
        references: True classes, one a clip.
        predictions: Predicted classes, in the same order.
        labels: The classes, in the order of the result; by default those that occur, sorted.

    Returns:
        C×C counts, row = reference, column = prediction; and the C classes.

    Raises:
        MetricError: Nothing to score, unequal lengths, a value that is no class (a score, NaN,
            None), integers mixed with strings, or a class that is not in `labels`.
    """
    cells, classes = coded(references, predictions, labels)
    size = len(classes)
    return np.bincount(cells, minlength=size * size).reshape(size, size), classes


def coded(
    references: Classes, predictions: Classes, labels: Classes | None = None
) -> tuple[npt.NDArray[np.int64], list[Label]]:
    """For each clip its cell of the flattened `confusion`, and the C classes; the rest as there."""
    clips = {"references": references, "predictions": predictions}
    found = {name: _numbered(name, values) for name, values in clips.items()}
    _demand_pairs(**{name: numbers for name, (_, numbers) in found.items()})
    named = None if labels is None else _plain("labels", labels)
    every = [value for values, _ in found.values() for value in values] + (named or [])
    strings = [value for value in every if isinstance(value, str)]
    if strings and len(strings) < len(every):
        other = next(value for value in every if not isinstance(value, str))
        raise MetricError(
            f"Classes must be all integers or all strings, got {other!r} and {strings[0]!r}."
        )
    classes = sorted(set(every)) if named is None else named
    position = {label: index for index, label in enumerate(classes)}
    if len(position) < len(classes):
        raise MetricError(f"labels must name each class once, got {classes}.")
    if unknown := [value for value in every if value not in position]:
        raise MetricError(f"The class {unknown[0]!r} occurs, but labels names only {classes}.")
    true, predicted = (
        np.array([position[value] for value in values], np.int64)[numbers]
        for values, numbers in found.values()
    )
    return true * len(classes) + predicted, classes


def columns(**named: Iterable[Any]) -> dict[str, list[Any]]:
    """Columns as lists, one integer or string a clip; MetricError if they are not, or unequal."""
    found = {name: _plain(name, values) for name, values in named.items()}
    _demand_pairs(**found)
    return found


def f1_scores(
    references: Classes, predictions: Classes, labels: Classes | None = None
) -> dict[Label, float]:
    """F1 of each class, 2TP / (2TP + FP + FN), in [0, 1]; arguments and errors as `confusion`."""
    matrix, classes = confusion(references, predictions, labels)
    return dict(zip(classes, np.nan_to_num(f1_of(matrix)).tolist(), strict=True))


def recalls(
    references: Classes, predictions: Classes, labels: Classes | None = None
) -> dict[Label, float]:
    """Recall of each class that has references, TP / n, in [0, 1]; the rest as `confusion`."""
    matrix, classes = confusion(references, predictions, labels)
    found = zip(classes, recall_of(matrix).tolist(), strict=True)
    return {label: recall for label, recall in found if not np.isnan(recall)}


def uf1(references: Classes, predictions: Classes, labels: Classes | None = None) -> float:
    """Unweighted F1: mean of `f1_scores` over the classes; arguments and errors as `confusion`.

    >>> round(uf1(["negative", "negative", "surprise"], ["negative", "surprise", "surprise"]), 4)
    0.6667
    """
    return _score("uf1", references, predictions, labels)


def uar(references: Classes, predictions: Classes, labels: Classes | None = None) -> float:
    """Unweighted average recall: mean of `recalls`; arguments and errors as `confusion`.

    He et al. print the sum of the recalls without the division by C; the mean is what they report.

    >>> uar(["negative", "negative", "surprise"], ["negative", "surprise", "surprise"])
    0.75
    """
    return _score("uar", references, predictions, labels)


def weighted_f1(references: Classes, predictions: Classes, labels: Classes | None = None) -> float:
    """Mean of `f1_scores`, each class weighted by its references; the rest as `confusion`.

    It follows the frequent classes, as accuracy does.

    >>> round(weighted_f1(["negative"] * 2 + ["surprise"], ["negative"] * 3), 4)
    0.5333
    """
    return _score("weighted_f1", references, predictions, labels)


def accuracy(references: Classes, predictions: Classes, labels: Classes | None = None) -> float:
    """Share of the clips that are right, in [0, 1]; arguments and errors as `confusion`.

    >>> accuracy(["negative", "negative", "surprise", "surprise"], ["negative"] * 4)
    0.5
    """
    return _score("accuracy", references, predictions, labels)


def bootstrap(
    references: Classes,
    predictions: Classes,
    subjects: Classes,
    names: str | Sequence[str] = ("uf1", "uar"),
    *,
    labels: Classes | None = None,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Percentile intervals of pooled scores, subjects resampled with replacement.

    Clips of one person are not independent, so whole people are drawn, each with all of their
    clips, whose order does not matter. A draw is scored as the function of that name scores its
    clips, with the same `labels`.

    Args:
        references: True classes, one a clip.
        predictions: Predicted classes, in the same order.
        subjects: Who is seen in each clip; integers or strings.
        names: One or more of `SCORES`.
        labels: As in `confusion`.
        draws: How often to resample.
        level: Coverage, in (0, 1).
        seed: Of NumPy's PCG64; `equime_hub.seeds.derive` makes one from names.

    Raises:
        MetricError: As `confusion`; fewer than two subjects, an unknown score, a bad number.
    """
    functions = {name: named_score(name) for name in ([names] if isinstance(names, str) else names)}
    fixed = labels is not None
    cells, classes = coded(references, predictions, labels)
    who = _plain("subjects", subjects)
    _demand_pairs(predictions=cells, subjects=who)
    people = ordered(who)
    if len(people) < 2:
        raise MetricError(
            f"All clips are of the subject {people[0]!r}; resampling needs at least two subjects."
        )
    counts = subject_counts(who, people, cells, len(classes) ** 2)
    square = (-1, len(classes), len(classes))
    pooled = resampled(counts, draws, seed).reshape(square)
    whole = counts.sum(axis=0).reshape(square)
    return {
        name: Interval(
            float(score(whole, fixed)[0]),
            *quantiles(score(pooled, fixed), level),
            level=level,
            draws=draws,
            subjects=len(people),
        )
        for name, score in functions.items()
    }


def ordered(values: Iterable[Label]) -> list[Label]:
    """The different values, integers before strings."""
    return sorted(set(values), key=lambda value: (isinstance(value, str), value))


def subject_counts(
    who: Sequence[Label], people: Sequence[Label], cells: npt.NDArray[np.int64], width: int
) -> npt.NDArray[np.float64]:
    """How many clips of each person fall into each of `width` cells: people × cells."""
    position = {subject: index for index, subject in enumerate(people)}
    rows = np.array([position[subject] for subject in who], np.int64)
    counts = np.bincount(rows * width + cells, minlength=len(people) * width)
    return counts.reshape(len(people), width).astype(np.float64)


def resampled(
    counts: npt.NDArray[np.float64],
    draws: int,
    seed: int,
    strata: Sequence[npt.NDArray[np.int64]] | None = None,
) -> npt.NDArray[np.float64]:
    """Add up the counts of people drawn with replacement, as often as there are people.

    A draw is a multinomial weight for each person, so that all draws are one matrix product.
    Sums of whole numbers are exact.

    Args:
        counts: People × cells.
        draws: How many.
        seed: Of NumPy's PCG64.
        strata: Rows that are drawn apart, each person in one of them; by default all together.

    Returns:
        Draws × cells.

    Raises:
        MetricError: Fewer than one draw, or a negative seed.
    """
    for name, value, least in (("draws", draws, 1), ("seed", seed, 0)):
        if not isinstance(value, int | np.integer) or value < least:
            raise MetricError(f"{name} must be a whole number from {least} on, got {value!r}.")
    rng = np.random.Generator(np.random.PCG64(seed))
    people, width = counts.shape
    strata = [np.arange(people)] if strata is None else strata
    pooled = np.empty((draws, width))
    block = max(1, _BLOCK // people)
    for start in range(0, draws, block):
        rows = min(block, draws - start)
        weights = np.empty((rows, people))
        for members in strata:
            size = members.size
            drawn = rng.integers(0, size, (rows, size)) + np.arange(rows)[:, None] * size
            times = np.bincount(drawn.ravel(), minlength=rows * size)
            weights[:, members] = times.reshape(rows, size)
        np.matmul(weights, counts, out=pooled[start : start + rows])
    return pooled


def quantiles(values: npt.NDArray[np.float64], level: float) -> tuple[float, float]:
    """The percentile interval of draws; MetricError if `level` is not in (0, 1)."""
    if not 0 < level < 1:
        raise MetricError(f"level must lie between 0 and 1, such as 0.95, got {level}.")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return low, high


def f1_of(counts: Counts) -> npt.NDArray[np.float64]:
    """F1 of each class, …×C; NaN for a class that occurs in neither."""
    # A row sums to TP + FN, a column to TP + FP.
    return _ratio(2 * _hits(counts), counts.sum(axis=-1) + counts.sum(axis=-2))


def recall_of(counts: Counts) -> npt.NDArray[np.float64]:
    """Recall of each class, …×C; NaN for a class without references."""
    return _ratio(_hits(counts), counts.sum(axis=-1))


def _uf1(counts: Counts, fixed: bool) -> Any:
    f1 = f1_of(counts)
    return np.nan_to_num(f1).mean(axis=-1) if fixed else np.nanmean(f1, axis=-1)


def _weighted_f1(counts: Counts, fixed: bool) -> Any:
    support = counts.sum(axis=-1)
    return (np.nan_to_num(f1_of(counts)) * support).sum(axis=-1) / support.sum(axis=-1)


CountScore = Callable[[Counts, bool], Any]
"""…×C×C counts, and whether `labels` fixed the classes, to … scores in [0, 1]."""

SCORES: dict[str, CountScore] = {
    "uf1": _uf1,
    "uar": lambda counts, fixed: np.nanmean(recall_of(counts), axis=-1),
    "accuracy": lambda counts, fixed: _hits(counts).sum(axis=-1) / counts.sum(axis=(-2, -1)),
    "weighted_f1": _weighted_f1,
}


def named_score(name: str) -> CountScore:
    """One of `SCORES`; MetricError if there is none of that name."""
    if name not in SCORES:
        raise MetricError(f"There is no score {name!r}. Choose one of: {', '.join(SCORES)}.")
    return SCORES[name]


def _score(name: str, references: Any, predictions: Any, labels: Any) -> float:
    matrix, _ = confusion(references, predictions, labels)
    return float(SCORES[name](matrix, labels is not None))


def _hits(counts: Counts) -> Counts:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _ratio(part: Counts, whole: Counts) -> npt.NDArray[np.float64]:
    found = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=found, where=whole > 0)
    return found


def listed(name: str, values: Any, of: str = "classes") -> list[Any]:
    """A column as plain Python values; MetricError if it is no sequence."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise MetricError(f"{name} must be a sequence of {of}, got {values!r}.")
    # Arrays, and tensors on any device, know how to become Python objects.
    found = values.tolist() if hasattr(values, "tolist") else list(values)
    return [value.item() if hasattr(value, "item") else value for value in found]


def _plain(name: str, values: Iterable[Any]) -> list[Any]:
    found = listed(name, values)
    for index, value in enumerate(found):
        if not isinstance(value, int | str):
            raise MetricError(
                f"{name}[{index}] is {value!r}, which is no class; give integers or strings "
                "(take the argmax of scores, and drop clips without a label)."
            )
    return found


def _demand_pairs(**named: Sized) -> None:
    (first, clips), *others = ((name, len(values)) for name, values in named.items())
    for name, length in others:
        if length != clips:
            raise MetricError(
                f"There are {clips} {first} and {length} {name}; give one of each for every clip."
            )
    if not clips:
        raise MetricError(f"There are no {' and no '.join(named)}; give at least one of each.")


def _numbered(name: str, values: Iterable[Any]) -> tuple[list[Any], npt.NDArray[np.int64]]:
    """The different values as they first occur, and for each entry the number of its own."""
    # Of an array a pass for each class, instead of a Python object for each clip.
    if type(values) is np.ndarray and values.ndim == 1 and values.dtype.kind in "iuU":
        found: list[Any] = []
        numbers = np.full(len(values), -1)
        while len(found) <= 64 and len(left := np.flatnonzero(numbers < 0)):
            numbers[values == values[left[0]]] = len(found)
            found.append(values[left[0]].item())
        if not len(left):
            return found, numbers
    plain = _plain(name, values)
    position = {value: number for number, value in enumerate(dict.fromkeys(plain))}
    return list(position), np.array([position[value] for value in plain], np.int64)
