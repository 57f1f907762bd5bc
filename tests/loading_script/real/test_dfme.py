from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import check
from equime_hub.loading_script.real.dfme import UNDECLARED
from equime_hub.loading_script.real.frames import normalized
from equime_hub.schema.imports import split_of
from tests.support.trees.dfme import HEADER, LENGTH, ROWS, dfme
from tests.support.trees.drawing import workbook
from tests.support.trees.reading import clips, problems, remarks, row, times

TRAIN = "train_data/coding.xlsx"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dfme")
    dfme(folder)
    return folder


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(root, tmp_path / "own"))


def rewrite(own: Path, *rows: tuple[Any, ...], header: Any = HEADER) -> None:
    """The table of the training part again, with these rows."""
    workbook(own / TRAIN, {"Sheet1": [header, *rows]})


def test_every_row_of_every_part_is_a_clip(root: Path) -> None:
    found = clips("dfme", root)
    assert [c.clip_id for c in found.values()] == [
        "dfme-train-sub0001-dfme_00001",
        "dfme-train-sub0001-dfme_00002",
        "dfme-train-sub0007-dfme_00107",
        "dfme-test_A-sub0300-dfme_02001",
        "dfme-test_A-sub0301-dfme_02002",
        "dfme-test_B-sub0400-dfme_03001",
    ]
    assert [split_of(c.part) for c in found.values()] == ["train"] * 3 + ["test"] * 3
    assert list(clips("dfme", root, part="test_B")) == ["dfme_03001"]


def test_frames_and_times(root: Path) -> None:
    found = clips("dfme", root)
    first = found["dfme_00001"]
    assert first.frames == tuple(f"train_data/dfme_00001/{n:05}.png" for n in range(LENGTH))
    assert times(first) == (2, 5, None, "annotated")
    assert times(found["dfme_00002"]) == (0, 0, None, "annotated")
    third = found["dfme_00107"]
    assert third.missing == ("train_data/dfme_00107/00003.png",)
    assert times(third) == (1, 3, None, "annotated")


def test_labels_of_the_test_parts_are_withheld(root: Path) -> None:
    found = clips("dfme", root).values()
    assert [(c.emotion_raw, c.emotion, c.emotion_3, c.label_source) for c in found] == [
        ("Happiness", "happiness", "positive", "joint"),
        ("contempt", "contempt", "negative", "joint"),
        ("fear", "fear", "negative", "joint"),
        *[(None, None, None, None)] * 3,
    ]
    assert {times(c) for c in found if c.part != "train"} == {(None, None, None, None)}
    values = row(root, clips("dfme", root, part="test_A")["dfme_02001"])
    assert [values[n] for n in ("subject_id", "emotion", "num_frames", "part")] == [
        "dfme/sub0300", None, LENGTH, "test_A",
    ]  # fmt: skip


def test_a_rate_that_nobody_declares_is_null_and_said(root: Path) -> None:
    clip = clips("dfme", root)["dfme_00001"]
    assert clip.fps is None
    values = row(root, clip)
    assert (values["fps"], values["bitrate_kbps"]) == (None, None)
    (problem,) = problems(root, clip)
    assert (problem.problem, problem.lost) == (UNDECLARED, False)
    said = "train_data/coding.xlsx does not say at which rate 3 of 3 clips were filmed (first: row"
    assert said in remarks("dfme", root)
    lines = [line.found for line in check.inspect("dfme", root).lines if line.what == "remark"]
    assert any(said in line for line in lines)


def test_a_declared_rate_is_taken(own: Path) -> None:
    parts = ("A", "Part-B", "part c")
    rows = [(*r, part) for r, part in zip(ROWS, parts, strict=True)]
    rewrite(own, *rows, header=(*HEADER, "Part"))
    found = clips("dfme", own, part="train")
    assert [c.fps for c in found.values()] == [500.0, 300.0, 200.0]
    assert row(own, found["dfme_00002"])["fps"] == 300.0
    assert len(normalized(found["dfme_00001"], 100).frames) == 2  # every fifth of nine
    assert "does not say" not in remarks("dfme", own, part="train")
    rewrite(own, *((*r, f) for r, f in zip(ROWS, (500, None, 200), strict=True)),
            header=(*HEADER, "FPS"))  # fmt: skip
    assert [c.fps for c in clips("dfme", own, part="train").values()] == [500.0, None, 200.0]
    assert "1 of 3 clips were filmed (first: row 3)" in remarks("dfme", own, part="train")


@pytest.mark.parametrize(
    ("columns", "cells", "problem"),
    [
        (("FPS",), (25,), r"F2 \(fps\) is 25, not 500, 300 or 200"),
        (("FPS",), ("fast",), r"F2 \(fps\) is 'fast', not a whole number"),
        (("Part",), ("D",), r"F2 \(recording\) is 'D', not A, B or C"),
        (("Part", "FPS"), ("C", 500), r"G2 \(fps\) is 500, but recording C has 200"),
    ],
)
def test_a_rate_that_the_dataset_does_not_have_is_refused(
    own: Path, columns: Any, cells: Any, problem: str
) -> None:
    rewrite(own, (*ROWS[0], *cells), header=(*HEADER, *columns))
    with pytest.raises(DatasetError, match=problem):
        clips("dfme", own)


def test_parts_that_are_not_there(own: Path) -> None:
    shutil.rmtree(own / "test_A_data")
    assert {c.part for c in clips("dfme", own).values()} == {"train", "test_B"}
    with pytest.raises(DatasetError, match=r"has no file test_A_data/coding.xlsx"):
        clips("dfme", own, part="test_A")
    with pytest.raises(
        DatasetError, match="parts of DFME are: one of train, test_A, test_B; got 'A'"
    ):
        clips("dfme", own, part="A")
    with pytest.raises(DatasetError, match="no cropped faces"):
        clips("dfme", own, cropped=True)


def test_the_table_may_lie_beside_the_training_part(own: Path) -> None:
    shutil.move(own / TRAIN, own / "coding.xlsx")
    assert len(clips("dfme", own, part="train")) == 3


def test_the_training_part_needs_its_labels(own: Path) -> None:
    rewrite(own, *(r[:4] for r in ROWS), header=HEADER[:4])
    with pytest.raises(DatasetError, match="no header row with the columns Emotion;"):
        clips("dfme", own)


def test_without_its_folder_a_clip_is_lost_and_listed(own: Path) -> None:
    shutil.rmtree(own / "train_data/dfme_00002")
    clip = clips("dfme", own)["dfme_00002"]
    assert clip.missing == ("train_data/dfme_00002",)
    (problem,) = problems(own, clip)
    assert (problem.file, problem.lost) == (clip.missing[0], True)
    assert problem.problem == "The folder is not there, or has no frame of the clip."


def test_bad_rows_are_named(own: Path) -> None:
    rewrite(own, *ROWS, ROWS[0])
    with pytest.raises(
        DatasetError, match=r"id dfme-train-sub0001-dfme_00001: .* row 2 and .* row"
    ):
        clips("dfme", own)
    rewrite(own, (None, *ROWS[0][1:]))
    with pytest.raises(DatasetError, match=r"A2 \(subject\) is empty"):
        clips("dfme", own)
    rewrite(own, ("sub0001", "dfme_00001", 5, 2, "fear"))
    clip = clips("dfme", own)["dfme_00001"]
    assert times(clip) == (5, None, None, None)
    assert "row 2: the apex 2 is before the onset 5; not taken" in clip.notes[0]
