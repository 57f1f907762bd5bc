from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data

from equime_hub.video.locate import canonical, locate

ASTRONAUT = {
    "left_eye": (203, 101),
    "right_eye": (247, 103),
    "left_brow": (200, 90),
    "right_brow": (250, 92),
    "nose": (224, 127),
    "mouth_left": (202, 139),
    "mouth_right": (246, 138),
    "mouth_top": (224, 138),
    "mouth_bottom": (223, 155),
    "chin": (223, 178),
}
"""Read off the photograph by eye."""


def test_astronaut() -> None:
    (face,) = locate(skimage.data.astronaut())
    for name, point in ASTRONAUT.items():
        assert getattr(face, name) == pytest.approx(point, abs=3.5), name
    assert face.eye_width == pytest.approx(21, abs=3)
    assert face.eye_height == pytest.approx(8, abs=2)


@pytest.mark.parametrize("degrees", [-12, 12])
def test_a_turned_head(degrees: float) -> None:
    turn = cv2.getRotationMatrix2D((225, 120), degrees, 1.0)
    turned: Any = cv2.warpAffine(skimage.data.astronaut(), turn, (512, 512))
    (face,) = locate(turned)
    for name, point in ASTRONAUT.items():
        assert getattr(face, name) == pytest.approx(turn @ (*point, 1), abs=5), name


def test_two_faces_the_larger_first() -> None:
    image = skimage.data.astronaut()
    both = np.zeros((512, 700, 3), np.uint8)
    both[:300, 400:] = image[:300, 80:380]
    both[:200, :200] = cv2.resize(image[:300, 80:380], (200, 200), interpolation=cv2.INTER_AREA)
    large, small = locate(both)
    assert large.left_eye == pytest.approx((203 + 320, 101), abs=3)
    assert small.left_eye == pytest.approx(((203 - 80) / 1.5, 101 / 1.5), abs=3)


def test_a_large_image_is_searched_in_a_small_copy() -> None:
    large = cv2.resize(skimage.data.astronaut(), (4096, 4096), interpolation=cv2.INTER_CUBIC)
    (face,) = locate(large)
    for name, (x, y) in ASTRONAUT.items():
        assert getattr(face, name) == pytest.approx((8 * x, 8 * y), abs=30), name


@pytest.mark.parametrize("name", ["grass", "brick", "moon"])
def test_no_face(name: str) -> None:
    image = getattr(skimage.data, name)()
    assert locate(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)) == []
    assert locate(np.full((7, 3, 3), 128, np.uint8)) == []


def test_an_eye_that_is_not_seen_is_put_where_it_belongs() -> None:
    image = skimage.data.astronaut()
    image[88:114, 232:266] = image[120, 250]
    (face,) = locate(image)
    assert face.left_eye == pytest.approx((203, 101), abs=3)
    assert face.right_eye == pytest.approx((247, 103), abs=8)


def test_grey_photograph() -> None:
    gray = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)
    (face,) = locate(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB))
    assert face.mouth_top == pytest.approx((224, 136), abs=4)
    assert face.mouth_bottom[1] > face.mouth_top[1] + 6


def test_same_answer_twice_and_threads_left_alone() -> None:
    image, threads = skimage.data.astronaut(), cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        assert locate(image) == locate(image.copy())
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(threads)


@pytest.mark.parametrize(("width", "height"), [(256, 256), (512, 512), (320, 256)])
def test_canonical(width: int, height: int) -> None:
    face = canonical(width, height)
    side, left = min(width, height), (width - min(width, height)) / 2
    # Pixel centres are whole numbers, so the image begins at -0.5.
    assert face.left_eye == pytest.approx((left + 0.375 * side - 0.5, 0.4725 * side - 0.5))
    assert face.right_eye == pytest.approx((left + 0.625 * side - 0.5, 0.4725 * side - 0.5))
    mouth = np.add(face.mouth_left, face.mouth_right) / 2
    assert mouth == pytest.approx((left + 0.5 * side - 0.5, 0.7475 * side - 0.5))
    heights = [face.left_brow, face.left_eye, face.nose, face.mouth_top, face.mouth_left]
    heights += [face.mouth_bottom, face.chin]
    assert [y for _, y in heights] == sorted(y for _, y in heights)
