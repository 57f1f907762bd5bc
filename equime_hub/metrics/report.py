"""All that a table of micro-expression recognition needs, beside what no model at all would get.

Some published rows equal a predictor that always says the same class, and their accuracy and
weighted F1 do not show it. So every score stands beside those of three predictors that look at
no clip; their counts are what they would have on average:

- `constant`: always the most frequent class of the references, which has the best accuracy, UF1
  and weighted F1 of all constant predictors. Of equal ones, the first.
- `prior`: each class as often as the references hold it.
- `chance`: each class equally often.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .calibration import calibration_error, checked, mean_confidence, predicted
from .scores import SCORES, Counts, Label, MetricError, confusion, f1_of, recall_of

NAMES = (*SCORES, "macro_f1")


@dataclass(frozen=True)
class Row:
    """The scores of one predictor, each in [0, 1].

    `macro_f1` is the mean over the classes that occur in the references or predictions, as
    scikit-learn has it; `uf1` also counts those that only `labels` names, with F1 = 0.
    """

    uf1: float
    uar: float
    accuracy: float
    weighted_f1: float
    macro_f1: float


@dataclass(frozen=True)
class ClassRow:
    """One class: how many references and predictions it has, and its scores in [0, 1].

    Precision is None where it is never predicted, recall where it has no references.
    """

    label: Label
    references: int
    predictions: int
    precision: float | None
    recall: float | None
    f1: float


@dataclass(frozen=True)
class Report:
    """What `report` found.

    Attributes:
        labels: The C classes, in the order of the rest.
        confusion: C×C clips, row = reference, column = prediction.
        model: Scores of the predictions.
        baselines: Scores of `constant`, `prior` and `chance`.
        constant_class: The class that `constant` always says.
        classes: A row a class.
        constant_prediction: The only class that is ever predicted, or None if there are several.
        mean_confidence: In [1/C, 1]; None without probabilities.
        expected_calibration_error: In [0, 1]; None without probabilities.
    """

    labels: tuple[Label, ...]
    confusion: tuple[tuple[int, ...], ...]
    model: Row
    baselines: dict[str, Row]
    constant_class: Label
    classes: tuple[ClassRow, ...]
    constant_prediction: Label | None
    mean_confidence: float | None = None
    expected_calibration_error: float | None = None

    @property
    def classes_predicted(self) -> int:
        """How many classes are ever predicted."""
        return sum(row.predictions > 0 for row in self.classes)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; the scores of the model stand at the top."""
        found = asdict(self)
        return {**found.pop("model"), "classes_predicted": self.classes_predicted, **found}

    def to_markdown(self) -> str:
        """The scores of the model beside those of the baselines, then the classes."""
        rows = {"model": self.model, **self.baselines}
        rows[f"constant: {self.constant_class}"] = rows.pop("constant")
        text = _table(
            ("", *NAMES),
            [(name, *(getattr(row, score) for score in NAMES)) for name, row in rows.items()],
        )
        columns = ("label", "references", "predictions", "precision", "recall", "f1")
        text += "\n" + _table(columns, [tuple(asdict(row).values()) for row in self.classes])
        if self.constant_prediction is not None:
            text += f"\nA constant predictor: it always says {self.constant_prediction!r}.\n"
        return text


def report(
    references: Iterable[Any],
    predictions: Iterable[Any] | None = None,
    labels: Iterable[Any] | None = None,
    probabilities: Iterable[Any] | None = None,
) -> Report:
    """Score predictions in every way; give either classes or probabilities.

    Args:
        references: True classes, one a clip.
        predictions: Predicted classes, in the same order.
        labels: As in `scores.confusion`; with probabilities, the class of each column.
        probabilities: Clips × classes; the largest is the prediction. All columns are classes,
            as if `labels` named them.

    Raises:
        MetricError: As `scores.confusion` and `calibration.checked`; both or neither are given.
    """
    if predictions is not None and probabilities is None:
        return from_counts(*confusion(references, predictions, labels), fixed=labels is not None)
    if predictions is not None or probabilities is None:
        raise MetricError("Give either predictions or probabilities.")
    rows = checked(probabilities)
    said, named = predicted(rows, labels)
    references = list(references)
    counts, classes = confusion(references, said, named)
    return from_counts(
        counts,
        classes,
        confidence=mean_confidence(rows),
        error=calibration_error(references, rows, named),
    )


def from_counts(
    counts: Counts,
    labels: Sequence[Label],
    *,
    fixed: bool = True,
    confidence: float | None = None,
    error: float | None = None,
) -> Report:
    """The report of a confusion matrix, such as the sum over the folds of a protocol.

    Args:
        counts: C×C clips, row = reference, column = prediction.
        labels: The C classes.
        fixed: A class that does not occur counts in UF1 with F1 = 0, as where `labels` names it.
        confidence: Mean confidence, if known.
        error: Expected calibration error, if known.

    Raises:
        MetricError: `counts` is not C×C or holds no clip.
    """
    counts = np.asarray(counts)
    if counts.shape != (len(labels), len(labels)) or counts.sum() < 1 or counts.min() < 0:
        raise MetricError(
            f"A confusion matrix of {len(labels)} classes has so many rows and columns, and holds "
            f"clips; got {counts.tolist()}."
        )
    true = counts.sum(axis=1)
    classes = _classes(counts, labels)
    said = [row.label for row in classes if row.predictions]
    return Report(
        labels=tuple(labels),
        confusion=tuple(map(tuple, counts.tolist())),
        model=_row(counts, fixed),
        baselines={
            name: _row(np.outer(true, chances), True) for name, chances in guesses(true).items()
        },
        constant_class=labels[int(true.argmax())],
        classes=classes,
        constant_prediction=said[0] if len(said) == 1 else None,
        mean_confidence=confidence,
        expected_calibration_error=error,
    )


def guesses(true: Counts) -> dict[str, npt.NDArray[np.float64]]:
    """Predictor that looks at no clip → how often it says each class; of the references, C."""
    return {
        "constant": np.eye(len(true))[true.argmax()],
        "prior": true / true.sum(),
        "chance": np.full(len(true), 1 / len(true)),
    }


def _row(counts: Counts, fixed: bool) -> Row:
    found = {name: float(score(counts, fixed)) for name, score in SCORES.items()}
    return Row(**found, macro_f1=float(SCORES["uf1"](counts, False)))


def _classes(counts: Counts, labels: Sequence[Label]) -> tuple[ClassRow, ...]:
    # Precision is the recall of the transposed matrix.
    return tuple(
        ClassRow(label, n, m, _known(precision), _known(recall), f1)
        for label, n, m, precision, recall, f1 in zip(
            labels,
            counts.sum(axis=1).tolist(),
            counts.sum(axis=0).tolist(),
            recall_of(counts.T).tolist(),
            recall_of(counts).tolist(),
            np.nan_to_num(f1_of(counts)).tolist(),
            strict=True,
        )
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    def cell(value: Any) -> str:
        return "–" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)

    lines = [list(head), ["---"] * len(head), *([cell(value) for value in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
