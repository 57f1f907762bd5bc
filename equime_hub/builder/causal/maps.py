"""Which AUs an emotion shows, as tables of probabilities."""

from __future__ import annotations

from collections.abc import Mapping

from equime_hub.errors import PlanError

AuMap = Mapping[str, Mapping[int, float]]
"""Emotion → FACS number → probability that the AU is on; an AU left out is off."""

MAPS: Mapping[str, AuMap] = {
    "mie-x": {
        "happiness": {12: 1.0, 25: 0.5, 6: 0.5},
        "sadness": {4: 1.0, 1: 0.5, 15: 0.5},
        "surprise": {1: 1.0, 2: 1.0, 5: 0.5, 25: 0.5, 26: 0.5},
        "fear": {5: 0.5, 20: 0.5, 25: 0.5, 26: 0.5},
        "anger": {4: 1.0, 7: 0.5, 23: 0.5},
        "disgust": {9: 1.0, 10: 0.5, 17: 1.0},
        "contempt": {14: 1.0},
    },
    "du-2014": {
        "happiness": {12: 1.0, 25: 1.0, 6: 0.51},
        "sadness": {4: 1.0, 15: 1.0, 1: 0.60, 6: 0.50, 17: 0.67},
        "surprise": {1: 1.0, 2: 1.0, 25: 1.0, 26: 1.0, 5: 0.66},
        "fear": {1: 1.0, 4: 1.0, 20: 1.0, 25: 1.0, 2: 0.57, 5: 0.63, 26: 0.33},
        "anger": {4: 1.0, 7: 1.0, 10: 0.26, 17: 0.52, 23: 0.29},
        "disgust": {9: 1.0, 10: 1.0, 17: 1.0, 4: 0.31},
    },
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
