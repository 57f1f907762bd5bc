from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real.mmew import Mmew
from equime_hub.loading_script.real.quirks import corrections
from equime_hub.schema.taxonomy import AU_INDEX
from equime_hub.video import codec
from tests.support.trees.drawing import HEIGHT, WIDTH, workbook
from tests.support.trees.mmew import HEADER, ROWS, WORKBOOK, long, mmew
from tests.support.trees.reading import clips, problems, remarks, row, times


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mmew")
    mmew(folder)
    return folder


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(root, tmp_path / "own"))


def rewrite(own: Path, *rows: Any, sheet: str = "Sheet1", header: Any = HEADER) -> None:
    workbook(own / WORKBOOK, {sheet: [header, *rows]})


def test_every_row_and_every_macro_folder_is_a_clip(root: Path) -> None:
    found = clips("mmew", root)
    assert [c.clip_id for c in found.values()] == [
        "mmew-micro-S01-S01-01-001",
        "mmew-micro-S01-S01-02-003",
        "mmew-micro-S07-S07-04-002",
        "mmew-micro-S30-S30-01-001",
        "mmew-macro-S01-anger-1",
        "mmew-macro-S01-anger-2",
        "mmew-macro-S02-happiness",
    ]
    assert {c.fps for c in found.values()} == {90.0}
    assert [c.expression for c in found.values()] == ["micro"] * 4 + ["macro"] * 3
    assert [(c.emotion_raw, c.emotion, c.emotion_3) for c in found.values()] == [
        ("disgust", "disgust", "negative"),
        ("happiness", "happiness", "positive"),
        ("others", "others", None),
        ("surprise", "surprise", "surprise"),
        ("anger", "anger", "negative"),
        ("anger", "anger", "negative"),
        ("happiness", "happiness", "positive"),
    ]


def test_times_and_frames_of_the_micro_clips(root: Path) -> None:
    found = clips("mmew", root, part="micro")
    assert [times(c) for c in found.values()] == [
        (0, 2, 5, "annotated"),
        (0, 3, 6, "annotated"),
        (0, 3, 6, "annotated"),
        (0, 0, 4, "annotated"),
    ]
    first = found["S01-01-001"]
    where = "Micro_Expression/disgust/S01-01-001"
    assert first.frames == tuple(f"{where}/{n}.jpg" for n in (3, 4, 6, 7, 8, 9))
    assert first.missing == (f"{where}/5.jpg",)
    (problem,) = problems(root, first)
    assert (problem.file, problem.lost) == (f"{where}/5.jpg", False)
    whole = clips("mmew", root, part="micro", span="recording")["S01-02-003"]
    assert len(whole.frames) == 10
    assert times(whole) == (1, 4, 7, "annotated")


def test_units_with_sides_letters_and_chinese_commas(root: Path) -> None:
    found = clips("mmew", root, part="micro").values()
    assert [c.facs for c in found] == ["4+7", "L12C", "4", "1+2，25"]
    units = [{n: c.au_apex[i] for n, i in AU_INDEX.items() if c.au_apex[i]}
             for c in found if c.au_apex]  # fmt: skip
    assert units == [{4: 0.5, 7: 0.5}, {12: 0.6}, {4: 0.5}, {1: 0.5, 2: 0.5, 25: 0.5}]


def test_macro_clips_have_no_times_and_no_units(root: Path) -> None:
    found = clips("mmew", root, part="macro")
    assert list(found) == ["anger-1", "anger-2", "happiness"]
    for clip in found.values():
        assert times(clip) == (None, None, None, None)
        assert (clip.facs, clip.au_apex, clip.label_source) == (None, None, None)
        assert len(clip.frames) == 5
    assert found["happiness"].frames[0] == "Macro_Expression/S02/happiness/1.jpg"


def test_all_may_lie_in_the_folder_of_the_archive(own: Path) -> None:
    (own / "MMEW_Final").mkdir()
    for name in (WORKBOOK, "Micro_Expression", "Macro_Expression"):
        shutil.move(own / name, own / "MMEW_Final" / name)
    found = clips("mmew", own)
    assert len(found) == 7
    assert all(clip.frames[0].startswith("MMEW_Final/") for clip in found.values())


def test_frames_beside_folders_of_macro_clips_are_a_clip_too(own: Path) -> None:
    shutil.copytree(own / "Macro_Expression/S01/anger/1", own / "Macro_Expression/S02/happiness/1")
    found = clips("mmew", own, part="macro")
    assert list(found) == ["anger-1", "anger-2", "happiness", "happiness-1"]


def test_a_row_is_written(root: Path) -> None:
    values = row(root, clips("mmew", root)["S01-02-003"])
    assert {n: values[n] for n in ("subject_id", "num_frames", "fps", "part", "label_source")} == {
        "subject_id": "mmew/S01", "num_frames": 7, "fps": 90.0, "part": "micro",
        "label_source": "joint",
    }  # fmt: skip
    clip = codec.decode(values["video"]["bytes"])
    assert clip.frames.shape == (7, HEIGHT, WIDTH, 3)
    assert clip.fps == 90
    assert np.ptp(clip.frames[0].astype(int), axis=-1).max() > 50  # colour stays


def test_times_that_are_known_to_be_wrong_are_left_out(own: Path) -> None:
    rewrite(own, *long())
    clip = clips("mmew", own, part="micro")["S01-01-001"]
    assert clip.fixes == ("mmew-row33-apex-offset",)
    assert times(clip) == (2, None, None, None)
    assert len(clip.frames) == 9
    raw = clips("mmew", own, part="micro", fixes=False)["S01-01-001"]
    assert raw.fixes == ()
    assert times(raw) == (None, None, None, None)
    (note,) = raw.notes
    assert "row 35: the offset 2 is before the onset 3; the whole recording is taken" in note
    assert note in [p.problem for p in problems(own, raw)]


def test_there_are_sixteen_corrections_and_they_spare_other_files(root: Path) -> None:
    assert len(corrections("mmew")) == 16
    assert "the official file has 300 rows, this one 4" in remarks("mmew", root)
    assert all(clip.fixes == () for clip in clips("mmew", root).values())


def test_without_its_folder_a_clip_is_lost_and_listed(own: Path) -> None:
    shutil.rmtree(own / "Micro_Expression/happiness")
    clip = clips("mmew", own)["S01-02-003"]
    assert clip.missing == ("Micro_Expression/happiness/S01-02-003",)
    (problem,) = problems(own, clip)
    assert (problem.file, problem.lost) == (clip.missing[0], True)
    assert problem.problem == "The folder is not there, or has no frame of the clip."


def test_macro_expressions_alone_are_read(own: Path) -> None:
    (own / WORKBOOK).unlink()
    assert {c.part for c in clips("mmew", own).values()} == {"macro"}
    with pytest.raises(DatasetError, match=r"has no file MMEW_Micro_Exp\.xlsx"):
        clips("mmew", own, part="micro")
    shutil.rmtree(own / "Macro_Expression")
    with pytest.raises(DatasetError, match="has no clip of MMEW"):
        clips("mmew", own, part="macro")


def test_a_shifted_header_is_found_and_a_lacking_column_is_not(own: Path) -> None:
    workbook(own / WORKBOOK, {"Any": [("MMEW",), (None,), HEADER, *ROWS]})
    assert list(clips("mmew", own, part="micro")) == [r[1] for r in ROWS]
    assert "has its header in row 3, the official file in row 1" in remarks("mmew", own)
    rewrite(own, *ROWS, header=("Subject", "Filename", "Onset", *HEADER[3:]))
    with pytest.raises(DatasetError, match="no header row with the columns OnsetFrame;"):
        clips("mmew", own)


def test_bad_cells_and_twins_are_named(own: Path) -> None:
    rewrite(own, *ROWS, ROWS[1])
    with pytest.raises(DatasetError, match=rf"{WORKBOOK} row 3 and {WORKBOOK} row 6"):
        clips("mmew", own)
    rewrite(own, (1, "S01-01-001", "three", 6, 9, "4", "disgust", None))
    with pytest.raises(DatasetError, match=r"C2 \(onset\) is 'three', not a whole number"):
        clips("mmew", own)
    rewrite(own, (1, "S01-01-001", 3, 6, 9, "4 & 7", "disgust", None))
    clip = clips("mmew", own, part="micro")["S01-01-001"]
    assert (clip.facs, clip.au_apex) == ("4 & 7", None)
    assert "F2 says '4 & 7', of which '4 & 7' is no action unit" in remarks("mmew", own)


def test_it_declares_what_the_release_has() -> None:
    expected = Mmew.expected["micro"]
    assert (expected.subjects, expected.clips, sum(expected.classes.values())) == (30, 300, 300)
    assert 300 - expected.classes["others"] == 234
