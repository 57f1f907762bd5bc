"""Times and frame numbers at odd rates; what is true is computed here from fractions alone."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.errors import VideoError
from equime_hub.video import timing
from equime_hub.video.clip import Clip
from equime_hub.video.codec import encode, probe
from equime_hub.video.decoder import AvDecoder
from equime_hub.video.sampling import by_time

MEANT = {
    23.976: Fraction(24000, 1001),
    24000 / 1001: Fraction(24000, 1001),
    29.97: Fraction(30000, 1001),
    30000 / 1001: Fraction(30000, 1001),
    59.94: Fraction(60000, 1001),
    117.5625: Fraction(1881, 16),
    258.6875: Fraction(4139, 16),
    100.0: Fraction(100),
    200.0: Fraction(200),
    25.0: Fraction(25),
    60.0: Fraction(60),
}
"""Numbers that stand for a rate, and the rate."""
RATES = st.sampled_from([*MEANT])
FRAMES = st.integers(0, 200_000)
LENGTHS = st.integers(1, 3000)


@pytest.mark.parametrize(
    ("number", "rate"),
    [
        *MEANT.items(),
        (9.99, Fraction(10000, 1001)),
        (29.99997, Fraction(30)),
        (30.01, Fraction(3001, 100)),
        (33.333, Fraction(33333, 1000)),
        (33.333333, Fraction(100, 3)),
        (0.5, Fraction(1, 2)),
        (12.3456789, Fraction(123456789, 10_000_000)),
        (1e-9, Fraction(1, 10**9)),
        (1e6, Fraction(10**6)),
    ],
)
def test_what_rate_a_number_stands_for(number: float, rate: Fraction) -> None:
    # A rate without a short decimal is good to the two millionths that numbers are written to.
    assert timing.exact(number) == pytest.approx(rate, rel=2e-6 if rate.denominator > 1001 else 0)


@given(st.floats(1e-6, 900))  # above, a whole rate and another times 1000/1001 come as close
def test_any_number_stands_for_a_rate_near_it_and_so_does_that_rate(number: float) -> None:
    rate = timing.exact(number)
    assert abs(float(rate) - number) <= 2.001e-6 * number
    assert timing.exact(float(rate)) == rate


@given(st.floats(0.01, 1e5), st.floats(0.01, 1e5))
def test_a_larger_number_is_no_slower_rate(one: float, other: float) -> None:
    assert timing.exact(min(one, other)) <= timing.exact(max(one, other))


@pytest.mark.parametrize("number", [0, -25, float("inf"), float("nan")])
def test_no_rate(number: float) -> None:
    with pytest.raises(VideoError, match="fps must be a positive number, got"):
        timing.exact(number)


@given(FRAMES, RATES)
def test_from_a_frame_to_its_time_and_back(frame: int, fps: float) -> None:
    begins = timing.milliseconds(frame, fps)
    assert begins == float(1000 * frame / MEANT[fps])
    assert timing.frames_in(begins, fps) == pytest.approx(frame, rel=1e-15)
    assert timing.frame_at(begins, fps) == frame
    assert timing.frame_at(round(begins, 3), fps) == frame  # as JSON tells it
    hair = 2 * float(timing.SLACK) * 1000 / fps
    assert timing.frame_at(timing.milliseconds(frame + 1, fps) - hair, fps) == frame


@given(st.floats(0, 1e7), RATES)
def test_the_frame_at_a_time_has_begun_and_not_ended(ms: float, fps: float) -> None:
    number = timing.frame_at(ms, fps)
    told = Fraction(str(ms)) * MEANT[fps] / 1000
    assert number - timing.SLACK <= told < number + 1 - timing.SLACK


@given(RATES)
def test_times_of_many_frames_are_those_of_each(fps: float) -> None:
    frames = np.arange(0, 100_000, 997)
    each = [timing.milliseconds(frame, fps) for frame in frames.tolist()]
    assert timing.milliseconds(frames, fps).tolist() == each


@given(LENGTHS, st.fractions(0, 10**6), st.booleans())
def test_floors(count: int, factor: Fraction, huge: bool) -> None:
    if huge:  # beyond what int64 holds on the way
        factor = (factor * 10**30 + 1) / (10**30 + 1)
    numbers = np.arange(1 - count, count, 1 + count // 20)  # also nothing but 0
    found = timing.floors(numbers, factor)
    assert found.dtype == np.int64
    assert found.tolist() == [floor(number * factor) for number in numbers.tolist()]


@given(LENGTHS, RATES, RATES)
def test_no_frame_is_chosen_before_its_time_and_none_too_late(
    count: int, fps: float, target: float
) -> None:
    chosen = by_time(count, fps, target)
    step = MEANT[fps] / MEANT[target]
    assert chosen.tolist() == [floor(k * step) for k in range(len(chosen))]
    # The instants are all of those before the end of the clip.
    assert (len(chosen) - 1) * step < count <= len(chosen) * step
    assert chosen[-1] <= count - 1
    if step <= 1:
        assert {*chosen.tolist()} == {*range(count)}


@given(LENGTHS, RATES)
def test_at_its_own_rate_a_frame_is_itself(count: int, fps: float) -> None:
    for same in (number for number, rate in MEANT.items() if rate == MEANT[fps]):
        assert by_time(count, fps, same).tolist() == [*range(count)]


@given(st.integers(1, 200), st.floats(0.1, 1000), st.floats(0.1, 1000))
def test_rates_that_nobody_has_stay_within_the_clip(count: int, fps: float, target: float) -> None:
    chosen = by_time(count, fps, target)
    assert chosen[0] == 0 and chosen[-1] <= count - 1 and (np.diff(chosen) >= 0).all()
    if target >= fps * (1 + 1e-5):
        assert chosen[-1] == count - 1


@pytest.mark.parametrize("fps", MEANT)
def test_a_file_shows_each_frame_at_its_time(fps: float) -> None:
    data = encode(Clip(np.zeros((60, 16, 16, 3), np.uint8), fps))
    assert timing.exact(probe(data).fps) == MEANT[fps]
    decoder = AvDecoder(data)
    starts = decoder.get_frames_in_range(0, 60).pts_seconds
    for times in (starts.tolist(), [k / fps for k in range(60)],
                  [timing.milliseconds(k, fps) / 1000 for k in range(60)]):  # fmt: skip
        assert decoder.get_frames_played_at(times).pts_seconds.tolist() == starts.tolist()
