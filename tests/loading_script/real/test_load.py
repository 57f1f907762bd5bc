from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest

import equime_hub
from equime_hub.errors import DatasetError, EquimeError, VideoError
from equime_hub.loading_script.real import lazy, notes, pixels
from equime_hub.loading_script.real.clip import Options
from equime_hub.video import codec
from tests.support.trees import toy
from tests.support.trees.drawing import recording


def load(lab: Path, **options: Any) -> Any:
    return equime_hub.load("toy", root=lab, split="train", **options)


def test_rows_are_those_of_the_annotation(lab: Path) -> None:
    rows = load(lab)
    assert rows["clip_id"][:] == ["toy-p0-c0", "toy-p0-c1", "toy-p1-c2", "toy-p1-c3"]
    assert rows["subject_id"][0] == "toy/p0"
    assert rows["license"][0] == "restricted: Toy agreement"
    assert (rows["onset_frame"][0], rows["apex_frame"][0], rows["offset_frame"][0]) == (0, 2, 5)
    assert rows["width"][0] is None


def test_frames_are_those_of_an_import(lab: Path) -> None:
    video = load(lab)[2]["video"]
    assert len(video) == 6
    clip = list(toy.Toy().clips(lab, Options()))[2]
    row = pixels.read(lab, clip).row
    assert row is not None
    imported = codec.decode(row["video"]["bytes"]).frames
    assert np.array_equal(video.clip().frames, imported)


def test_nothing_is_read_before_it_is_asked_for(lab: Path) -> None:
    rows = load(lab)
    (lab / "p1/c2/4.png").unlink()
    assert len(rows[0]["video"]) == 6
    with pytest.raises(VideoError, match=r"toy-p1-c2: p1/c2/4.png: It cannot be read"):
        rows[2]["video"].clip()


def test_a_new_label_and_a_new_frame_are_seen(lab: Path) -> None:
    assert load(lab)["emotion_raw"][0] is None
    before = load(lab)["emotion"][0]
    text = (lab / "labels.csv").read_text(encoding="utf-8")
    (lab / "labels.csv").write_text(text.replace("fear", "sadness"), encoding="utf-8")
    assert load(lab)["emotion"][0] != before
    recording(lab, ["p0/c0/11.png"], 0)
    assert load(lab, options=Options(span="recording"))["num_frames"][:2] == [11, 10]


def test_options_config_columns_and_streams(lab: Path) -> None:
    slow = load(lab, options=Options(normalize_fps=50))
    assert (slow["fps"][0], slow["num_frames"][0], len(slow[0]["video"])) == (50, 3, 3)
    labels = load(lab, config="metadata")
    assert "video" not in labels.features
    assert load(lab, columns=["emotion"]).column_names == ["emotion"]
    stream = load(lab, streaming=True)
    assert isinstance(stream, datasets.IterableDataset)
    assert len(next(iter(stream))["video"]) == 6


def test_rows_survive_pickles_and_files(lab: Path, tmp_path: Path) -> None:
    rows = load(lab)
    assert len(pickle.loads(pickle.dumps(rows))[1]["video"]) == 6
    rows.to_parquet(tmp_path / "rows.parquet")
    frames = rows[0]["video"].clip().frames
    again: Any = equime_hub.with_pyav(datasets.Dataset.from_parquet(str(tmp_path / "rows.parquet")))
    assert np.array_equal(again[0]["video"].clip().frames, frames)


def test_what_cannot_be_loaded_is_a_sentence(lab: Path, tmp_path: Path) -> None:
    with pytest.raises(EquimeError, match="no real dataset 'sam'"):
        equime_hub.load("sam", root=lab)
    with pytest.raises(DatasetError, match=r'load\("samm", root="FOLDER"\)'):
        equime_hub.load("samm")
    with pytest.raises(DatasetError, match="is no folder"):
        equime_hub.load("toy", root=tmp_path / "none")
    with pytest.raises(DatasetError, match="give root="):
        equime_hub.load("equime", options=Options())
    with pytest.raises(DatasetError, match="Cannot open toy"):
        equime_hub.load("toy", root=lab, split="validation")
    with pytest.raises(DatasetError, match="no columns nonsense"):
        load(lab, columns=["nonsense"])


def test_what_is_missing_is_said(lab: Path) -> None:
    (lab / "p0/c1/5.png").unlink()
    for path in (lab / "p1/c3").iterdir():
        path.unlink()
    with notes.collected() as remarks:
        rows = load(lab)
    assert rows["clip_id"][:] == ["toy-p0-c0", "toy-p0-c1", "toy-p1-c2"]
    assert remarks == [
        f"Clips without any frame, left out (1 in {lab}): toy-p1-c3",
        f"Missing frames, without which their clips go on (1 in {lab}): p0/c1/5.png",
    ]


def test_two_clips_of_one_id_are_both_named(lab: Path) -> None:
    text = (lab / "labels.csv").read_text(encoding="utf-8")
    (lab / "labels.csv").write_text(f"{text}\np0,c1,fear", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"labels\.csv row 2 and labels\.csv row 5"):
        load(lab)


@pytest.mark.parametrize("path", ["equime-real://x/y.mp4", "equime-real:///y.mp4"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(DatasetError, match="is no clip"):
        lazy.resolve(path)
