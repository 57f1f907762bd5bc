from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from equime_hub.video import codec
from equime_hub.video.clip import Clip
from equime_hub.video.picture import Image, Pixels, centre
from tests.models.test_processing_files import file


@pytest.fixture(scope="module")
def portrait() -> Image:
    whole = skimage.data.astronaut()[0:320, 60:380]
    return np.asarray(cv2.resize(whole, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)


def gray_of(frame: Image) -> Image:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)


@pytest.mark.parametrize("side", [48, 64, 112, 200])
def test_the_quick_way_agrees_with_one_step_after_the_other(portrait: Image, side: int) -> None:
    data = codec.encode(Clip(np.stack([portrait] * 4), 25.0))
    (picture,) = codec.Reader(data).pictures([2])
    decoded = codec.decode(data, [2]).frames[0]
    assert np.array_equal(picture.rgb(), decoded)
    for gray, slow, original in (
        (True, gray_of(decoded), gray_of(portrait)),
        (False, decoded, portrait),
    ):
        quick = picture.square(side, gray=gray)
        apart = quick.astype(int) - centre(slow, side)
        assert quick.shape == apart.shape
        assert 0.5 < apart.mean() < 1.5  # FFmpeg's RGB is darker
        assert np.median(np.abs(apart)) <= 1
        assert np.mean(np.abs(apart) > 2) < (0.05 if gray else 0.1)
        errors = [
            np.abs(each.astype(int) - centre(original, side)).mean()
            for each in (quick, centre(slow, side))
        ]
        assert errors[0] < errors[1]
    assert np.abs(picture.gray().astype(int) - gray_of(decoded) - 1).mean() < 1


@pytest.mark.parametrize(
    ("name", "pixels", "slack"),
    [
        ("ffv1", "gray", 0),
        ("ffv1", "yuv420p", 1),
        ("ffv1", "yuv420p10le", 2),
        ("ffv1", "yuv444p", 1),
        ("ffv1", "bgr0", 1),
        ("mjpeg", "yuvj420p", 3),
    ],
)
@pytest.mark.parametrize("size", [(64, 64), (47, 63), (63, 47)])
def test_levels_stay_in_every_kind_of_file(
    name: str, pixels: str, slack: int, size: tuple[int, int]
) -> None:
    for level in (0, 30, 128, 220, 255):
        data = file(name, pixels, [np.full((*size, 3), level, np.uint8)])
        (picture,) = codec.Reader(data).pictures([0])
        for side in (16, 80):
            for gray in (True, False):
                square = picture.square(side, gray=gray)
                assert square.shape == ((side, side) if gray else (side, side, 3))
                assert np.abs(square.astype(int) - level).max() <= (gray or slack)
        assert picture.gray().shape == size


def test_bare_pixels_are_cut_and_averaged(portrait: Image) -> None:
    picture = Pixels(np.ascontiguousarray(portrait[:200]))
    assert picture.rgb() is picture.frame
    middle = portrait[:200, 28:228]
    assert np.array_equal(picture.square(200, gray=False), middle)
    assert np.array_equal(picture.square(200, gray=True), gray_of(middle))
    half = middle.reshape(100, 2, 100, 2, 3).mean((1, 3))
    assert np.abs(picture.square(100, gray=False) - half).max() <= 0.5


def test_pictures_outlive_their_file(portrait: Image) -> None:
    shown = [np.roll(portrait, 8 * shift, axis=1) for shift in range(9)]
    data = codec.encode(Clip(np.stack(shown), 25.0))
    pictures = [*codec.Reader(data).pictures(range(9))]
    kept = [picture.square(32, gray=True) for picture in pictures]
    again = [
        picture.square(32, gray=True).copy() for picture in codec.Reader(data).pictures(range(9))
    ]
    assert np.array_equal(kept, again)
