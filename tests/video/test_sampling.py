from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.errors import VideoError
from equime_hub.video.sampling import (
    Indices,
    around_apex,
    by_time,
    uniform,
)

LENGTHS = st.integers(1, 2000)
RATES = st.sampled_from([7.5, 23.976, 24, 25, 29.97, 30000 / 1001, 60, 100, 200, 1000])
TIMES = st.lists(st.integers(0, 500), min_size=3, max_size=3).map(sorted)


def check(indices: Indices, first: int, last: int) -> None:
    assert indices.dtype == np.int64
    assert np.all(np.diff(indices) >= 0)
    assert first <= indices[0] and indices[-1] <= last


@given(LENGTHS, LENGTHS)
def test_uniform(num_frames: int, n: int) -> None:
    indices = uniform(num_frames, n)
    check(indices, 0, num_frames - 1)
    assert len(indices) == n
    if n > 1:
        assert (indices[0], indices[-1]) == (0, num_frames - 1)
        gaps = np.diff(indices)
        assert gaps.max() - gaps.min() <= 1
    if n >= num_frames > 1:
        assert set(indices.tolist()) == set(range(num_frames))


@given(TIMES, st.integers(1, 64))
def test_around_apex(times: list[int], n: int) -> None:
    onset, apex, offset = times
    indices = around_apex(onset, apex, offset, n)
    check(indices, onset, offset)
    assert len(indices) == n
    assert apex in indices
    if n > 1:
        assert indices[0] == onset
    if n > 2:
        assert indices[-1] == offset
    plain = onset + uniform(offset - onset + 1, n)
    assert np.count_nonzero(indices != plain) <= 1


@given(LENGTHS, RATES, RATES)
def test_by_time(num_frames: int, fps: float, target_fps: float) -> None:
    indices = by_time(num_frames, fps, target_fps)
    check(indices, 0, num_frames - 1)
    assert indices[0] == 0
    assert 0 <= len(indices) * fps / target_fps - num_frames + 0.01 < fps / target_fps + 0.02
    asked = np.arange(len(indices)) * fps / target_fps
    assert np.all(indices <= asked + 0.002)
    assert np.all(asked < indices + 1.002)


@given(LENGTHS, RATES)
def test_by_time_at_its_own_rate_is_all_frames(num_frames: int, fps: float) -> None:
    assert by_time(num_frames, fps, fps).tolist() == list(range(num_frames))


@pytest.mark.parametrize(
    ("indices", "expected"),
    [
        (uniform(161, 5), [0, 40, 80, 120, 160]),
        (uniform(3, 6), [0, 0, 1, 1, 2, 2]),
        (uniform(10, 1), [4]),
        (around_apex(10, 13, 20, 6), [10, 13, 14, 16, 18, 20]),
        (around_apex(0, 5, 10, 2), [0, 5]),
        (around_apex(0, 7, 10, 1), [7]),
        (around_apex(0, 1, 10, 3), [0, 1, 10]),
        (around_apex(4, 4, 4, 3), [4, 4, 4]),
        (by_time(9, 200, 100), [0, 2, 4, 6, 8]),
        (by_time(6, 200, 80), [0, 2, 5]),
        (by_time(3, 25, 50), [0, 0, 1, 1, 2, 2]),
        (by_time(3, 24, 100), [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]),
        (by_time(7, 29.97, 9.99), [0, 3, 6]),
        (by_time(4, 29.97, 30000 / 1001), [0, 1, 2, 3]),
        (by_time(3, 1000, 1), [0]),
        (by_time(5, 30000 / 1001, 15000 / 1001), [0, 2, 4]),
    ],
)
def test_examples(indices: Indices, expected: list[int]) -> None:
    assert indices.tolist() == expected


@pytest.mark.parametrize(
    ("sample", "arguments", "received"),
    [
        (uniform, (0, 4), "num_frames .* got 0"),
        (uniform, (5, 0), "n must .* got 0"),
        (around_apex, (5, 4, 9, 3), "onset 5, apex 4, offset 9"),
        (around_apex, (-1, 4, 9, 3), "onset -1"),
        (around_apex, (1, 4, 3, 3), "offset 3"),
        (around_apex, (1, 4, 9, 0), "got 0"),
        (by_time, (0, 24, 24), "num_frames .* got 0"),
        (by_time, (5, 0, 24), "fps .* got 0"),
        (by_time, (5, 24, math.inf), "target_fps .* got inf"),
        (by_time, (5, math.nan, 24), "fps .* got nan"),
    ],
)
def test_refusals(sample: Callable[..., Any], arguments: tuple[Any, ...], received: str) -> None:
    with pytest.raises(VideoError, match=received):
        sample(*arguments)
