"""What samplers draw, what a sampler is, and which there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from equime_hub.errors import PlanError
from equime_hub.registry import Registry


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


class Sampler(Protocol):
    """What draws AU vectors: same generator state, same draw.

    Each is a frozen dataclass that can be pickled and written as JSON (`SAMPLERS.describe`).
    """

    def emotions(self) -> tuple[str, ...]:
        """Those it can draw."""

    def draw(self, emotion: str, rng: np.random.Generator) -> Draw:
        """One AU vector that shows the emotion.

        Raises:
            PlanError: It knows no AUs for the emotion.
        """


SAMPLERS = Registry(
    "AU sampler",
    {
        "expert": "equime_hub.builder.causal.expert:ExpertSampler",
        "micro": "equime_hub.builder.causal.micro:MicroSampler",
        "macro": "equime_hub.builder.causal.macro:MacroSampler",
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
