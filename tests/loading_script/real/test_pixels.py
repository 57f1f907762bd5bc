from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from equime_hub.loading_script.real import pixels
from equime_hub.loading_script.real.clip import RealClip
from equime_hub.schema.imports import Problem, Reading
from equime_hub.schema.licences import is_restricted
from equime_hub.video import codec
from equime_hub.video.clip import Clip
from tests.support.trees.drawing import face, recording

NAMES = tuple(f"a/{n}.png" for n in range(6))
CLIP = RealClip("samm", "006", "006_1_2", NAMES, 200.0, "SAMM licence", gray=True)


def fill(root: Path, *, gray: bool = False) -> None:
    recording(root, NAMES, 0, gray=gray)


def resize(path: Path, width: int, height: int) -> None:
    image = cv2.imread(str(path))
    assert image is not None
    cv2.imwrite(str(path), cv2.resize(image, (width, height)))


def test_gray_stays_gray_and_nearly_as_it_was(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    originals = []
    for name in NAMES:
        clean = face(0, 0.5).mean(axis=2)
        noisy = np.clip(clean + random.normal(0, 3, clean.shape), 0, 255).round().astype(np.uint8)
        (tmp_path / "a").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), noisy)
        originals.append(noisy)
    row = pixels.read(tmp_path, CLIP).row
    assert row is not None
    decoded = codec.decode(row["video"]["bytes"])
    assert np.ptp(decoded.frames, axis=3).max() == 0
    error = np.square(decoded.frames[..., 0] - np.stack(originals).astype(float)).mean()
    assert 10 * np.log10(255**2 / error) > 45
    assert decoded.fps == 200
    assert len(decoded) == row["num_frames"] == 6


def test_an_odd_size_grows_by_one(tmp_path: Path) -> None:
    fill(tmp_path)
    for name in NAMES:
        resize(tmp_path / name, 39, 47)
    row = pixels.read(tmp_path, CLIP).row
    assert row is not None
    assert (row["width"], row["height"]) == (40, 48)
    frame = codec.decode(row["video"]["bytes"]).frames[0].astype(int)
    assert np.abs(frame[:, -1] - frame[:, -2]).max() < 12


def test_a_row_says_what_is_known_and_no_more(tmp_path: Path) -> None:
    fill(tmp_path, gray=True)
    row = pixels.read(tmp_path, replace(CLIP, fixes=("one", "two"), part="hs")).row
    assert row is not None
    assert row["subject_id"] == "samm/006"
    assert row["source_dataset"] == "samm"
    assert is_restricted(row["license"])
    assert row["fixes"] == "one; two"
    assert row["part"] == "hs"
    assert [row[n] for n in ("emotion", "au_apex", "gender", "onset_frame", "au_source")] == [
        None
    ] * 5


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"<html>404</html>",
    ],
)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp"])
def test_an_unreadable_image_in_the_middle_is_named(
    tmp_path: Path, damage: object, suffix: str
) -> None:
    names = tuple(f"a/{n}{suffix}" for n in range(5))
    recording(tmp_path, names, 0)
    data = (tmp_path / names[2]).read_bytes()
    (tmp_path / names[2]).write_bytes(damage(data))  # type: ignore[operator]
    reading = pixels.read(tmp_path, replace(CLIP, frames=names))
    assert reading.row is None
    (problem,) = reading.problems
    assert problem.lost
    assert problem.file == names[2]
    assert "no readable image" in problem.problem


def test_a_frame_of_another_size_is_named(tmp_path: Path) -> None:
    fill(tmp_path)
    resize(tmp_path / NAMES[4], 50, 48)
    (problem,) = pixels.read(tmp_path, CLIP).problems
    assert (problem.file, problem.lost) == (NAMES[4], True)
    assert "50×48" in problem.problem


def test_a_frame_that_leads_out_of_the_root_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "root")
    recording(tmp_path, ["outside.png"], 0)
    (tmp_path / "root" / NAMES[3]).unlink()
    (tmp_path / "root" / NAMES[3]).symlink_to(tmp_path / "outside.png")
    (problem,) = pixels.read(tmp_path / "root", CLIP).problems
    assert problem.lost
    assert "leads out of" in problem.problem


def test_missing_frames_are_listed_and_the_clip_goes_on(tmp_path: Path) -> None:
    fill(tmp_path)
    reading = pixels.read(tmp_path, replace(CLIP, missing=("a/9.png",)))
    assert reading.row is not None
    assert [(p.file, p.lost) for p in reading.problems] == [("a/9.png", False)]


@pytest.mark.parametrize(
    ("missing", "file", "why"),
    [
        (("a/9.png",), "a/9.png", "The frame is missing; without it there is no clip."),
        (NAMES, "a/0.png", "The frame is missing, and 5 more; without them there is no clip."),
        (("a/b",), "a/b", "The folder is not there, or has no frame of the clip."),
        ((), "006_1_2", "The folder is not there, or has no frame of the clip."),
    ],
)
def test_a_clip_without_frames_is_lost(
    tmp_path: Path, missing: tuple[str, ...], file: str, why: str
) -> None:
    reading = pixels.read(tmp_path, replace(CLIP, frames=(), missing=missing))
    assert reading == Reading(None, (Problem(CLIP.clip_id, file, why, lost=True),))


@pytest.mark.parametrize("change", [1, 2])
def test_a_change_of_one_grey_level_survives(tmp_path: Path, change: int) -> None:
    still = face(0, 0).mean(axis=2).round().astype(np.uint8)
    moved = still.copy()
    moved[28:36, 12:20] += np.uint8(change)
    (tmp_path / "a").mkdir()
    for number, name in enumerate(NAMES):
        cv2.imwrite(str(tmp_path / name), moved if number >= 3 else still)
    row = pixels.read(tmp_path, CLIP).row
    assert row is not None
    first, last = codec.decode(row["video"]["bytes"], [0, 5]).frames[..., 0].astype(float)
    assert (last - first)[28:36, 12:20].mean() == pytest.approx(change, abs=0.4)


def video(root: Path, fps: float) -> bytes:
    frames = [cv2.cvtColor(face(0, n / 6), cv2.COLOR_BGR2RGB) for n in range(6)]
    data = codec.encode(Clip(np.stack(frames), fps))
    (root / "clip.mp4").write_bytes(data)
    return data


def test_a_video_is_stored_as_released(tmp_path: Path) -> None:
    data = video(tmp_path, 24)
    row = pixels.read(tmp_path, replace(CLIP, frames=("clip.mp4",), fps=24.0)).row
    assert row is not None
    assert row["video"]["bytes"] == data
    assert (row["num_frames"], row["fps"]) == (6, 24)


def test_a_window_of_a_video_is_cut_out(tmp_path: Path) -> None:
    video(tmp_path, 24)
    clip = replace(CLIP, frames=("clip.mp4",), fps=24.0, window=(2, 5))
    row = pixels.read(tmp_path, clip).row
    assert row is not None
    assert row["num_frames"] == 3
    (problem,) = pixels.read(tmp_path, replace(clip, window=(2, 9))).problems
    assert problem.lost


def test_a_rate_that_the_file_contradicts_is_listed_and_the_declared_one_taken(
    tmp_path: Path,
) -> None:
    video(tmp_path, 25)
    reading = pixels.read(tmp_path, replace(CLIP, frames=("clip.mp4",), window=(0, 6)))
    assert reading.row is not None
    assert reading.row["fps"] == 200
    assert codec.probe(reading.row["video"]["bytes"]).fps == 200
    assert [p.problem for p in reading.problems] == [
        "It says 25 fps, the dataset declares 200, which is taken."
    ]


def test_a_rate_that_nobody_declares_stays_unknown(tmp_path: Path) -> None:
    fill(tmp_path)
    row = pixels.read(tmp_path, replace(CLIP, fps=None)).row
    assert row is not None
    assert row["fps"] is None
    assert row["bitrate_kbps"] is None
