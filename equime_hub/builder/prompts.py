"""Words for a video model: what should move, and what should not.

EquiME's published negative prompt bans open mouths and blinking whatever the emotion, which
forbids AU 25, 26 and 45. Here it is composed from the AU vector and never bans what is asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from equime_hub.schema.taxonomy import ACTION_UNITS, AU_NUMBERS

WORDING = "1"
"""Version of the sentences below; part of every plan's fingerprint."""

_STRENGTHS = ((0.15, "barely"), (0.25, "slightly"), (0.5, "visibly"), (1.01, "strongly"))
_ALWAYS_UNWANTED = (
    "motion blur",
    "camera shake",
    "head turn",
    "exaggerated expression",
    "distorted face",
    "changed identity",
    "unrealistic skin",
    "multiple faces",
    "low resolution",
)
_UNWANTED_UNLESS = (
    ("open mouth", {25, 26}),
    ("visible teeth", {25, 26}),
    ("blinking", {45}),
    ("closed eyes", {45}),
)


def prompt(emotion: str, au_apex: Sequence[float]) -> str:
    """Sentence that describes the clip.

    Args:
        emotion: One of `EMOTIONS`.
        au_apex: 17 intensities in [0, 1].
    """
    movements = [
        f"{unit.phrase} {_adverb(value)}"
        for unit, value in zip(ACTION_UNITS, au_apex, strict=True)
        if value > 0
    ]
    return (
        f"A professional static headshot showing a subtle {emotion} micro-expression: for a "
        f"fraction of a second {_listed(movements)}, then the face returns to neutral. "
        "The head, the camera and the background stay still."
    )


def negative_prompt(au_apex: Sequence[float]) -> str:
    """What to avoid, without anything that `au_apex` asks for."""
    active = {number for number, value in zip(AU_NUMBERS, au_apex, strict=True) if value > 0}
    extra = [words for words, units in _UNWANTED_UNLESS if not units & active]
    return ", ".join([*_ALWAYS_UNWANTED, *extra])


def _adverb(intensity: float) -> str:
    return next(word for limit, word in _STRENGTHS if intensity < limit)


def _listed(parts: Sequence[str]) -> str:
    if not parts:
        return "nothing moves"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
