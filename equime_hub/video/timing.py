"""Frame numbers from times, times from frame numbers, and one rate from another, exactly.

A rate is a fraction, and frame k of a clip is on screen from k / rate until (k + 1) / rate. In
floating point some of these instants come out a hair too early, and the floor of that is another
frame. So whoever needs a frame number lets this module multiply fractions and round once.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import floor
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from equime_hub.errors import VideoError

Indices = npt.NDArray[np.int64]

SLACK = Fraction(1, 1000)
"""Share of a frame by which a time may come too early and still mean the frame that begins then:
times are written with a few decimals, and frame 1 at 30 a second begins after 33.3333 ms."""
_CLOSE = Fraction(2, 1_000_000)
"""Share by which a rate may differ from a usual one and still mean it. 29.97 is short for
30000/1001 and a millionth less; phones write an average such as 29.99997 for 30."""


@lru_cache(maxsize=1024)  # a dataset has few rates and many clips
def exact(fps: float) -> Fraction:
    """The rate that a number stands for.

    Where it is as close as numbers are written: a whole rate, a whole rate times 1000/1001 (NTSC),
    or the rate that a file would say (`as_stored`). Any other number stands for itself.

    >>> exact(25.0), exact(29.97), exact(117.5625), exact(33.333333)
    (Fraction(25, 1), Fraction(30000, 1001), Fraction(1881, 16), Fraction(100, 3))

    Args:
        fps: Frames per second.

    Raises:
        VideoError: No positive number. All functions here that take a rate raise it.
    """
    if not 0 < fps < float("inf"):
        raise VideoError(f"fps must be a positive number, got {fps}")
    given = _written(fps)
    ntsc = Fraction(1000, 1001)
    for usual in (Fraction(round(given)), round(given / ntsc) * ntsc, as_stored(given)):
        if abs(usual - given) <= _CLOSE * given:
            return usual
    return given


def as_stored(fps: float | Fraction) -> Fraction:
    """The rate that a file of ours says: the number itself up to three decimals, and k/1001."""
    return Fraction(fps).limit_denominator(1001)


@overload
def milliseconds(frames: int, fps: float) -> float: ...
@overload
def milliseconds(frames: Indices, fps: float) -> npt.NDArray[np.float64]: ...
def milliseconds(frames: int | Indices, fps: float) -> Any:
    """How long some frames last, which is also when the frame of that number begins.

    Args:
        frames: A number, or any array of numbers.
        fps: Frames per second.
    """
    rate = exact(fps)
    # The product is a whole number that a float holds, so that only the division rounds.
    return frames * (1000.0 * rate.denominator) / float(rate.numerator)


def frames_in(ms: float, fps: float) -> Fraction:
    """How many frames a time lasts.

    >>> frames_in(400, 29.97)
    Fraction(12000, 1001)
    """
    return _written(ms) * exact(fps) / 1000


def frame_at(ms: float, fps: float) -> int:
    """The frame on screen at a time; one that begins within `SLACK` of a frame counts.

    >>> frame_at(33.333, 30), frame_at(33.2, 30)
    (1, 0)
    """
    return floor(frames_in(ms, fps) + SLACK)


def floors(numbers: Indices, factor: Fraction) -> Indices:
    """The floor of every number times a factor."""
    top, bottom = factor.numerator, factor.denominator
    largest = max(int(np.abs(numbers).max(initial=1)) * top, bottom)
    # Python's integers never overflow, and are slow; rates that people choose do without.
    whole = numbers if largest < 2**63 else numbers.astype(object)
    return np.asarray(whole * top // bottom, np.int64)


def _written(number: float) -> Fraction:
    """A number as a person wrote it: 0.1 is a tenth, while its float is a little more."""
    return Fraction(str(number))
