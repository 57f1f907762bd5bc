"""UAR as an `evaluate` module.

Unweighted average recall (UAR, balanced accuracy): the share of each class's clips that are
recognised, averaged over the classes that have clips, each of them alike however few these are.

Args:
    predictions: Predicted classes, integers or strings, one a clip.
    references: True classes, of the same kind and in the same order.
    labels: The classes that may occur, if others are to be refused. Those without references
        do not count, named here or not.

Returns:
    {"uar": float in [0, 1]}, 1 if every clip is right.

Example:
    >>> import equime_hub, evaluate
    >>> uar = evaluate.load("uar")
    >>> uar.compute(references=[0, 0, 0, 1, 2], predictions=[0, 0, 1, 1, 1])
    {'uar': 0.5555555555555555}
"""

from __future__ import annotations

from typing import Any

import evaluate

from .module import ClassMetric, info
from .scores import uar


class UAR(ClassMetric):
    """Mean over the classes that have references of TP / n."""

    def _info(self) -> evaluate.MetricInfo:
        return info(__doc__)

    def _compute(
        self, predictions: list[Any], references: list[Any], labels: list[Any] | None = None
    ) -> dict[str, float]:
        return {"uar": uar(references, predictions, labels)}
