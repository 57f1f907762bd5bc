"""What the `evaluate` modules share.

It imports `evaluate`, so only they import it, and as a module: `evaluate` takes the first metric
class it finds among a file's names.
"""

from __future__ import annotations

from typing import Any

import datasets
import evaluate

from equime_hub.metrics import scores

_CITATION = """\
@inproceedings{see2019megc,
  title     = {{MEGC} 2019 -- The Second Facial Micro-Expressions Grand Challenge},
  author    = {See, John and Yap, Moi Hoon and Li, Jingting and Hong, Xiaopeng and Wang, Su-Jing},
  booktitle = {14th IEEE International Conference on Automatic Face and Gesture Recognition},
  year      = {2019},
  doi       = {10.1109/FG.2019.8756611}
}
"""


def info(description: str, inputs: str) -> evaluate.MetricInfo:
    """What a metric of classes says of itself: it takes integers or strings, one a clip."""
    kinds = [datasets.Value("string"), datasets.Value("int64")]
    return evaluate.MetricInfo(
        description=description,
        citation=_CITATION,
        inputs_description=inputs,
        features=[datasets.Features(predictions=kind, references=kind) for kind in kinds],
    )


class ClassMetric(evaluate.Metric):  # type: ignore[misc]
    """A metric of classes; it refuses what is no class, which `evaluate` would cast: 0.7 to 0."""

    def add_batch(self, *, predictions: Any = None, references: Any = None) -> None:
        """Add clips, as `evaluate` does.

        Raises:
            MetricError: As `scores.confusion`.
        """
        scores.confusion(references, predictions)
        super().add_batch(predictions=predictions, references=references)

    def add(self, *, prediction: Any = None, reference: Any = None) -> None:
        """As `add_batch`, one clip."""
        scores.confusion([reference], [prediction])
        super().add(prediction=prediction, reference=reference)
