"""Action units as causes: the AU vector Z is drawn first, the clip follows from it.

EquiME's structural causal model (paper §2.2): Z is the AU vector, Y = f_Z(Z) + ε_Y the emotion,
X = G(Z, Y) + ε_X the clip. The published code has no Z; here every row carries it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from equime_hub.errors import PlanError
from equime_hub.schema.taxonomy import AU_INDEX, AU_NUMBERS

EXPERT_MAP: Mapping[str, Mapping[int, float]] = {
    "happiness": {12: 1.0, 25: 0.5, 6: 0.5},
    "sadness": {4: 1.0, 1: 0.5, 15: 0.5},
    "surprise": {1: 1.0, 2: 1.0, 5: 0.5, 25: 0.5, 26: 0.5},
    "fear": {5: 0.5, 20: 0.5, 25: 0.5, 26: 0.5},
    "anger": {4: 1.0, 7: 0.5, 23: 0.5},
    "disgust": {9: 1.0, 10: 0.5, 17: 1.0},
    "contempt": {14: 1.0},
}
"""Probability of each AU given the emotion, as in MiE-X's released code (its `au_map`)."""


def expert(
    emotion: str, rng: np.random.Generator, intensity: tuple[float, float]
) -> tuple[float, ...]:
    """Draw an AU vector for an emotion: MiE-X's z_exp.

    Each AU of the emotion is on with its probability, independently, and its intensity is
    uniform on [μ, ν]. A draw with no AU at all (only fear can give one) is drawn again: a clip
    without a movement has no emotion to show.

    Args:
        emotion: One of `EXPERT_MAP`.
        rng: Source of the draw.
        intensity: (μ, ν), 0 < μ <= ν <= 1; MiE-X uses (0.1, 0.3).

    Returns:
        17 intensities in [0, 1], in the order of `AU_NUMBERS`.

    Raises:
        PlanError: No AUs are known for the emotion.
    """
    if emotion not in EXPERT_MAP:
        raise PlanError(
            f"No action units are known for {emotion!r}; these emotions can be planned: "
            f"{', '.join(EXPERT_MAP)}."
        )
    chances = np.zeros(len(AU_NUMBERS))
    for number, chance in EXPERT_MAP[emotion].items():
        chances[AU_INDEX[number]] = chance
    active = np.zeros(len(AU_NUMBERS), dtype=bool)
    while not active.any():
        active = rng.random(len(AU_NUMBERS)) < chances
    strengths = rng.uniform(*intensity, size=len(AU_NUMBERS))
    return tuple(round(float(value), 4) for value in np.where(active, strengths, 0.0))
