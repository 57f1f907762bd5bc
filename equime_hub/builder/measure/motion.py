"""The motion columns of a clip, by `equime_hub.video.motion`."""

from __future__ import annotations

from dataclasses import dataclass

from equime_hub.errors import VideoError
from equime_hub.schema.records import Landmarks
from equime_hub.video.clip import Clip
from equime_hub.video.motion import estimate


@dataclass(frozen=True)
class MotionScores:
    """What is stored of a clip's motion; None is "cannot be told".

    The names are those of the columns and of `Quality`.

    Attributes:
        motion_amplitude: Inter-ocular distances; the height of the noise if nothing moves.
        motion_fwhm_ms: None also if the expression is cut off by the clip's ends.
        motion_return: In [0, 1]; None if the clip was measured and no expression is in it.
        head_motion: Inter-ocular distances.
    """

    motion_amplitude: float | None = None
    motion_fwhm_ms: float | None = None
    motion_return: float | None = None
    head_motion: float | None = None


def measure_motion(clip: Clip, landmarks: Landmarks) -> MotionScores:
    """Measure the decoded frames of a clip.

    Args:
        clip: The clip.
        landmarks: Of the face in its first frame, in pixels. If it is too small to see motion
            by, or the clip is a single frame, nothing is told.
    """
    try:
        motion = estimate(clip.frames, clip.fps, landmarks)
    except VideoError:
        return MotionScores()
    return MotionScores(motion.amplitude, motion.fwhm_ms, motion.returned, motion.head_motion)
