"""When an expression begins, culminates and ends: as annotated, or else as measured."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from equime_hub.errors import VideoError
from equime_hub.schema.records import Landmarks
from equime_hub.video import motion as motions
from equime_hub.video.clip import Clip
from equime_hub.video.decoder import AvDecoder
from equime_hub.video.face import find
from equime_hub.video.footage import Footage, footage
from equime_hub.video.motion import Motion
from equime_hub.video.motion.patch import FINEST, SMALLEST

REACH = 2.6
"""Inter-ocular distances around the eyes that motion is measured in, however they are turned."""


@dataclass(frozen=True)
class Moments:
    """Frames of a file, from 0; None is unknown.

    Attributes:
        onset: The last frame of rest.
        apex: The frame of the strongest expression.
        offset: The first frame of rest again.
    """

    onset: int | None = None
    apex: int | None = None
    offset: int | None = None

    def check(self, count: int) -> None:
        """Refuse moments that are no frames of a clip of `count`, or out of order.

        Raises:
            VideoError: They are.
        """
        known = [moment for moment in vars(self).values() if moment is not None]
        if any(not 0 <= moment < count for moment in known) or known != sorted(known):
            raise VideoError(
                f"Expected 0 <= onset <= apex <= offset < {count}, the number of frames, got "
                f"onset {self.onset}, apex {self.apex}, offset {self.offset}"
            )


@dataclass(frozen=True, eq=False)
class Estimate:
    """Moments that were measured.

    Attributes:
        moments: All three; if nothing moves, the first frame, the middle and the last.
        motion: What was measured, over all frames; None if there is only one or no face.
        landmarks: The face in the first frame; None if there is none.
    """

    moments: Moments
    motion: Motion | None
    landmarks: Landmarks | None


def estimate(video: Clip | AvDecoder | Footage, landmarks: Landmarks | None = None) -> Estimate:
    """Measure when the expression of a clip begins, culminates and ends.

    Frames are reduced one by one, so a long 4K recording needs little memory.

    Args:
        video: All of the clip.
        landmarks: Of the face in the first frame; None finds it.

    Raises:
        VideoError: It cannot be read, or does not say its rate.
    """
    shown = footage(video)
    last = shown.count - 1
    landmarks = landmarks or find(shown.frame(0))
    if landmarks is None or last < 1:
        return Estimate(Moments(0, last // 2, last), None, landmarks)
    fps = shown.fps
    reduction = _Reduction.of(landmarks)
    if reduction.distance < SMALLEST:
        return Estimate(Moments(0, last // 2, last), None, landmarks)
    motion = motions.estimate(reduction.frames(shown), fps, reduction.landmarks(landmarks))
    onset, apex, offset = motion.onset_frame, motion.apex_frame, motion.offset_frame
    if apex is None:
        return Estimate(Moments(0, last // 2, last), motion, landmarks)
    found = Moments(min(onset or 0, apex), apex, max(last if offset is None else offset, apex))
    return Estimate(found, motion, landmarks)


def complete(given: Moments, measured: Moments) -> Moments:
    """Moments that are given win; the others are the measured ones, moved into order.

    An apex that was measured outside a given expression is no apex of it: its middle is taken.

    Args:
        given: Checked.
        measured: All three.
    """
    low = measured.onset if given.onset is None else given.onset
    high = measured.offset if given.offset is None else given.offset
    apex = measured.apex if given.apex is None else given.apex
    assert low is not None and high is not None and apex is not None
    if low > high:
        low, high = (high, high) if given.onset is None else (low, low)
    if given.apex is None and not low <= apex <= high:
        apex = (low + high) // 2
    return Moments(min(low, apex), apex, max(high, apex))


@dataclass(frozen=True)
class _Reduction:
    """The face and a margin in gray, at most twice as fine as motion is measured.

    Attributes:
        left: First column of the part of the frames.
        top: First row.
        right: Column after the last.
        bottom: Row after the last.
        factor: Pixels of a frame for one that is kept, in each direction.
        distance: Between the eyes, in pixels of the frame.
    """

    left: int
    top: int
    right: int
    bottom: int
    factor: int
    distance: float

    @classmethod
    def of(cls, landmarks: Landmarks) -> _Reduction:
        eyes = np.array((landmarks.left_eye, landmarks.right_eye))
        distance = float(np.hypot(*(eyes[1] - eyes[0])))
        first = np.floor(eyes.mean(0) - REACH * distance).clip(0).astype(int)
        last = np.ceil(eyes.mean(0) + REACH * distance).astype(int)
        factor = max(1, int(distance / FINEST))
        left, top, right, bottom = map(int, (*first, *last))
        return cls(left, top, right, bottom, factor, distance)

    def frames(self, shown: Footage) -> npt.NDArray[np.uint8]:
        """The part of every frame.

        In one array from the start: small ones, made between large frames, would scatter over
        the heap and keep it from shrinking.
        """
        whole: npt.NDArray[np.uint8] | None = None
        for index, frame in enumerate(shown.stream(range(shown.count))):
            part = frame[self.top : self.bottom, self.left : self.right]
            height, width = (size // self.factor for size in part.shape[:2])
            part = part[: height * self.factor, : width * self.factor]
            if whole is None:
                whole = np.empty((shown.count, height, width), np.uint8)
            gray = np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.uint8)
            if self.factor > 1:
                cv2.resize(gray, (width, height), whole[index], interpolation=cv2.INTER_AREA)
            else:
                whole[index] = gray
        assert whole is not None
        return whole

    def landmarks(self, face: Landmarks) -> Landmarks:
        """Where the face is in the part."""
        numbers = np.array(face.flat())
        points = numbers[:20].reshape(10, 2) - (self.left, self.top)
        points = (points + 0.5) / self.factor - 0.5
        return Landmarks.from_flat(
            (*points.ravel().tolist(), *(numbers[20:] / self.factor).tolist())
        )
