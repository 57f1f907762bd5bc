"""The causes of a clip: EquiME's structural causal model Z → Y → X (paper §2.2).

The published code has no Z; here every row carries it. What stands for each variable:

=====  ==========================================================================================
Z      The AU vectors `au_onset` and `au_apex`, drawn by a `Sampler`, changed by `intervene`.
f_Z    `f_Z`: the emotion that fits an AU vector best, and by how much.
Y      The column `emotion`. A sampler is asked for y and draws Z from P(Z | Y = y).
ε_Y    What is left of Y once Z is known: the rows whose label `f_Z` does not read back. No
       noise is put on labels, so it comes from the tables alone; `confusion` counts it.
G      The backend.
X      The clip.
ε_X    The column `seed`: same Z, same Y, same seed, same clip. The plan draws the times of
       onset, apex and offset as well, from the same key.
=====  ==========================================================================================
"""

from __future__ import annotations

from equime_hub.builder.causal.donors import MacroSampler, MicroSampler
from equime_hub.builder.causal.draw import SAMPLERS, Draw, Draws, Sampler, draws
from equime_hub.builder.causal.expert import MAPS, ExpertSampler
from equime_hub.builder.causal.intervention import describe, intervene, parse_do, set_units
from equime_hub.builder.causal.mixture import MixturePart, MixtureSampler
from equime_hub.builder.causal.model import EmotionReading, confusion, f_Z

__all__ = [
    "Draw",
    "Draws",
    "draws",
    "Sampler",
    "SAMPLERS",
    "ExpertSampler",
    "MicroSampler",
    "MacroSampler",
    "MixtureSampler",
    "MixturePart",
    "MAPS",
    "f_Z",
    "confusion",
    "EmotionReading",
    "intervene",
    "set_units",
    "parse_do",
    "describe",
]
