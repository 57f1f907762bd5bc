"""The vocabulary: emotions, action units, demographic groups. Declared here once.

Sources: action-unit names and muscles follow FACS (Ekman & Friesen 1978); the order of the 17
units is MiE-X's, which is OpenFace's intensity set; the emotion order starts with EquiME's five
(paper, Table 1); the three classes follow MEGC 2019 (0 negative, 1 positive, 2 surprise).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from equime_hub.files import beside

EMOTIONS = (
    "happiness", "sadness", "surprise", "disgust", "anger", "fear", "contempt", "repression",
    "others",
)  # fmt: skip
EMOTIONS_3 = ("negative", "positive", "surprise")

EMOTION_TO_3: dict[str, str | None] = {
    **dict.fromkeys(EMOTIONS, "negative"),
    "happiness": "positive",
    "surprise": "surprise",
    "others": None,
}
"""MEGC 2019's grouping; "others" belongs to none of the three."""

EMOTION_PRESETS: dict[str, tuple[str, ...]] = {
    "equime-paper": ("happiness", "sadness", "surprise", "disgust", "anger"),
    "equime-readme": ("happiness", "sadness", "surprise", "fear", "anger"),
    "basic-7": ("happiness", "sadness", "surprise", "disgust", "anger", "fear", "contempt"),
}
"""The EquiME paper and its README name different fives; both are kept under their names."""


@dataclass(frozen=True)
class ActionUnit:
    """One facial action unit of FACS.

    Attributes:
        number: FACS number.
        name: FACS name.
        muscle: Muscle or muscles that contract.
        phrase: What one sees, in plain words: a clause without articles or a full stop, short
            because all 17 must fit into one prompt.
        region: Part of the face that moves most: "brow", "eye", "nose" or "mouth".
    """

    number: int
    name: str
    muscle: str
    phrase: str
    region: str


ACTION_UNITS = tuple(ActionUnit(*line) for line in beside(__file__, "action_units.json"))
AU_NUMBERS = tuple(unit.number for unit in ACTION_UNITS)
AU_INDEX = {number: index for index, number in enumerate(AU_NUMBERS)}
"""FACS number → position in every 17-element AU vector."""

GENDERS = ("woman", "man")
AGE_GROUPS = ("under 20", "20-30", "31-40", "41-50", "51-60", "over 60")
RACES = ("asian", "black", "indian", "latino hispanic", "middle eastern", "white")

LABEL_SOURCES = ("synthetic", "self_report", "action_units", "joint")
AU_SOURCES = ("expert", "micro", "macro", "annotated")
APEX_SOURCES = ("planned", "annotated", "estimated", "middle")
EXPRESSIONS = ("micro", "macro")


def age_group(age: float | None) -> str | None:
    """Age group of an age in years, by completed years; None stays None.

    >>> age_group(19.9), age_group(20), age_group(30.9), age_group(31), age_group(61)
    ('under 20', '20-30', '20-30', '31-40', 'over 60')
    """
    return None if age is None else AGE_GROUPS[bisect_right((20, 31, 41, 51, 61), age)]


IMAGES_AS_PEOPLE = "subjects are images"
"""Part of a `source_dataset` in which every image passes for a person."""

NOISE = 0.05
"""Change of an intensity that is no movement: a quarter of FACS's weakest letter, and about what
OpenFace's estimates of a still face vary by. Measured vectors are seldom 0 anywhere."""


def rise(au_onset: Sequence[float], au_apex: Sequence[float]) -> tuple[float, ...]:
    """By how much each unit grows from onset to apex; 0 where it is `NOISE` or less.

    >>> rise((0.1, 0.3) + (0,) * 15, (0.3, 0.32) + (0,) * 15)[:3]
    (0.2, 0.0, 0.0)
    """
    grown = (round(apex - onset, 6) for onset, apex in zip(au_onset, au_apex, strict=True))
    return tuple(value if value > NOISE else 0.0 for value in grown)


def facs_code(intensities: tuple[float, ...]) -> str:
    """Active units of a 17-element AU vector as a FACS code.

    >>> facs_code((0.2, 0, 0, 0, 0, 0, 0, 0, 0.1) + (0,) * 8)
    '1+12'
    """
    units = zip(AU_NUMBERS, intensities, strict=True)
    return "+".join(str(number) for number, value in units if value > 0)
