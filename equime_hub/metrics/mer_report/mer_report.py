"""The whole report as an `evaluate` module.

Everything that a table of micro-expression recognition needs: UF1, UAR, accuracy, weighted and
macro F1, the classes one by one, the confusion matrix, how many classes are ever predicted, and
what a constant predictor, one that knows the class shares, and pure chance would score.

Args:
    predictions: Predicted classes, integers or strings, one a clip; or probabilities, a row a clip
        and a column a class, each row summing to 1.
    references: True classes, in the same order.
    labels: The classes, if all are to count even when some do not occur; with probabilities, the
        class of each column, by default 0, 1, ...

Returns:
    A dictionary: uf1, uar, accuracy, weighted_f1, macro_f1, classes_predicted,
    constant_prediction (the only class predicted, or None), labels, confusion, classes (a list),
    baselines (constant, prior and chance, each with the five scores), constant_class, and with
    probabilities mean_confidence and expected_calibration_error (else None).

Example:
    >>> import equime_hub, evaluate
    >>> mer_report = evaluate.load("mer_report")
    >>> found = mer_report.compute(references=[0, 0, 0, 1, 2], predictions=[0, 0, 0, 0, 0])
    >>> found["accuracy"], found["uf1"], found["constant_prediction"]
    (0.6, 0.25, 0)
    >>> found["baselines"]["constant"]["uf1"]
    0.25
"""

from __future__ import annotations

from typing import Any

import evaluate

from .calibration import checked, is_rows
from .module import CLASSES, INTEGER, ROW, STRING, Features, Module, info
from .report import report
from .scores import coded, columns


class MerReport(Module):
    """All scores, the classes, the confusion matrix, and the baselines."""

    def _info(self) -> evaluate.MetricInfo:
        rows = [Features(predictions=ROW, references=kind) for kind in (INTEGER, STRING)]
        return info(__doc__, [*CLASSES, *rows])

    def _checked(self, predictions: Any, references: Any) -> dict[str, list[Any]]:
        if not is_rows(predictions):
            found = columns(references=references, predictions=predictions)
            coded(**found)
            return found
        rows = checked(predictions)
        found = columns(predictions=range(len(rows)), references=references)
        return {**found, "predictions": rows.tolist()}

    def _compute(
        self, predictions: list[Any], references: list[Any], labels: list[Any] | None = None
    ) -> dict[str, Any]:
        if isinstance(predictions[0], list):
            return report(references, labels=labels, probabilities=predictions).to_dict()
        return report(references, predictions, labels).to_dict()
