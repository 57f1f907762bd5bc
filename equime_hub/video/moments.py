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
from equime_hub.video.footage import Footage, footage
from equime_hub.video.locate import largest, moved
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
class MeasuredMoments:
    """Moments that were measured.

    Attributes:
        moments: All three; if nothing moves, the first frame, the middle and the last.
        motion: What was measured, over all frames; None if there is only one or no face.
        landmarks: The face in the first frame; None if there is none.
    """

    moments: Moments
    motion: Motion | None
    landmarks: Landmarks | None


def estimate(
    video: Clip | AvDecoder | Footage, landmarks: Landmarks | None = None
) -> MeasuredMoments:
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
    landmarks = landmarks or largest(shown.frame(0))
    still = Moments(0, last // 2, last)
    if landmarks is None or last < 1:
        return MeasuredMoments(still, None, landmarks)
    fps = shown.fps  # says what is wrong with bare frames before all of them are read
    if _distance(landmarks) < SMALLEST:
        return MeasuredMoments(still, None, landmarks)
    frames, face = _reduced(shown, landmarks)
    motion = motions.estimate(frames, fps, face)
    onset, apex, offset = motion.onset_frame, motion.apex_frame, motion.offset_frame
    if apex is None:
        return MeasuredMoments(still, motion, landmarks)
    found = Moments(min(onset or 0, apex), apex, max(last if offset is None else offset, apex))
    return MeasuredMoments(found, motion, landmarks)


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


def _distance(face: Landmarks) -> float:
    """Between the eyes, in pixels."""
    return float(np.hypot(*np.subtract(face.right_eye, face.left_eye)))


def _reduced(shown: Footage, face: Landmarks) -> tuple[npt.NDArray[np.uint8], Landmarks]:
    """The face and a margin of every frame in gray, and where the face is in that.

    At most twice as fine as motion is measured. All is one array from the start: small ones, made
    between large frames, would scatter over the heap and keep it from shrinking.
    """
    distance = _distance(face)
    middle = np.mean((face.left_eye, face.right_eye), axis=0)
    left, top = map(int, np.floor(middle - REACH * distance).clip(0))
    right, bottom = map(int, np.ceil(middle + REACH * distance))
    factor = max(1, int(distance / FINEST))
    whole: npt.NDArray[np.uint8] | None = None
    for index, frame in enumerate(shown.stream(range(shown.count))):
        part = frame[top:bottom, left:right]
        height, width = (size // factor for size in part.shape[:2])
        part = part[: height * factor, : width * factor]
        if whole is None:
            whole = np.empty((shown.count, height, width), np.uint8)
        gray = np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.uint8)
        cv2.resize(gray, (width, height), whole[index], interpolation=cv2.INTER_AREA)
    assert whole is not None
    return whole, moved(
        face,
        lambda points: (points - (left, top) + 0.5) / factor - 0.5,
        lambda sizes: sizes / factor,
    )
