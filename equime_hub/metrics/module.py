"""What the `evaluate` modules share.

`evaluate` copies a metric's own file and the files that it imports from its folder, one level
deep. So a folder holds links to the files it needs from here, and its own file names each.
"""

from __future__ import annotations

import abc
from typing import Any

import evaluate
from datasets import Features as Features
from datasets import Sequence, Value

from .scores import MetricError, coded, columns

STRING = Value("string")
INTEGER = Value("int64")
FLOAT = Value("float64")
ROW = Sequence(FLOAT)
"""Probabilities of one clip."""
CLASSES = [Features(predictions=kind, references=kind) for kind in (STRING, INTEGER)]
"""One class a clip, all strings or all integers."""

MEGC2019 = """\
@inproceedings{see2019megc,
  title     = {{MEGC} 2019 -- The Second Facial Micro-Expressions Grand Challenge},
  author    = {See, John and Yap, Moi Hoon and Li, Jingting and Hong, Xiaopeng and Wang, Su-Jing},
  booktitle = {14th IEEE International Conference on Automatic Face and Gesture Recognition},
  year      = {2019},
  doi       = {10.1109/FG.2019.8756611}
}
"""


def info(
    said: str | None, features: Any = CLASSES, citation: str = MEGC2019
) -> evaluate.MetricInfo:
    """What a metric says of itself.

    Args:
        said: The docstring of the metric's own file: below its first line stand the description,
            then inputs, output and an example, which is tested.
        features: The form of its columns, or a list of forms.
        citation: BibTeX.
    """
    description, args, inputs = (said or "").partition("\n\n")[2].partition("\n\nArgs:\n")
    return evaluate.MetricInfo(
        description=f"{description}\n",
        citation=citation,
        inputs_description=f"{args[1:]}{inputs}",
        features=features,
    )


class Module(evaluate.Metric, abc.ABC):  # type: ignore[misc]
    """A metric that checks its columns before `evaluate` casts them, which makes 0.7 a 0.

    It is abstract, because `evaluate` takes the first class of a file that is not.
    """

    @abc.abstractmethod
    def _checked(self, *args: Any, **given: Any) -> dict[str, list[Any]]:
        """The columns as lists of plain Python values, or a MetricError."""

    @abc.abstractmethod
    def _compute(self, *args: Any, **given: Any) -> dict[str, Any]: ...

    def add_batch(self, **given: Any) -> None:
        """Add clips, as `evaluate` does.

        Raises:
            MetricError: The clips cannot be scored; none of them is added.
        """
        super().add_batch(**self._columns(given))

    def add(self, *, prediction: Any = None, reference: Any = None, **given: Any) -> None:
        """As `add_batch`, one clip."""
        ends = {"predictions": prediction, "references": reference}
        given |= {name: ends[name] for name in ends if name in self._names}
        row = self._columns({name: [value] for name, value in given.items()})
        super().add(
            prediction=row.pop("predictions", [None])[0],
            reference=row.pop("references", [None])[0],
            **{name: value for name, (value,) in row.items()},
        )

    def _columns(self, given: dict[str, Any]) -> dict[str, list[Any]]:
        if given.keys() != set(self._names):
            raise MetricError(
                f"This metric takes {', '.join(self._names)}; got {', '.join(given)}."
            )
        return self._checked(**given)

    @property
    def _names(self) -> list[str]:
        """Names of the columns, the same in every form that a metric has."""
        forms = self.features
        return list(forms[0] if isinstance(forms, list) else forms)


class ClassMetric(Module):
    """A metric of one predicted and one true class a clip."""

    def _checked(self, predictions: Any, references: Any) -> dict[str, list[Any]]:
        found = columns(references=references, predictions=predictions)
        coded(**found)
        return found
