"""UAR as an `evaluate` module."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate

from equime_hub.metrics import scores

_DESCRIPTION = """\
Unweighted average recall (UAR, balanced accuracy): the share of each class's clips that are
recognised, averaged over the classes that have clips, each of them alike however few these are.
"""

_INPUTS = """
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

_CITATION = """\
@inproceedings{see2019megc,
  title     = {{MEGC} 2019 -- The Second Facial Micro-Expressions Grand Challenge},
  author    = {See, John and Yap, Moi Hoon and Li, Jingting and Hong, Xiaopeng and Wang, Su-Jing},
  booktitle = {14th IEEE International Conference on Automatic Face and Gesture Recognition},
  year      = {2019},
  doi       = {10.1109/FG.2019.8756611}
}
"""


class UAR(evaluate.Metric):  # type: ignore[misc]
    """Mean over the classes that have references of TP / n."""

    def _info(self) -> evaluate.MetricInfo:
        kinds = [datasets.Value("string"), datasets.Value("int64")]
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=[datasets.Features(predictions=kind, references=kind) for kind in kinds],
        )

    def add_batch(self, *, predictions: Any = None, references: Any = None) -> None:
        """Refuse what is no class, which `evaluate` would cast: 0.7 to 0; then add it."""
        scores.confusion(references, predictions)
        super().add_batch(predictions=predictions, references=references)

    def add(self, *, prediction: Any = None, reference: Any = None) -> None:
        """As `add_batch`, one clip."""
        scores.confusion([reference], [prediction])
        super().add(prediction=prediction, reference=reference)

    def _compute(
        self, predictions: list[Any], references: list[Any], labels: list[Any] | None = None
    ) -> dict[str, float]:
        return {"uar": scores.uar(references, predictions, labels)}
