"""Weighted F1 as an `evaluate` module.

Weighted F1: F1 = 2TP / (2TP + FP + FN) of each class, averaged over the classes, each weighted by
its share of the references. It follows the frequent classes; read it beside UF1.

Args:
    predictions: Predicted classes, integers or strings, one a clip.
    references: True classes, of the same kind and in the same order.
    labels: The classes that may occur, if others are to be refused. Those without references
        have no weight, named here or not.

Returns:
    {"weighted_f1": float in [0, 1]}, 1 if every clip is right.

Example:
    >>> import equime_hub, evaluate
    >>> weighted_f1 = evaluate.load("weighted_f1")
    >>> weighted_f1.compute(references=[0, 0, 1, 2], predictions=[0, 0, 1, 1])
    {'weighted_f1': 0.6666666666666666}
"""

from __future__ import annotations

from typing import Any

import evaluate

from .module import ClassMetric, info
from .scores import weighted_f1


class WeightedF1(ClassMetric):
    """Mean of 2TP / (2TP + FP + FN), each class weighted by its references."""

    def _info(self) -> evaluate.MetricInfo:
        return info(__doc__)

    def _compute(
        self, predictions: list[Any], references: list[Any], labels: list[Any] | None = None
    ) -> dict[str, float]:
        return {"weighted_f1": weighted_f1(references, predictions, labels)}
