"""The sampler `mixture`: several samplers with weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from equime_hub.builder.causal.draw import SAMPLERS, Draw, Sampler, demand
from equime_hub.errors import PlanError


@dataclass(frozen=True)
class MixturePart:
    """One sampler of a mixture.

    Attributes:
        weight: Its share is its weight over the sum of all; more than 0.
        sampler: The sampler as `SAMPLERS.describe` writes it, so that samplers of other
            packages can take part.
    """

    weight: float
    sampler: dict[str, Any]

    def __post_init__(self) -> None:
        if not 0 < self.weight < math.inf:
            raise PlanError(f"A weight must be a number above 0, got {self.weight}.")
        if not isinstance(self.sampler.get("name"), str):
            raise PlanError(
                f"A part of a mixture must name its sampler, got {self.sampler}. Samplers: "
                f"{', '.join(SAMPLERS.names())}."
            )


@dataclass(frozen=True)
class MixtureSampler:
    """Draws from one of its parts, chosen by weight among those that know the emotion.

    Attributes:
        parts: At least one.
    """

    parts: tuple[MixturePart, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise PlanError("A mixture needs at least one sampler, got none.")
        # Described anew, so that the hashes of the files they read are part of the mixture.
        described = tuple(
            MixturePart(float(part.weight), SAMPLERS.describe(sampler))
            for part, sampler in zip(self.parts, self._samplers, strict=True)
        )
        object.__setattr__(self, "parts", described)

    @classmethod
    def of(cls, *parts: tuple[float, Sampler]) -> MixtureSampler:
        """A mixture of samplers, each with its weight before it."""
        return cls(
            tuple(MixturePart(weight, SAMPLERS.describe(sampler)) for weight, sampler in parts)
        )

    def emotions(self) -> tuple[str, ...]:
        """Those that any part can draw."""
        return tuple(dict.fromkeys(name for part in self._samplers for name in part.emotions()))

    def draw(self, emotion: str, rng: np.random.Generator) -> Draw:
        """One AU vector.

        Raises:
            PlanError: No part knows the emotion.
        """
        demand(emotion, self.emotions())
        able = [
            (part.weight, sampler)
            for part, sampler in zip(self.parts, self._samplers, strict=True)
            if emotion in sampler.emotions()
        ]
        weights = np.array([weight for weight, _ in able])
        chosen = int(rng.choice(len(able), p=weights / weights.sum()))
        return able[chosen][1].draw(emotion, rng)

    @cached_property
    def _samplers(self) -> tuple[Sampler, ...]:
        return tuple(SAMPLERS.restore(part.sampler) for part in self.parts)
