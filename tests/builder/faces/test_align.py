from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data

from equime_hub.builder.faces.align import align
from equime_hub.errors import FaceError
from equime_hub.schema.records import Landmarks
from equime_hub.video.locate import canonical, locate


def dots(face: Landmarks, width: int, height: int) -> npt.NDArray[np.uint8]:
    """A soft white dot at each eye and at the chin."""
    rows, columns = np.indices((height, width))
    image = np.zeros((height, width))
    for x, y in (face.left_eye, face.right_eye, face.chin):
        image += 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 3**2))
    return np.repeat(image.clip(0, 255).astype(np.uint8)[..., None], 3, 2)


def peak(image: npt.NDArray[np.uint8], x: float, y: float) -> tuple[float, float]:
    """Centre of brightness near a point."""
    left, top = max(0, round(x) - 15), max(0, round(y) - 15)
    part = image[top : top + 31, left : left + 31, 0].astype(float)
    rows, columns = np.indices(part.shape)
    return left + (part * columns).sum() / part.sum(), top + (part * rows).sum() / part.sum()


def test_eyes_level_and_in_their_place() -> None:
    face, moved = _astronaut(256)
    assert moved.left_eye == pytest.approx((0.375 * 256 - 0.5, moved.right_eye[1]), abs=0.01)
    assert moved.right_eye[0] == pytest.approx(0.625 * 256 - 0.5, abs=0.01)
    (found,) = locate(face)
    for name in ("left_eye", "right_eye", "mouth_left", "mouth_bottom", "chin"):
        assert getattr(found, name) == pytest.approx(getattr(moved, name), abs=6), name


@pytest.mark.parametrize("size", [96, 256, 640])
@pytest.mark.parametrize("degrees", [0, 25])
def test_landmarks_move_with_the_pixels(size: int, degrees: float) -> None:
    turn = cv2.getRotationMatrix2D((300, 200), degrees, 0.6)
    numbers = np.array(canonical(640, 640).flat())
    points = np.c_[numbers[:20].reshape(10, 2), np.ones(10)] @ turn.T
    source = Landmarks.from_flat((*points.ravel(), *(0.6 * numbers[20:])))
    image, moved = align(dots(source, 700, 600), source, size, size)
    assert moved.flat() == pytest.approx(canonical(size, size).flat(), abs=1e-6)
    for point in (moved.left_eye, moved.right_eye, moved.chin):
        assert peak(image, *point) == pytest.approx(point, abs=0.25)


def test_a_face_in_place_is_only_reduced() -> None:
    image = skimage.data.astronaut()
    small, moved = align(image, canonical(512, 512), 256, 256)
    assert np.array_equal(small, cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA))
    assert moved.flat() == pytest.approx(canonical(256, 256).flat())
    same, _ = align(image, canonical(512, 512), 512, 512)
    assert np.array_equal(same, image)


def test_shrinking_a_lot_leaves_no_moire() -> None:
    stripes = np.zeros((3000, 3000, 3), np.uint8)
    stripes[::2] = 255
    small, _ = align(stripes, canonical(3000, 3000), 64, 64)
    assert abs(small.astype(int) - 128).max() < 12


def test_a_wide_crop_shows_more_beside_the_face() -> None:
    source = canonical(600, 600)
    wide, moved = align(dots(source, 600, 600), source, 320, 256)
    assert wide.shape == (256, 320, 3)
    assert moved.flat() == pytest.approx(canonical(320, 256).flat())
    assert peak(wide, *moved.chin) == pytest.approx(moved.chin, abs=0.25)


def test_outside_the_image_lies_its_mirror_image() -> None:
    face = locate(skimage.data.astronaut())[0]
    cut = skimage.data.astronaut()[60:, 170:]
    shifted = np.array(face.flat())
    shifted[:20] -= np.tile((170, 60), 10)
    crop, _ = align(cut, Landmarks.from_flat(tuple(shifted)), 256, 256)
    assert crop[:20].mean() > 40
    assert crop[:, :20].mean() > 40


def test_eyes_on_one_another_are_refused() -> None:
    face = replace(canonical(64, 64), right_eye=canonical(64, 64).left_eye)
    with pytest.raises(FaceError, match="two eyes in different places"):
        align(np.zeros((64, 64, 3), np.uint8), face, 64, 64)


def _astronaut(size: int) -> tuple[npt.NDArray[np.uint8], Landmarks]:
    image = skimage.data.astronaut()
    return align(image, locate(image)[0], size, size)
