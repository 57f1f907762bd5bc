"""What every encoded clip tells about itself: size, bit rate, likeness to its source face."""

from __future__ import annotations

import numpy as np

from equime_hub.builder.spec import Image, RenderJob
from equime_hub.schema.records import Quality
from equime_hub.video.clip import Clip

_BLANK = 16
"""Grey levels between the darkest and the brightest value under which a frame shows nothing."""


def psnr(first: Image, second: Image) -> float:
    """Peak signal-to-noise ratio of two images, dB; inf if they are equal.

    Computed in floating point: uint8 differences squared wrap around at 16.
    """
    error = float(np.mean(np.square(first.astype(np.float32) - second.astype(np.float32))))
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


def measure(job: RenderJob, video: bytes, decoded: Clip) -> Quality:
    """Measure an encoded clip, on its decoded bytes.

    A clip that fails a gate is kept and marked: `accepted` is False and the reason is its name.

    Args:
        job: What was asked, with the aligned face.
        video: The encoded clip.
        decoded: Its frames.
    """
    spec = job.spec
    likeness = psnr(decoded.frames[0], job.image)
    reason = None
    if len(decoded) != spec.num_frames:
        reason = "wrong frame count"
    elif np.ptp(decoded.frames.reshape(len(decoded), -1), axis=1).max() < _BLANK:
        reason = "blank"
    return Quality(
        size_bytes=len(video),
        bitrate_kbps=len(video) * 8 / decoded.duration_ms,
        accepted=reason is None,
        rejection_reason=reason,
        first_frame_psnr=likeness if np.isfinite(likeness) else None,
    )
