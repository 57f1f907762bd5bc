"""Which frames of a clip to read: pure functions that return sorted indices (int64)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from equime_hub.errors import VideoError
from equime_hub.video import timing

Indices = npt.NDArray[np.int64]


def uniform(num_frames: int, n: int) -> Indices:
    """`n` evenly spaced frames from the first to the last.

    With n > num_frames each place takes the nearest frame, so frames repeat; n = 1 is the middle.

    Raises:
        VideoError: No frame, or none wanted.
    """
    _at_least_one("num_frames", num_frames)
    _at_least_one("n", n)
    return _evenly(0, num_frames - 1, n)


def around_apex(onset: int, apex: int, offset: int, n: int) -> Indices:
    """`n` evenly spaced frames from onset to offset, of which one is the apex.

    The place nearest to the apex moves onto it, and onset and offset stay. n = 2 is onset and
    apex, n = 1 the apex. With n greater than the number of frames, frames repeat.

    Raises:
        VideoError: Frames out of order, or none wanted.
    """
    if not 0 <= onset <= apex <= offset:
        raise VideoError(
            "frames must satisfy 0 <= onset <= apex <= offset, got "
            f"onset {onset}, apex {apex}, offset {offset}"
        )
    _at_least_one("n", n)
    indices = _evenly(onset, offset, n)
    if apex not in indices:
        movable = indices[1:-1] if n > 2 else indices[-1:]
        movable[np.abs(movable - apex).argmin()] = apex
    return indices


def by_time(num_frames: int, fps: float, target_fps: float) -> Indices:
    """The frames on screen at the instants k / target_fps of a clip of num_frames / fps seconds.

    So clips of different rates are compared in physical time (He et al. normalise to 100 fps): a
    lower target skips frames, a higher one repeats them, and none is taken before its time. Rates
    are those that `timing.exact` reads: 29.97 is 30000/1001, and three times 9.99.

    Raises:
        VideoError: No frame, or a rate that is not a positive number.
    """
    _at_least_one("num_frames", num_frames)
    for name, rate in (("fps", fps), ("target_fps", target_fps)):
        if not 0 < rate < math.inf:
            raise VideoError(f"{name} must be a positive number, got {rate}")
    step = timing.exact(fps) / timing.exact(target_fps)
    return timing.floors(np.arange(math.ceil(num_frames / step)), step)


def _evenly(first: int, last: int, n: int) -> Indices:
    """`n` places from first to last, both included, rounded half up; the middle for n = 1."""
    if n == 1:
        return np.array([(first + last) // 2], dtype=np.int64)
    steps = np.arange(n, dtype=np.int64)
    places: Indices = first + (2 * steps * (last - first) + n - 1) // (2 * (n - 1))
    return places


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise VideoError(f"{name} must be at least 1, got {value}")
