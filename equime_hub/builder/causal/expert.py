"""The sampler `expert`: AUs by the book, MiE-X's z_exp (paper §4.2), and its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from equime_hub import seeds
from equime_hub.builder.causal.draw import Draw, Draws, demand
from equime_hub.errors import PlanError
from equime_hub.files import beside
from equime_hub.schema.taxonomy import AU_NUMBERS

AuMap = Mapping[str, Mapping[int, float]]
"""Emotion → FACS number → probability that the AU is on; an AU left out is off."""

MAPS: Mapping[str, AuMap] = {
    name: {
        emotion: {int(number): chance for number, chance in chances.items()}
        for emotion, chances in emotions.items()
    }
    for name, emotions in beside(__file__, "au_maps.json").items()
}
"""The tables by name.

`mie-x`: the `au_map` of MiE-X's released code.

`du-2014`: Du, Tao & Martinez 2014, "Compound facial expressions of emotion", PNAS 111(15),
Table 1, the six basic emotions (contempt is not among them). Shares of people that stand in
brackets there are the probabilities. AUs that more than 70 % of people show are listed there
without a share; they are taken as always on, as MiE-X reads them. AU 24 (anger always, disgust
26 %) and AU 11 (sadness 26 %) are not among the 17 and are left out. The shares are of posed
macro-expressions: a draw has more AUs than most annotated micro-expressions.
"""


def au_map(name: str) -> AuMap:
    """A table by name.

    Raises:
        PlanError: The name is unknown; the message lists the known ones.
    """
    if name not in MAPS:
        raise PlanError(f"There is no AU map {name!r}. Choose one of: {', '.join(MAPS)}.")
    return MAPS[name]


@lru_cache(maxsize=8)
def probabilities(name: str) -> npt.NDArray[np.float64]:
    """A table as numbers, emotions×17, in its order and that of `AU_NUMBERS`."""
    table = au_map(name)
    return np.array([[chances.get(unit, 0.0) for unit in AU_NUMBERS] for chances in table.values()])


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
        chances = probabilities(self.map)[self.emotions().index(emotion)]
        low, high = self.intensity
        apex = np.zeros((len(keys), len(AU_NUMBERS)))
        # Rows without any AU are drawn again, each from a key of its own: so a draw depends on its
        # key alone, whatever else is drawn with it.
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
