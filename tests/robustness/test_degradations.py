from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub import seeds
from equime_hub.errors import EquimeError
from equime_hub.robustness import degradations as degrade
from equime_hub.robustness.degradations import Degradation
from equime_hub.video.clip import Clip

ODD = st.sampled_from([7.5, 25.0, 60.0, 100.0, 117.5625, 200.0, 258.6875])
"""Rates that floating point holds as they are."""


def clip(frames: int = 12, width: int = 20, height: int = 16, fps: float = 50.0) -> Clip:
    """Smooth pictures that brighten; frame t is by 10 brighter than the one before."""
    y, x = np.mgrid[:height, :width]
    first = 40 + 3 * x + 2 * y
    pixels = first[None] + 5 * np.arange(frames)[:, None, None]
    return Clip(np.repeat(pixels[..., None], 3, axis=3).astype(np.uint8), fps)


@given(
    text=st.sampled_from(
        ["static", "shuffled", "jpeg:5", "jpeg:90", "fps:7", "fps:200", "resize:3", "noise:9"]
    ),
    frames=st.integers(1, 9),
    width=st.integers(1, 9),
    height=st.integers(1, 9),
)
def test_form_stays_and_a_seed_repeats(text: str, frames: int, width: int, height: int) -> None:
    given = clip(frames, width, height)
    made, again = (Degradation.parsed(text)(given, 3) for _ in range(2))
    assert (made.frames.shape, made.fps) == (given.frames.shape, given.fps)
    np.testing.assert_array_equal(made.frames, again.frames)


def test_static_has_no_motion_and_the_same_face() -> None:
    made = degrade.static(clip()).frames
    assert np.ptp(made, axis=0).max() == 0
    np.testing.assert_array_equal(made[7], clip().frames[0])


def test_shuffled_has_the_same_frames_in_an_order_of_the_seed() -> None:
    orders = [[int(f[0, 0, 0]) for f in degrade.shuffled(clip(), seed).frames] for seed in (0, 1)]
    own = [int(f[0, 0, 0]) for f in clip().frames]
    assert orders[0] != orders[1] != own != orders[0]
    assert sorted(orders[0]) == sorted(orders[1]) == own


def test_jpeg_loses_more_at_lower_quality_and_keeps_colours_in_their_places() -> None:
    grainy = seeds.generator("grain").integers(0, 255, (2, 16, 16, 3)).astype(np.uint8)
    lost = [
        np.abs(degrade.jpeg(Clip(grainy, 25.0), quality).frames - grainy.astype(float)).mean()
        for quality in (5, 50, 95)
    ]
    assert lost[0] > lost[1] > lost[2] > 0
    red = Clip(np.full((1, 8, 8, 3), (200, 30, 60), np.uint8), 25.0)
    assert np.abs(degrade.jpeg(red, 95).frames.astype(int) - red.frames).max() <= 4


@pytest.mark.parametrize(
    ("rate", "seen"),
    [
        (25.0, [0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10]),
        (20.0, [0, 0, 0, 3, 3, 5, 5, 5, 8, 8, 10, 10]),
        (1.0, [0] * 12),
        (50.0, list(range(12))),
        (80.0, list(range(12))),
    ],
)
def test_a_slower_camera_holds_its_last_frame(rate: float, seen: list[int]) -> None:
    np.testing.assert_array_equal(degrade.fps(clip(), rate).frames, clip().frames[seen])


@given(rate=st.floats(1, 300), frames=st.integers(1, 60), fps=st.floats(5, 300))
def test_no_frame_comes_before_its_time(rate: float, frames: int, fps: float) -> None:
    numbered = np.zeros((frames, 1, 1, 3), np.uint8)
    numbered[:, 0, 0, 0] = np.arange(frames)
    seen = degrade.fps(Clip(numbered, fps), rate).frames[:, 0, 0, 0].astype(int)
    assert (seen <= np.arange(frames)).all() and (np.diff(seen) >= 0).all()
    # No longer ago than one period of the slow camera and one of the fast.
    assert (np.arange(frames) - seen <= fps / min(rate, fps) + 1e-2).all()


@given(rate=ODD, frames=st.integers(1, 250), fps=ODD)
def test_a_slower_camera_shows_what_it_took_last(rate: float, frames: int, fps: float) -> None:
    numbered = np.zeros((frames, 1, 1, 3), np.uint8)
    numbered[:, 0, 0, 0] = np.arange(frames)
    seen = degrade.fps(Clip(numbered, fps), rate).frames[:, 0, 0, 0].tolist()
    step = Fraction(fps) / Fraction(rate)
    if step <= 1:
        assert seen == [*range(frames)]
    else:  # its instants are k × step; a picture is the first frame at one or after
        assert seen == [
            max(ceil(k * step) for k in range(i + 1) if ceil(k * step) <= i) for i in range(frames)
        ]


def test_two_numbers_for_one_rate_change_nothing() -> None:
    for rate, fps in ((29.97, 30000 / 1001), (23.976, 24000 / 1001), (59.94, 60000 / 1001)):
        np.testing.assert_array_equal(degrade.fps(clip(fps=fps), rate).frames, clip().frames)


def test_resized_loses_what_is_small() -> None:
    board = np.indices((16, 16)).sum(0) % 2 * 255
    fine = Clip(np.repeat(board[None, ..., None], 3, axis=3).astype(np.uint8), 25.0)
    assert np.ptp(degrade.resized(fine, 2).frames) <= 1  # all gray
    np.testing.assert_array_equal(degrade.resized(fine, 1).frames, fine.frames)
    flat = clip(1)
    assert np.abs(degrade.resized(flat, 2).frames.astype(int) - flat.frames).max() <= 3


def test_noise_is_as_strong_as_said_and_new_in_every_frame() -> None:
    grey = Clip(np.full((4, 64, 64, 3), 128, np.uint8), 25.0)
    added = degrade.noise(grey, 6.0).frames.astype(float) - 128
    assert added.std() == pytest.approx(6.0, rel=0.03) and abs(added.mean()) < 0.2
    assert abs(np.corrcoef(added[0].ravel(), added[1].ravel())[0, 1]) < 0.05
    np.testing.assert_array_equal(degrade.noise(grey, 0.0).frames, grey.frames)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("blur:3", "jpeg"),
        ("jpeg:0", "1 to 100"),
        ("jpeg", "jpeg:20"),
        ("jpeg:ten", "jpeg:30"),
        ("noise:nan", "0 to 255"),
        ("static:3", "nothing behind"),
        ("resize:0.5", "1 to"),
    ],
)
def test_what_is_none_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(EquimeError, match=said):
        Degradation.parsed(text)


def test_words_name_the_amount() -> None:
    assert Degradation("jpeg", 30).words == "JPEG, quality 30"
    assert len({each.words for each in degrade.DEFAULT}) == len(degrade.DEFAULT)
