"""The sampler `expert`: AUs by the book, MiE-X's z_exp (paper §4.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equime_hub import seeds
from equime_hub.builder.causal.draw import Draw, Draws, demand
from equime_hub.builder.causal.maps import au_map
from equime_hub.errors import PlanError
from equime_hub.schema.taxonomy import AU_INDEX, AU_NUMBERS

_LEAST = 0.0001
"""Smallest intensity that rounding leaves above zero."""


@dataclass(frozen=True)
class ExpertSampler:
    """Each AU of the emotion is on with its probability, independently of the others.

    Intensities at the apex are uniform on [μ, ν], rounded to four digits; the onset is neutral.
    A draw with no AU at all (only fear of `mie-x` can give one) is drawn again: a clip without
    a movement has no emotion to show.

    Attributes:
        map: Name of a table in `MAPS`.
        intensity: (μ, ν), 0.0001 <= μ <= ν <= 1; MiE-X uses (0.1, 0.3).
    """

    map: str = "mie-x"
    intensity: tuple[float, float] = (0.1, 0.3)

    def __post_init__(self) -> None:
        au_map(self.map)
        low, high = self.intensity
        if not _LEAST <= low <= high <= 1:
            raise PlanError(
                f"intensity must satisfy {_LEAST} <= low <= high <= 1, got ({low}, {high})."
            )

    def emotions(self) -> tuple[str, ...]:
        """Those of the table."""
        return tuple(au_map(self.map))

    def draw(self, emotion: str, rng: np.random.Generator) -> Draw:
        """One AU vector.

        Raises:
            PlanError: The emotion is not in the table.
        """
        drawn = self.draw_many(emotion, rng.integers(2**64, size=1, dtype=np.uint64))
        return Draw(tuple(drawn.au_onset[0].tolist()), tuple(drawn.au_apex[0].tolist()), "expert")

    def draw_many(self, emotion: str, keys: npt.NDArray[np.uint64]) -> Draws:
        """One AU vector a key.

        Raises:
            PlanError: The emotion is not in the table.
        """
        demand(emotion, self.emotions())
        chances = np.zeros(len(AU_NUMBERS))
        for number, chance in au_map(self.map)[emotion].items():
            chances[AU_INDEX[number]] = chance
        low, high = self.intensity
        apex = np.zeros((len(keys), len(AU_NUMBERS)))
        left, streams = np.arange(len(keys)), keys
        while len(left):
            numbers = seeds.words(streams, 2 * len(AU_NUMBERS) + 1)
            drawn = seeds.uniform(numbers[:, :-1])
            active = drawn[:, : len(AU_NUMBERS)] < chances
            strengths = (low + (high - low) * drawn[:, len(AU_NUMBERS) :]).round(4)
            apex[left] = np.where(active, strengths, 0.0)
            again = ~active.any(axis=1)
            left, streams = left[again], numbers[again, -1]
        return Draws(np.zeros_like(apex), apex, ["expert"] * len(keys), [None] * len(keys))
