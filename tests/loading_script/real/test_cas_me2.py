from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from equime_hub.errors import DatasetError
from equime_hub.schema.taxonomy import AU_INDEX
from tests.support.trees.cas import (
    ME2_FOLDERS,
    ME2_PEOPLE,
    ME2_ROWS,
    ME2_VIDEOS,
    ME2_WORKBOOK,
    cas_me2,
)
from tests.support.trees.drawing import workbook
from tests.support.trees.reading import clips, problems, row, times

TEETH = "rawpic/s15/15_0101disgustingteeth"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cas_me2")
    cas_me2(folder)
    return folder


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(root, tmp_path / "own"))


def rewrite(
    own: Path,
    *rows: tuple[Any, ...],
    people: tuple[tuple[Any, ...], ...] = ME2_PEOPLE,
    videos: tuple[tuple[Any, ...], ...] = ME2_VIDEOS,
) -> None:
    """The workbook again, with these rows."""
    workbook(
        own / ME2_WORKBOOK,
        {"CASFEcode_final": rows, "naming rule1": people, "naming rule2": videos},
    )


def test_every_row_is_a_clip(root: Path) -> None:
    found = clips("cas_me2", root)
    assert [c.clip_id for c in found.values()] == [
        "cas_me2-s15-disgust1_1",
        "cas_me2-s15-disgust1_2",
        "cas_me2-s15-happy3_1",
        "cas_me2-s16-anger1_1",
    ]
    assert [c.expression for c in found.values()] == ["micro", "macro", "macro", "micro"]
    assert {(c.fps, c.label_source, c.gray, c.part) for c in found.values()} == {
        (30.0, "self_report", False, None)
    }
    assert found["disgust1_1"].row == f"{ME2_WORKBOOK} row 1"


def test_the_naming_sheets_lead_to_the_frames(root: Path) -> None:
    found = clips("cas_me2", root)
    assert found["disgust1_1"].frames == tuple(f"{TEETH}/img{n:03}.jpg" for n in range(3, 10))
    assert found["happy3_1"].frames[0] == "rawpic/s15/15_0503unnyinnovations/img002.jpg"
    assert found["anger1_1"].frames[-1] == "rawpic/s16/16_0401girlcrashing/img010.jpg"
    assert not any(clip.missing for clip in found.values())


def test_an_offset_of_zero_is_the_apex(root: Path) -> None:
    found = clips("cas_me2", root)
    assert [times(c) for c in found.values()] == [
        (0, 3, 6, "annotated"),
        (0, 2, 2, "annotated"),
        (0, 3, 6, "annotated"),
        (0, 3, 6, "annotated"),
    ]
    assert [name[-7:-4] for name in found["disgust1_2"].frames] == ["012", "013", "014"]


def test_labels_are_the_self_report_and_the_class_of_the_release(root: Path) -> None:
    found = clips("cas_me2", root).values()
    assert [(c.emotion_raw, c.emotion, c.emotion_3) for c in found] == [
        ("disgust", "disgust", "negative"),
        ("helpless", None, "negative"),
        ("happiness", "happiness", "positive"),
        ("anger", "anger", None),
    ]
    by_map = clips("cas_me2", root, label_map="he3").values()
    assert [c.emotion_3 for c in by_map] == ["negative", None, "positive", "negative"]


def test_units(root: Path) -> None:
    found = clips("cas_me2", root)
    assert [c.facs for c in found.values()] == ["4+L10", "14", "6+12", None]
    units = found["disgust1_1"].au_apex
    assert units is not None
    assert {n for n, i in AU_INDEX.items() if units[i]} == {4, 10}
    assert found["anger1_1"].au_apex is None


def test_a_row_is_written(root: Path) -> None:
    values = row(root, clips("cas_me2", root)["disgust1_2"])
    names = ("subject_id", "num_frames", "fps", "expression", "offset_frame", "facs")
    assert [values[n] for n in names] == ["cas_me2/s15", 3, 30.0, "macro", 2, "14"]


def test_cropped_faces_are_looked_for_in_their_own_folder(own: Path) -> None:
    shutil.copytree(own / "rawpic", own / "cropped")
    found = clips("cas_me2", own, cropped=True)
    assert found["anger1_1"].frames[0] == "cropped/s16/16_0401girlcrashing/img004.jpg"


def test_without_its_folder_a_clip_is_lost_and_listed(own: Path) -> None:
    shutil.rmtree(own / "rawpic/s16")
    clip = clips("cas_me2", own)["anger1_1"]
    assert clip.missing == ("rawpic/s16/16_0401",)
    (problem,) = problems(own, clip)
    assert (problem.file, problem.lost) == (clip.missing[0], True)
    assert problem.problem == "The folder is not there, or has no frame of the clip."


def test_missing_frames_are_listed(own: Path) -> None:
    for number in (3, 6):
        (own / TEETH / f"img{number:03}.jpg").unlink()
    clip = clips("cas_me2", own)["disgust1_1"]
    assert clip.missing == (f"{TEETH}/img003.jpg", f"{TEETH}/img006.jpg")
    assert times(clip) == (0, 1, 4, "annotated")  # 6 is gone: of 5 and 7 the earlier


def test_two_folders_of_one_video_are_refused(own: Path) -> None:
    shutil.copytree(own / TEETH, own / f"{TEETH} copy")
    with pytest.raises(DatasetError, match=r"B1 \(name\) fits rawpic/s15/15_0101disgustingteeth a"):
        clips("cas_me2", own)
    shutil.move(own / f"{TEETH} copy", own / "rawpic/s15/15_01012")
    assert clips("cas_me2", own)["disgust1_1"].frames[0].startswith(f"{TEETH}/")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"sheet": "Sheet1"}, "has no sheet 'CASFEcode_final'. It has: 'Sheet1', 'naming rule1'"),
        ({"naming": ("rule1", "naming rule2")}, "has no sheet 'naming rule1'"),
        ({"naming": ("naming rule1", "rule2")}, "has no sheet 'naming rule2'"),
        ({"rows": [("Subject", "Video", 1, 2, 3, "4", "negative", "micro", "fear"), *ME2_ROWS]},
         r"A1 \(subject\) is 'Subject', not the number of a subject"),
    ],
)  # fmt: skip
def test_other_workbooks_are_refused(tmp_path: Path, options: Any, problem: str) -> None:
    cas_me2(tmp_path, **options)
    with pytest.raises(DatasetError, match=problem):
        clips("cas_me2", tmp_path)


def test_names_that_the_naming_sheets_lack_are_named(own: Path) -> None:
    rewrite(own, *ME2_ROWS, people=ME2_PEOPLE[:1])
    with pytest.raises(DatasetError, match=r"A4 \(subject\) is '2', which the sheet 'naming rule"):
        clips("cas_me2", own)
    rewrite(own, *ME2_ROWS, videos=ME2_VIDEOS[1:])
    with pytest.raises(DatasetError, match=r"B1 \(name\) is 'disgust1_1', which the sheet 'naming"):
        clips("cas_me2", own)


def test_bad_rows_are_named(own: Path) -> None:
    good = ME2_ROWS[0]
    rewrite(own, good, good)
    with pytest.raises(DatasetError, match=r"have the id cas_me2-s15-disgust1_1: .* row 1 and .* "):
        clips("cas_me2", own)
    rewrite(own, (*good[:7], "expression", "disgust"))
    with pytest.raises(DatasetError, match=r"H1 \(type\) is 'expression', not micro-expression or"):
        clips("cas_me2", own)
    rewrite(own, (*good[:2], 8, 6, 4, *good[5:]))
    clip = clips("cas_me2", own)["disgust1_1"]
    assert len(clip.frames) == len(ME2_FOLDERS[TEETH[7:]])
    assert "row 1: the offset 4 is before the onset 8" in clip.notes[0]
