"""The structural equation Y = f_Z(Z) + ε_Y, and how well it reads back what was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equime_hub import seeds
from equime_hub.builder.causal.expert import ExpertSampler, au_map, probabilities
from equime_hub.errors import PlanError
from equime_hub.schema.taxonomy import AU_NUMBERS

LEAK = 0.01
"""A table's 0 and 1 are read as 0.01 and 0.99: an AU more or less is unlikely, not impossible."""

_TIE = 1e-9


def f_Z(au: Sequence[float], map: str = "mie-x", threshold: float = 0.0) -> tuple[str, float]:
    """The emotion that an AU vector shows: the deterministic part of EquiME's equation (1).

    AUs above the threshold are on. The emotion is the one under whose probabilities this
    pattern of on and off is likeliest, all emotions being equally likely beforehand.

    Args:
        au: 17 intensities in [0, 1], in the order of `AU_NUMBERS`: an apex, or what it adds to
            an onset that is not neutral.
        map: Name of a table in `MAPS`.
        threshold: In [0, 1). Measured vectors are seldom 0 anywhere and need one.

    Returns:
        The emotion and its margin: the natural logarithm of how many times likelier the pattern
        is than under the next emotion. A margin of 0 is a tie, and the emotion the first in the
        order of the table. If no AU is on, ("others", 0.0).

    Raises:
        PlanError: Not 17 numbers in [0, 1], a threshold outside [0, 1), or an unknown table.
    """
    vector = np.array(au, dtype=float)
    if vector.shape != (len(AU_NUMBERS),) or not ((vector >= 0) & (vector <= 1)).all():
        raise PlanError(f"An AU vector must be 17 numbers in [0, 1], got {tuple(au)}.")
    if not 0 <= threshold < 1:
        raise PlanError(f"threshold must be in [0, 1), got {threshold}.")
    table = au_map(map)
    active = vector > threshold
    if not active.any():
        return "others", 0.0
    chances = probabilities(map).clip(LEAK, 1 - LEAK)
    likelihoods = np.where(active, np.log(chances), np.log(1 - chances)).sum(axis=1)
    best, second = np.sort(likelihoods)[[-1, -2]]
    emotion = list(table)[int(np.argmax(likelihoods >= best - _TIE))]
    margin = float(best - second)
    return emotion, margin if margin > _TIE else 0.0


@dataclass(frozen=True)
class EmotionReading:
    """How often `f_Z` reads one emotion where another, or the same, was asked.

    Attributes:
        asked: Emotion that was drawn.
        read: Emotion that `f_Z` returned.
        draws: How often.
        ties: How many of them with margin 0.
        margin: Smallest margin of the others; None if all are ties.
    """

    asked: str
    read: str
    draws: int
    ties: int
    margin: float | None


def confusion(map: str = "mie-x", draws: int = 1000, seed: int = 0) -> tuple[EmotionReading, ...]:
    """Where a table's emotions overlap: what `f_Z` makes of draws from that same table.

    Args:
        map: Name of a table in `MAPS`.
        draws: Of each emotion, at least 1.
        seed: Any integer.

    Returns:
        One entry for each pair that occurred, in the order of the table. Without overlap that
        is one an emotion, each read as itself without a tie.

    Raises:
        PlanError: No draws, or an unknown table.
    """
    if draws < 1:
        raise PlanError(f"draws must be at least 1, got {draws}.")
    sampler = ExpertSampler(map)
    margins: dict[tuple[str, str], list[float]] = {}
    for asked in sampler.emotions():
        rng = seeds.generator("confusion", seed, map, asked)
        for _ in range(draws):
            read, margin = f_Z(sampler.draw(asked, rng).au_apex, map)
            margins.setdefault((asked, read), []).append(margin)
    return tuple(
        EmotionReading(*pair, len(found), found.count(0.0), min(filter(None, found), default=None))
        for pair, found in margins.items()
    )
