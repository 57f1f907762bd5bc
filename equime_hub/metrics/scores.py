"""Scores of a classifier as plain functions: UF1, UAR and the confusion matrix behind them.

Both weigh every class alike, however few clips it has, because micro-expression datasets are
lopsided: in the composite set of MEGC 2019, always saying "negative" is right for 57 % of the
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
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from equime_hub.errors import MetricError

Label = int | str


def confusion(
    references: Iterable[Any],
    predictions: Iterable[Any],
    labels: Iterable[Any] | None = None,
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
    true = _classes("references", references)
    predicted = _classes("predictions", predictions)
    if len(true) != len(predicted):
        raise MetricError(
            f"There are {len(true)} references and {len(predicted)} predictions; "
            "give one prediction for each reference."
        )
    if not true:
        raise MetricError("There are no references and no predictions; give at least one of each.")
    named = None if labels is None else _classes("labels", labels)
    every = [*true, *predicted, *(named or ())]
    strings = [label for label in every if isinstance(label, str)]
    if strings and len(strings) < len(every):
        other = next(label for label in every if not isinstance(label, str))
        raise MetricError(
            f"Classes must be all integers or all strings, got {other!r} and {strings[0]!r}."
        )
    classes = sorted(set(every)) if named is None else named
    position = {label: index for index, label in enumerate(classes)}
    if len(position) < len(classes):
        raise MetricError(f"labels must name each class once, got {classes}.")
    if unknown := [label for label in (*true, *predicted) if label not in position]:
        raise MetricError(f"The class {unknown[0]!r} occurs, but labels names only {classes}.")
    matrix = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(matrix, ([position[c] for c in true], [position[c] for c in predicted]), 1)
    return matrix, classes


def f1_scores(
    references: Iterable[Any],
    predictions: Iterable[Any],
    labels: Iterable[Any] | None = None,
) -> dict[Label, float]:
    """F1 of each class, 2TP / (2TP + FP + FN), in [0, 1]; arguments and errors as `confusion`."""
    matrix, classes = confusion(references, predictions, labels)
    # A row sums to TP + FN, a column to TP + FP. Only a class that never occurs has neither,
    # and its TP is 0: dividing by 1 instead gives it F1 = 0.
    total = np.maximum(matrix.sum(axis=0) + matrix.sum(axis=1), 1)
    return dict(zip(classes, (2 * matrix.diagonal() / total).tolist(), strict=True))


def recalls(
    references: Iterable[Any],
    predictions: Iterable[Any],
    labels: Iterable[Any] | None = None,
) -> dict[Label, float]:
    """Recall of each class that has references, TP / n, in [0, 1]; the rest as `confusion`."""
    matrix, classes = confusion(references, predictions, labels)
    counts = matrix.sum(axis=1)
    return {
        label: float(hits / count)
        for label, hits, count in zip(classes, matrix.diagonal(), counts, strict=True)
        if count
    }


def uf1(
    references: Iterable[Any],
    predictions: Iterable[Any],
    labels: Iterable[Any] | None = None,
) -> float:
    """Unweighted F1: mean of `f1_scores` over the classes; arguments and errors as `confusion`.

    >>> round(uf1(["negative", "negative", "surprise"], ["negative", "surprise", "surprise"]), 4)
    0.6667
    """
    return fmean(f1_scores(references, predictions, labels).values())


def uar(
    references: Iterable[Any],
    predictions: Iterable[Any],
    labels: Iterable[Any] | None = None,
) -> float:
    """Unweighted average recall: mean of `recalls`; arguments and errors as `confusion`.

    >>> uar(["negative", "negative", "surprise"], ["negative", "surprise", "surprise"])
    0.75
    """
    return fmean(recalls(references, predictions, labels).values())


def _classes(name: str, values: Iterable[Any]) -> list[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise MetricError(f"{name} must be a sequence of classes, got {values!r}.")
    # Arrays, and tensors on any device, know how to become Python objects.
    found = values.tolist() if hasattr(values, "tolist") else list(values)
    found = [value.item() if hasattr(value, "item") else value for value in found]
    for index, value in enumerate(found):
        if not isinstance(value, int | str):
            raise MetricError(
                f"{name}[{index}] is {value!r}, which is no class; give integers or strings "
                "(take the argmax of scores, and drop clips without a label)."
            )
    return found
