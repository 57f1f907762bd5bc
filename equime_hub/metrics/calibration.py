"""How sure a classifier is, and how far that is from how often it is right.

Probabilities are rows of one clip each, softmax over the classes. Confidence is the largest of a
row, and its class is the prediction; of equal ones, the first. The mean confidence of the EquiME
paper says little alone: 0.334 of three classes is a network that has learned nothing. So the
expected calibration error stands beside it (Guo et al. 2017): bins of equal width over (0, 1],
bin m holding confidences in ((m - 1)/M, m/M], M = 15, and the mean over the clips of
|accuracy - mean confidence| of their bin.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .scores import Label, MetricError, coded

BINS = 15
_SLACK = 0.01
"""How far a row may be from 1: half-precision softmax is off by some thousandths."""


def is_rows(values: Any) -> bool:
    """Whether these are rows of probabilities rather than classes."""
    if hasattr(values, "ndim"):
        return bool(values.ndim > 1)
    first = values[0] if isinstance(values, Sequence) and len(values) else None
    return isinstance(first, list | tuple) or getattr(first, "ndim", 0) > 0


def checked(probabilities: Iterable[Any]) -> npt.NDArray[np.float64]:
    """Probabilities as clips × classes.

    Raises:
        MetricError: No clips, rows of unequal length, NaN, a value outside [0, 1], or a row that
            does not sum to 1 within 0.01.
    """
    if isinstance(probabilities, str) or not isinstance(probabilities, Iterable):
        raise MetricError(f"Probabilities must be rows of numbers, got {probabilities!r}.")
    rows: Any = probabilities
    if not isinstance(rows, np.ndarray):
        rows = rows.tolist() if hasattr(rows, "tolist") else list(rows)
        rows = [row.tolist() if hasattr(row, "tolist") else row for row in rows]
    try:
        found = np.asarray(rows, np.float64)
    except (TypeError, ValueError) as error:
        raise MetricError(
            f"Probabilities must be rows of numbers of one length: {error}."
        ) from None
    if found.ndim != 2 or not found.size:
        raise MetricError(
            f"Probabilities must be clips × classes, and of each at least one; "
            f"got an array of shape {found.shape}."
        )
    if (wrong := np.argwhere(~((found >= 0) & (found <= 1)))).size:
        clip, column = wrong[0].tolist()
        raise MetricError(
            f"Probability {column} of clip {clip} is {found[clip, column]}, not in [0, 1]; "
            "apply softmax to logits, and find out where NaN comes from."
        )
    if (wrong := np.argwhere(abs(found.sum(axis=1) - 1) > _SLACK)).size:
        clip = int(wrong[0, 0])
        raise MetricError(
            f"The probabilities of clip {clip} sum to {found[clip].sum():.4g} instead of 1; "
            "give the softmax over all classes."
        )
    return found


def mean_confidence(probabilities: Iterable[Any]) -> float:
    """Mean over the clips of the largest probability, in [1/C, 1]; errors as `checked`.

    >>> mean_confidence([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]])
    0.75
    """
    return float(checked(probabilities).max(axis=1).mean())


def predicted(
    rows: npt.NDArray[np.float64], labels: Iterable[Any] | None
) -> tuple[list[Label], list[Label]]:
    """The class of the largest probability of each clip, and the class of each column.

    Args:
        rows: Clips × classes, as `checked` gives them.
        labels: The class of each column; by default 0, 1, ...

    Raises:
        MetricError: There are not as many labels as columns.
    """
    classes: list[Any] = list(range(rows.shape[1]) if labels is None else labels)
    if len(classes) != rows.shape[1]:
        raise MetricError(
            f"There are {rows.shape[1]} probabilities a clip and {len(classes)} labels; "
            "name the class of each column."
        )
    return [classes[column] for column in rows.argmax(axis=1).tolist()], classes


def calibration_error(
    references: Iterable[Any],
    probabilities: Iterable[Any],
    labels: Iterable[Any] | None = None,
    bins: int = BINS,
) -> float:
    """Expected calibration error, in [0, 1]; 0 is best.

    Args:
        references: True classes, one a clip.
        probabilities: Clips × classes, in the same order.
        labels: The class of each column; by default 0, 1, ...
        bins: How many, of equal width over (0, 1].

    Raises:
        MetricError: As `checked` and `scores.confusion`; or fewer than one bin.

    >>> calibration_error([0, 1], [[0.75, 0.25], [0.75, 0.25]])
    0.25
    """
    if bins < 1:
        raise MetricError(f"bins must be at least 1, got {bins}.")
    rows = checked(probabilities)
    said, classes = predicted(rows, labels)
    cells, _ = coded(references, said, classes)
    right = cells // len(classes) == cells % len(classes)
    confidence = rows.max(axis=1)
    # The last edge is left out: what rounding puts above 1 belongs to the last bin.
    found = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence, side="left")
    clips, sure, hits = (
        np.bincount(found, weights=weights, minlength=bins) for weights in (None, confidence, right)
    )
    # An empty bin has no mean.
    held = clips > 0
    clips, sure, hits = clips[held], sure[held], hits[held]
    gaps: list[float] = (clips * abs(hits / clips - sure / clips)).tolist()
    return sum(gaps) / len(rows)
