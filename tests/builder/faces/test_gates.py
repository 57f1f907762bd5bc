from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from skimage import data

from equime_hub.builder.faces.align import align
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.faces.gates import MIN_SHARPNESS, SIDE, measure, sharpness
from equime_hub.builder.spec import Image
from equime_hub.errors import FaceError
from equime_hub.video.locate import locate


def portraits(size: int) -> list[Image]:
    """A photograph and a drawing, aligned."""
    photograph: Image = data.astronaut()
    source = DrawnFaces(1, 0, size)
    return [
        align(photograph, locate(photograph)[0], size, size)[0],
        source.pixels(source.scan().faces[0]),
    ]


def blurred(image: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def gray(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def test_the_default_has_the_meaning_it_states() -> None:
    for image in portraits(SIDE):
        values = [sharpness(gray(blurred(image, sigma))) for sigma in (0.5, 1, 2, 4)]
        assert values == sorted(values, reverse=True)
        assert sharpness(gray(image)) > 200
        assert 6 < values[2] < 14
        assert values[3] < MIN_SHARPNESS < values[1]


def test_only_the_face_counts() -> None:
    flat = np.full((SIDE, SIDE), 128, np.uint8)
    flat[:70] = np.random.default_rng(0).integers(0, 256, (70, SIDE))
    flat[:, 200:] = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE - 200))
    assert sharpness(flat) == 0


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_size_hardly_matters(tmp_path: Path, suffix: str) -> None:
    for number, image in enumerate(portraits(1024)):
        values = []
        for size in (1024, 640, 512, 256):
            path = tmp_path / f"{number}-{size}.{suffix}"
            smaller = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
            PIL.Image.fromarray(np.asarray(smaller, np.uint8)).save(path)
            value, found = measure(path)
            assert found == (size, size)
            values.append(value)
        assert max(values) < 1.5 * min(values)


def test_enlarging_adds_no_sharpness(tmp_path: Path) -> None:
    for number, image in enumerate(portraits(256)):
        PIL.Image.fromarray(image).save(tmp_path / f"{number}.png")
        small = PIL.Image.fromarray(image).resize((128, 128), PIL.Image.Resampling.BOX)
        small.save(tmp_path / f"{number}-small.png")
        assert measure(tmp_path / f"{number}-small.png")[0] < measure(tmp_path / f"{number}.png")[0]


@pytest.mark.parametrize("content", ["", "no image", "half"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "0.jpg"
    if content == "half":
        PIL.Image.fromarray(portraits(256)[1]).save(path)
        path.write_bytes(path.read_bytes()[:4000])
    else:
        path.write_text(content)
    with pytest.raises(FaceError, match=r"empty|holds no|damaged"):
        measure(path)
