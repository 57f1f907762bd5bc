"""What samplers draw, what a sampler is, and which there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from equime_hub import seeds
from equime_hub.errors import PlanError
from equime_hub.registry import Registry
from equime_hub.schema.taxonomy import AU_NUMBERS, AU_SOURCES

Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Draw:
    """One AU vector: a value of Z.

    Attributes:
        au_onset: 17 intensities in [0, 1] before the expression, in the order of `AU_NUMBERS`.
        au_apex: The same at the apex.
        source: One of `AU_SOURCES`.
        subject: Whose AUs these are, as "dataset/subject"; None if nobody's.
    """

    au_onset: tuple[float, ...]
    au_apex: tuple[float, ...]
    source: str
    subject: str | None = None


@dataclass(frozen=True, eq=False)
class Draws:
    """N AU vectors, as columns; each as in `Draw`.

    Attributes:
        au_onset: N×17.
        au_apex: N×17.
        source: N texts.
        subject: N texts or None.
    """

    au_onset: Vectors
    au_apex: Vectors
    source: list[str]
    subject: list[str | None]


class Sampler(Protocol):
    """What draws AU vectors: same generator state, same draw.

    Each is a frozen dataclass that can be pickled and written as JSON (`SAMPLERS.describe`), and
    becomes `equime plan --sampler NAME` by an entry point in the group `equime_hub.samplers`. One
    that is fast with many draws at once has a method `draw_many(emotion, keys)` besides; `draws`
    uses it.
    """

    def emotions(self) -> tuple[str, ...]:
        """Those it can draw."""

    def draw(self, emotion: str, rng: np.random.Generator) -> Draw:
        """One AU vector that shows the emotion.

        Raises:
            PlanError: It knows no AUs for the emotion.
        """


def draws(sampler: Sampler, emotion: str, keys: npt.NDArray[np.uint64]) -> Draws:
    """One AU vector a key, each of which depends on its own key alone.

    Args:
        sampler: Any.
        emotion: What all of them show.
        keys: N seeds in [0, 2**64).

    Raises:
        PlanError: The sampler does not draw the emotion, or draws what is no AU vector, or names
            a source that the column `au_source` does not have.
    """
    demand(emotion, sampler.emotions())
    if many := getattr(sampler, "draw_many", None):
        made: Draws = many(emotion, keys)
    else:
        made = _one_by_one(sampler, emotion, keys)
    for vectors in (made.au_onset, made.au_apex):
        fits = vectors.shape == (len(keys), len(AU_NUMBERS))
        if not (fits and ((vectors >= 0) & (vectors <= 1)).all()):
            raise PlanError(
                f"{sampler} drew for {emotion} what is no vector of {len(AU_NUMBERS)} intensities "
                "in [0, 1]. Mend its `draw`, or plan with another sampler."
            )
    # The column is one of classes, so that a new name would fail only when clips are written.
    if unknown := set(made.source) - set(AU_SOURCES):
        raise PlanError(
            f"{sampler} says that AUs are from {', '.join(sorted(unknown))}; the source of a draw "
            f"is one of {', '.join(AU_SOURCES)}."
        )
    return made


def _one_by_one(sampler: Sampler, emotion: str, keys: npt.NDArray[np.uint64]) -> Draws:
    each = [sampler.draw(emotion, seeds.generator(key)) for key in keys.tolist()]
    return Draws(
        np.array([draw.au_onset for draw in each], dtype=float),
        np.array([draw.au_apex for draw in each], dtype=float),
        [draw.source for draw in each],
        [draw.subject for draw in each],
    )


SAMPLERS = Registry(
    "AU sampler",
    {
        "expert": "equime_hub.builder.causal.expert:ExpertSampler",
        "micro": "equime_hub.builder.causal.donors:MicroSampler",
        "macro": "equime_hub.builder.causal.donors:MacroSampler",
        "mixture": "equime_hub.builder.causal.mixture:MixtureSampler",
    },
    group="equime_hub.samplers",
)


def demand(emotion: str, known: Sequence[str]) -> None:
    """Refuse an emotion that a sampler does not know."""
    if emotion not in known:
        raise PlanError(
            f"No action units are known for {emotion!r}; these emotions can be drawn: "
            f"{', '.join(known)}."
        )
