"""Mean confidence and calibration error as an `evaluate` module.

Mean confidence: the mean over the clips of the largest softmax probability. With it, the expected
calibration error: how far confidence is from accuracy, over 15 bins of equal width.

Args:
    predictions: Probabilities, a row a clip and a column a class; each row sums to 1.
    references: True classes, one a clip.
    labels: The class of each column; by default 0, 1, ...
    bins: Bins of equal width over (0, 1] for the calibration error; by default 15.

Returns:
    {"mean_confidence": float in [1/C, 1], "expected_calibration_error": float in [0, 1]}.

Example:
    >>> import equime_hub, evaluate
    >>> mean_confidence = evaluate.load("mean_confidence")
    >>> mean_confidence.compute(references=[0, 1], predictions=[[0.75, 0.25], [0.75, 0.25]])
    {'mean_confidence': 0.75, 'expected_calibration_error': 0.25}
"""

from __future__ import annotations

from typing import Any

import evaluate

from .calibration import BINS, calibration_error, checked, mean_confidence
from .module import INTEGER, ROW, STRING, Features, Module, info
from .scores import columns

_CITATION = """\
@inproceedings{guo2017calibration,
  title     = {On Calibration of Modern Neural Networks},
  author    = {Guo, Chuan and Pleiss, Geoff and Sun, Yu and Weinberger, Kilian Q.},
  booktitle = {Proceedings of the 34th International Conference on Machine Learning},
  year      = {2017}
}
"""


class MeanConfidence(Module):
    """Mean of the largest probability, and the expected calibration error."""

    def _info(self) -> evaluate.MetricInfo:
        forms = [Features(predictions=ROW, references=kind) for kind in (INTEGER, STRING)]
        return info(__doc__, forms, _CITATION)

    def _checked(self, predictions: Any, references: Any) -> dict[str, list[Any]]:
        rows = checked(predictions)
        found = columns(predictions=range(len(rows)), references=references)
        return {**found, "predictions": rows.tolist()}

    def _compute(
        self,
        predictions: list[Any],
        references: list[Any],
        labels: list[Any] | None = None,
        bins: int = BINS,
    ) -> dict[str, float]:
        return {
            "mean_confidence": mean_confidence(predictions),
            "expected_calibration_error": calibration_error(references, predictions, labels, bins),
        }
