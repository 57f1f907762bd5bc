"""What every encoded clip tells about itself: size, bit rate, likeness to its source face."""

from __future__ import annotations

import numpy as np

from equime_hub.builder.spec import Image, RenderJob
from equime_hub.schema.records import Quality
from equime_hub.video.clip import Clip

BROKEN = ("not finite", "wrong frame count", "black", "constant")
"""Reasons for which a clip is no clip at all, in the order in which they are looked for; one
black or one single-coloured frame is enough."""

_NOTHING = 16
"""Grey levels, of the brightest value or between it and the darkest, below which a frame shows
nothing."""


def psnr(first: Image, second: Image) -> float:
    """Peak signal-to-noise ratio of two images, dB; inf if they are equal.

    Computed in floating point: uint8 differences squared wrap around at 16.
    """
    error = float(np.mean(np.square(first.astype(np.float32) - second.astype(np.float32))))
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


def measure(job: RenderJob, video: bytes, decoded: Clip, fault: str | None = None) -> Quality:
    """Measure an encoded clip, on its decoded bytes.

    A clip that fails a gate is kept and marked: `accepted` is False and the reason is its name.

    Args:
        job: What was asked, with the aligned face.
        video: The encoded clip.
        decoded: Its frames.
        fault: One of `BROKEN`, if the backend says so itself.
    """
    spec = job.spec
    likeness = psnr(decoded.frames[0], job.image)
    reason = fault or _broken(decoded, spec.num_frames)
    return Quality(
        size_bytes=len(video),
        bitrate_kbps=len(video) * 8 / decoded.duration_ms,
        accepted=reason is None,
        rejection_reason=reason,
        first_frame_psnr=float(np.float32(likeness)) if np.isfinite(likeness) else None,
    )


def _broken(clip: Clip, num_frames: int) -> str | None:
    if len(clip) != num_frames:
        return "wrong frame count"
    frames = clip.frames.reshape(len(clip), -1)
    # The least of all frames decides: one bad frame spoils a clip.
    darkest, brightest = frames.min(axis=1), frames.max(axis=1)
    if brightest.min() < _NOTHING:
        return "black"
    return "constant" if (brightest - darkest).min() < _NOTHING else None
