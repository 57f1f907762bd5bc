"""The demo on a real photograph, measured on what the dataset's user decodes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from datasets import load_dataset
from PIL import Image
from skimage import data

from equime_hub.builder import plan as plans
from equime_hub.builder.faces.align import align
from equime_hub.cli import main
from equime_hub.schema.records import Landmarks
from equime_hub.schema.taxonomy import EMOTION_PRESETS
from tests.support import flow


@pytest.fixture(scope="module")
def photograph(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder in which `equime demo --faces` ran over one photograph, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "photos").mkdir()
    Image.fromarray(data.astronaut()).save(folder / "photos/astronaut.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = CliRunner().invoke(main, ["demo", "--faces", "photos", "--workers", "1"])
    assert done.exit_code == 0, done.output
    return folder, done.stdout


@pytest.fixture(scope="module")
def clips(photograph: tuple[Path, str]) -> dict[str, dict[str, Any]]:
    """Row of each emotion."""
    rows = load_dataset(str(photograph[0] / "equime"), split="train")
    return {rows.features["emotion"].int2str(row["emotion"]): row for row in rows}


@pytest.fixture(scope="module")
def face(photograph: tuple[Path, str]) -> Landmarks:
    """Where the parts are in the clips."""
    spec = plans.read(photograph[0] / "equime-plan.parquet").specs[0]
    return align(data.astronaut(), spec.face.landmarks, spec.width, spec.height)[1]


def region_over_time(
    frames: npt.NDArray[np.uint8], onset: int, face: Landmarks, region: str
) -> npt.NDArray[np.float64]:
    """Motion of a region against the onset frame, in IODs, one number a frame."""
    moved = [flow.skin_flow(frames[onset], frame, face) for frame in frames]
    return np.array([flow.strengths(field, face)[region] for field in moved])


@pytest.mark.parametrize(("emotion", "region"), [("happiness", "mouth"), ("anger", "brow")])
def test_the_right_part_of_a_real_face_moves_rises_and_returns(
    clips: dict[str, dict[str, Any]], face: Landmarks, emotion: str, region: str
) -> None:
    row = clips[emotion]
    frames = row["video"].clip().frames
    onset, apex, offset = row["onset_frame"], row["apex_frame"], row["offset_frame"]
    strengths = flow.strengths(flow.skin_flow(frames[onset], frames[apex], face), face)
    assert max(strengths, key=strengths.__getitem__) == region, strengths
    curve = region_over_time(frames, onset, face, region)
    assert abs(int(curve.argmax()) - apex) <= 2
    assert curve[offset:].max() < 0.5 * curve[apex]
    assert curve[: onset + 1].max() < 0.5 * curve[apex]


def test_happiness_pulls_the_mouth_corners_up_and_out(
    clips: dict[str, dict[str, Any]], face: Landmarks
) -> None:
    row = clips["happiness"]
    frames = row["video"].clip().frames
    moved = flow.skin_flow(frames[row["onset_frame"]], frames[row["apex_frame"]], face)
    middle = np.add(face.left_eye, face.right_eye) / 2
    for corner, outwards in ((face.mouth_left, -1), (face.mouth_right, 1)):
        x, y = (np.array(corner) - middle) / flow.iod(face)
        right, down = flow.at(moved, face, float(x), float(y))
        assert right * outwards > 0
        assert down < 0


def test_anger_lowers_the_brows(clips: dict[str, dict[str, Any]], face: Landmarks) -> None:
    row = clips["anger"]
    frames = row["video"].clip().frames
    moved = flow.skin_flow(frames[row["onset_frame"]], frames[row["apex_frame"]], face)
    for side in (-1, 1):
        right, down = flow.at(moved, face, side * 0.35, -0.3)
        assert down > 0
        assert right * side < 0


def test_everything_is_printed_and_drawn(photograph: tuple[Path, str]) -> None:
    folder, told = photograph
    for emotion in EMOTION_PRESETS["equime-paper"]:
        assert f"  {emotion}" in told
    assert "train            5 clips of 1 person" in told
    assert "AvVideo(" in told
    with Image.open(folder / "demo.png") as picture:
        assert picture.size[0] > 1000
        assert np.asarray(picture).std() > 20


def test_a_cache_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "file")
    done = CliRunner().invoke(main, ["demo", "--people", "1", "--workers", "1"])
    assert done.exit_code == 1
    assert "The dataset is whole in equime" in done.stderr
    assert "HF_HOME" in done.stderr
    checked = CliRunner().invoke(main, ["verify", "equime"])
    assert checked.exit_code == 0, checked.output


@pytest.mark.slow
def test_the_whole_demo_fills_every_split(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["demo", "--json", "--workers", "2"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert set(found["splits"]) == {"train", "validation", "test"}
    assert sum(found["splits"].values()) == 24 * 5
    assert set(found["emotions"]) == set(EMOTION_PRESETS["equime-paper"])
    labels = load_dataset("equime", name="metadata")
    for column, classes in (("gender", 2), ("age_group", 6)):
        values = {value for rows in labels.values() for value in rows[column]}
        assert len(values) == classes
    checked = CliRunner().invoke(main, ["verify", "equime"])
    assert checked.exit_code == 0, checked.output
