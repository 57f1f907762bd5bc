from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equime_hub.prediction.video import VideoReading
from equime_hub.reports.strip import MARKS, draw
from equime_hub.video.locate import canonical
from equime_hub.video.moments import Moments
from equime_hub.video.motion import estimate

CLOCK = np.linspace(0, 590, 60)
FLAT = estimate(np.zeros((60, 64, 64), np.uint8), 100, canonical(64, 64))


def strip(pictures: int = 7, **changes: object) -> VideoReading:
    faces = np.random.default_rng(0).integers(0, 255, (pictures, 32, 32, 3)).astype(np.uint8)
    made = VideoReading(
        Path("clip.mp4"),
        frames=60,
        fps=100.0,
        size=(64, 64),
        window=(0, 60),
        motion=replace(FLAT, expression=0.03 * np.exp(-(((CLOCK - 210) / 90) ** 2))),
        kind="micro-like",
        moments=Moments(10, 21, 40),
        clock=CLOCK,
        probabilities={"surprise": 0.8, "happiness": 0.2},
        places=tuple(np.linspace(0, 59, pictures).astype(int).tolist()),
        pictures=faces,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), int)


def colour(image: np.ndarray, name: str) -> int:
    """Pixels of the colour of a moment."""
    wanted = [int(name[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(image - wanted).max(axis=2) < 8).sum())


def test_each_moment_is_marked_in_its_colour(tmp_path: Path) -> None:
    draw([strip()], tmp_path / "all.png")
    draw([strip(moments=Moments())], tmp_path / "none.png")
    marked, plain = (pixels(tmp_path / f"{name}.png") for name in ("all", "none"))
    for name in MARKS.values():
        assert colour(marked, name) > colour(plain, name) + 300
    assert marked.shape == plain.shape and marked.shape[1] == 2100
    assert (marked[:, :4] == 255).all() and (marked[:, -4:] == 255).all()  # nothing is cut off


def test_strips_stand_below_each_other_and_notes_make_room(tmp_path: Path) -> None:
    draw([strip()], tmp_path / "one.png")
    draw([strip(), strip(notes=("A sentence.",))], tmp_path / "two.png")
    one, two = (pixels(tmp_path / f"{name}.png") for name in ("one", "two"))
    assert two.shape[0] == pytest.approx(2 * one.shape[0] + 39, abs=2)


@pytest.mark.parametrize(
    "changes",
    [
        {"pictures": 1},
        {"pictures": 2, "moments": Moments(apex=59)},
        {"motion": None, "kind": None, "moments": Moments(), "probabilities": {}},
        {"motion": FLAT},
        {"path": Path("a_$very$ long name " * 3), "probabilities": {"a_$very$ name": 1.0}},
    ],
)
def test_whatever_is_missing(changes: dict[str, object], tmp_path: Path) -> None:
    draw([strip(**changes)], tmp_path / "a.png")  # type: ignore[arg-type]
    assert np.ptp(pixels(tmp_path / "a.png")) > 100


def test_the_same_strip_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        draw([strip()], tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_nothing_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a video"):
        draw([], tmp_path / "a.png")
