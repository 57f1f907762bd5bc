"""UF1 as an `evaluate` module.

Unweighted F1 (UF1, macro F1): F1 = 2TP / (2TP + FP + FN) of each class, averaged over the classes,
each of them alike however few clips it has. The first score of micro-expression recognition.

Args:
    predictions: Predicted classes, integers or strings, one a clip.
    references: True classes, of the same kind and in the same order.
    labels: The classes, if all are to count even when some do not occur (those get F1 = 0).
        By default, the classes that occur in the references or the predictions.

Returns:
    {"uf1": float in [0, 1]}, 1 if every clip is right.

Example:
    >>> import equime_hub, evaluate
    >>> uf1 = evaluate.load("uf1")
    >>> uf1.compute(references=[0, 0, 0, 1, 2], predictions=[0, 0, 1, 1, 1])
    {'uf1': 0.43333333333333335}
"""

from __future__ import annotations

from typing import Any

import evaluate

from .module import ClassMetric, info
from .scores import uf1


class UF1(ClassMetric):
    """Mean over the classes of 2TP / (2TP + FP + FN)."""

    def _info(self) -> evaluate.MetricInfo:
        return info(__doc__)

    def _compute(
        self, predictions: list[Any], references: list[Any], labels: list[Any] | None = None
    ) -> dict[str, float]:
        return {"uf1": uf1(references, predictions, labels)}
