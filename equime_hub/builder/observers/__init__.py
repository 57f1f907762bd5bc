"""Observers: what a tool sees in a clip at its apex, recorded beside what was intended.

An observer is a small class; other packages add theirs through the entry-point groups
`equime_hub.emotion_observers` and `equime_hub.au_observers`. None ever changes a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from equime_hub.builder.spec import Image
from equime_hub.errors import EquimeError
from equime_hub.registry import Registry
from equime_hub.schema.taxonomy import ACTION_UNITS, EMOTIONS
from equime_hub.video import codec

EMOTION_OBSERVERS = Registry(
    "emotion observer",
    {"deepface": "equime_hub.builder.observers.deepface:DeepFaceEmotion"},
    group="equime_hub.emotion_observers",
)
"""Classes that implement `EmotionObserver`, made with `download`: whether weights that are
missing may be fetched."""
AU_OBSERVERS = Registry(
    "AU observer",
    {"openface": "equime_hub.builder.observers.openface:OpenFaceFolder"},
    group="equime_hub.au_observers",
)
"""Classes that implement `AuObserver`, made with `folder`: where their results lie, or None."""

NEUTRAL = "neutral"
"""What an observer may see besides `EMOTIONS`."""


@dataclass(frozen=True)
class Apex:
    """The moment that is observed.

    Attributes:
        clip_id: The clip.
        frame: Its apex, from 0, as the dataset tells it.
        num_frames: Frames in the clip.
        video: The encoded clip.
    """

    clip_id: str
    frame: int
    num_frames: int
    video: bytes

    @cached_property
    def image(self) -> Image:
        """The decoded frame, H×W×3 RGB."""
        return np.asarray(codec.decode(self.video, [self.frame]).frames[0])


@dataclass(frozen=True)
class SeenEmotion:
    """An answer.

    Attributes:
        emotion: One of `EMOTIONS`, or `NEUTRAL`.
        score: Confidence in [0, 1].

    Raises:
        EquimeError: Another class or score.
    """

    emotion: str
    score: float

    def __post_init__(self) -> None:
        if self.emotion not in (*EMOTIONS, NEUTRAL) or not 0 <= self.score <= 1:
            raise EquimeError(
                f"An observed emotion must be {', '.join(EMOTIONS)} or {NEUTRAL}, with a score "
                f"from 0 to 1, got {self.emotion!r} with {self.score}."
            )


@dataclass(frozen=True)
class SeenUnits:
    """An answer.

    Attributes:
        intensities: 17 numbers in [0, 1], in the order of `AU_NUMBERS`.

    Raises:
        EquimeError: Not so.
    """

    intensities: tuple[float, ...]

    def __post_init__(self) -> None:
        values = self.intensities
        if len(values) != len(ACTION_UNITS) or not all(0 <= value <= 1 for value in values):
            raise EquimeError(f"Observed AUs must be 17 numbers from 0 to 1, got {values}.")


class EmotionObserver(Protocol):
    """What names the emotion in a face. Making one is cheap; a model is loaded when needed."""

    @property
    def tool(self) -> str:
        """Name, version and all else that its answers depend on; becomes emotion_observer."""

    def emotion(self, apex: Apex) -> SeenEmotion | None:
        """What it sees; None if it has no answer, and then the row stays as it was."""


class AuObserver(Protocol):
    """What measures AUs in a face."""

    @property
    def tool(self) -> str:
        """Name, version and all else that its answers depend on; becomes au_observer."""

    def units(self, apex: Apex) -> SeenUnits | None:
        """What it sees; None if it has no answer, and then the row stays as it was."""
