from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.errors import VideoError
from equime_hub.video.face import Alignment, align
from equime_hub.video.locate import canonical, largest, locate
from equime_hub.video.picture import centre

Image = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def portrait() -> Image:
    return np.asarray(skimage.data.astronaut(), np.uint8)


def moved(alignment: Alignment, point: tuple[float, float]) -> npt.NDArray[np.float64]:
    return np.array(alignment.matrix) @ (*point, 1)


@given(
    st.floats(-40, 40),
    st.floats(0.3, 3),
    st.floats(-200, 200),
    st.integers(16, 300),
    st.floats(0.5, 3),
)
def test_eyes_go_where_celebahq_has_them(
    angle: float, scale: float, shift: float, side: int, margin: float
) -> None:
    at = canonical(side, side)
    turn = cv2.getRotationMatrix2D((50, 60), angle, scale)
    turn[:, 2] += np.array((shift, -shift))
    eyes = [turn @ (*eye, 1) for eye in (at.left_eye, at.right_eye)]
    face = canonical(64, 64)
    face = type(face)(**{**vars(face), "left_eye": tuple(eyes[0]), "right_eye": tuple(eyes[1])})
    alignment = Alignment.of(face, side, margin)
    middle = (side - 1) / 2
    for eye, wanted in ((face.left_eye, at.left_eye), (face.right_eye, at.right_eye)):
        expected = middle + (np.array(wanted) - middle) / margin
        assert moved(alignment, eye) == pytest.approx(expected, abs=1e-6)


def test_an_aligned_face_comes_out_as_it_was(portrait: Image) -> None:
    face = largest(portrait)
    assert face is not None
    aligned = align([portrait], face, 160)[0]
    again = largest(aligned)
    assert again is not None
    alignment = Alignment.of(again, 160)
    for corner in ((0, 0), (159, 0), (0, 159), (159, 159)):
        assert np.hypot(*(moved(alignment, corner) - corner)) < 0.04 * 160
    assert np.array_equal(align([aligned], canonical(160, 160), 160)[0], aligned)


def test_all_frames_are_moved_alike(portrait: Image) -> None:
    face = largest(portrait)
    assert face is not None
    frames = [portrait, np.roll(portrait, 12, axis=1)]
    still, shifted = align(frames, face, 64)
    distance = face.right_eye[0] - face.left_eye[0]
    step = 12 * 0.25 * 64 / distance
    back = cv2.warpAffine(shifted, np.array([[1, 0, -step], [0, 1, 0.0]]), (64, 64))
    middle = (slice(12, -12), slice(12, -12))
    apart = np.abs(np.float64(back) - still)[middle].mean()
    assert apart < 0.25 * np.abs(np.float64(shifted) - still)[middle].mean()


def test_shrinking_averages(portrait: Image) -> None:
    board = np.indices((400, 400)).sum(0).astype(np.uint8) % 2 * 255
    for face in (canonical(400, 400), canonical(380, 380)):
        small = Alignment.of(face, 40).apply(board)
        assert small.shape == (40, 40)
        assert np.abs(small[2:-2, 2:-2] - 127.5).max() < 20
    assert np.abs(centre(board, 50) - 127.5).max() < 2


def test_the_centre_is_a_square(portrait: Image) -> None:
    wide = np.zeros((60, 100, 3), np.uint8)
    wide[:, 20:80] = 200
    assert (centre(wide, 30) == 200).all()
    assert (centre(wide.transpose(1, 0, 2), 90) == 200).all()
    assert centre(portrait, 512) is not None
    assert np.array_equal(centre(portrait, 512), portrait)


@pytest.mark.parametrize("side", [128, 200, 512, 1500])
def test_the_quick_way_finds_the_same_eyes(portrait: Image, side: int) -> None:
    crop = cv2.resize(portrait[0:320, 60:380], (side, side))
    quick, thorough = largest(np.asarray(crop, np.uint8)), locate(np.asarray(crop, np.uint8))[0]
    assert quick is not None
    for eye in ("left_eye", "right_eye"):
        apart = np.array(getattr(quick, eye)) - getattr(thorough, eye)
        assert np.hypot(*apart) < 0.01 * side


def test_a_small_face_is_found_too(portrait: Image) -> None:
    wide = np.full((720, 1280, 3), 128, np.uint8)
    wide[300:620, 700:1020] = portrait[0:320, 60:380]
    face = largest(wide)
    assert face is not None
    assert 700 < face.left_eye[0] < face.right_eye[0] < 1020


def test_nothing_is_found_where_nothing_is() -> None:
    assert largest(np.full((64, 64, 3), 90, np.uint8)) is None
    assert largest(np.zeros((3, 5, 3), np.uint8)) is None


def test_two_eyes_are_needed() -> None:
    face = canonical(64, 64)
    cyclops = type(face)(**{**vars(face), "right_eye": face.left_eye})
    with pytest.raises(VideoError, match="two eyes"):
        Alignment.of(cyclops, 32)
