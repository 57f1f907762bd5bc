"""The sampler `expert`: AUs by the book, MiE-X's z_exp (paper §4.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equime_hub.builder.causal.draw import Draw, demand
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
        demand(emotion, self.emotions())
        chances = np.zeros(len(AU_NUMBERS))
        for number, chance in au_map(self.map)[emotion].items():
            chances[AU_INDEX[number]] = chance
        active = np.zeros(len(AU_NUMBERS), dtype=bool)
        while not active.any():
            active = rng.random(len(AU_NUMBERS)) < chances
        strengths = rng.uniform(*self.intensity, size=len(AU_NUMBERS))
        apex = tuple(round(float(value), 4) for value in np.where(active, strengths, 0.0))
        return Draw(au_onset=(0.0,) * len(AU_NUMBERS), au_apex=apex, source="expert")
