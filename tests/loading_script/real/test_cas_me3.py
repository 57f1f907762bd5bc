from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import frames, labels
from equime_hub.loading_script.real.cas_me3 import CasMe3
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import listed
from equime_hub.schema.taxonomy import AU_INDEX
from tests.support.trees.cas import (
    ME3_C_WORKBOOK,
    ME3_HEADER,
    ME3_MACRO_WORKBOOK,
    ME3_ROWS,
    ME3_WORKBOOK,
    cas_me3,
)
from tests.support.trees.drawing import workbook
from tests.support.trees.reading import problems, remarks, row, times


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cas_me3")
    cas_me3(folder)
    return folder


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(root, tmp_path / "own"))


def read(root: Path, **options: Any) -> list[RealClip]:
    return listed(CasMe3(), root, Options(**options))


def rewrite(own: Path, *rows: tuple[Any, ...]) -> None:
    """The table of part A again, with these rows."""
    workbook(own / ME3_WORKBOOK, {"label": [ME3_HEADER, *rows]})


def numbers(clip: RealClip) -> list[int]:
    return [int(Path(name).stem) for name in clip.frames]


def test_every_part_that_is_there_is_read(root: Path) -> None:
    found = read(root)
    assert [c.clip_id for c in found] == [
        "cas_me3-A-spNO.1-a-10-15",
        "cas_me3-A-spNO.1-a-18-22",
        "cas_me3-A-spNO.2-j-3-14",
        "cas_me3-A-spNO.214-c-5-34",
        "cas_me3-A_macro-spNO.1-a-11-20",
        "cas_me3-C-01-1",
        "cas_me3-C-01-2",
        "cas_me3-C-12-1",
    ]
    assert {(c.fps, c.label_source, c.gray) for c in found} == {(30.0, "self_report", False)}
    assert [c.expression for c in found] == ["micro"] * 4 + ["macro"] + ["micro"] * 3
    for part, count in (("A", 4), ("A_macro", 1), ("C", 3)):
        assert [c.part for c in read(root, part=part)] == [part] * count


def test_the_first_frames_that_no_recording_has_are_listed(root: Path) -> None:
    clip = read(root, part="A")[2]
    assert numbers(clip) == list(range(8, 15))
    assert clip.missing == tuple(f"spNO.2/j/color/{n}.jpg" for n in range(3, 8))
    assert times(clip) == (0, 1, 6, "annotated")
    assert [p.lost for p in problems(root, clip)] == [False] * 5


def test_an_expression_of_which_no_frame_is_left_is_lost(own: Path) -> None:
    rewrite(own, ("spNO.2", "j", 2, 4, 7, "4", 4, "fear"))
    (clip,) = read(own, part="A")
    assert (clip.frames, len(clip.missing)) == ((), 6)
    assert problems(own, clip)[-1].lost


def test_times_and_the_missing_frame_of_part_a(root: Path) -> None:
    found = read(root, part="A")
    assert [times(c) for c in found] == [
        (0, 2, 4, "annotated"),
        (0, 0, 4, "annotated"),
        (0, 1, 6, "annotated"),
        (0, 15, 29, "annotated"),
    ]
    assert numbers(found[0]) == [10, 11, 12, 14, 15]
    assert found[0].missing == ("spNO.1/a/color/13.jpg",)
    assert not any("depth" in name for clip in found for name in clip.frames)


def test_a_recording_of_many_clips_is_listed_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    images = frames.images

    def listed_and_noted(root: Path, folder: str) -> tuple[str, ...]:
        asked.append(folder)
        return images(root, folder)

    monkeypatch.setattr(frames, "images", listed_and_noted)
    assert len(read(root, part="A")) == 4
    assert asked == ["spNO.1/a/color", "spNO.2/j/color", "spNO.214/c/color"]


def test_letter_case_and_spelling_of_folders_do_not_matter(own: Path) -> None:
    shutil.move(own / "spNO.2/j", own / "spNO.2/J")
    shutil.move(own / "spNO.2", own / "SPNO.2")
    rewrite(own, ("2", "j", 8, 9, 12, "4", 4, "fear"), ("spno.1", "A", 10, 12, 15, "4", 4, "sad"))
    found = read(own, part="A")
    assert [(c.subject, c.name) for c in found] == [("spNO.2", "j-8-12"), ("spNO.1", "a-10-15")]
    assert found[0].frames[0] == "SPNO.2/J/color/8.jpg"
    assert not found[0].missing


def test_labels(root: Path) -> None:
    assert [(c.emotion_raw, c.emotion, c.emotion_3) for c in read(root)] == [
        ("disgust", "disgust", "negative"),
        ("surprise", "surprise", "surprise"),
        ("happy", "happiness", "positive"),
        ("Others", "others", None),
        ("happy", "happiness", "positive"),
        ("neg", None, "negative"),
        ("sur", "surprise", "surprise"),
        ("pos", None, "positive"),
    ]


def test_labels_of_part_c_are_known_to_the_maps(root: Path) -> None:
    raw = [clip.emotion_raw for clip in read(root, part="C")]
    assert [labels.classify("cas3_4", "cas_me3", r) for r in raw] == [
        "negative", "surprise", "positive",
    ]  # fmt: skip


def test_two_tables_of_one_part_are_refused_and_not_skipped(own: Path) -> None:
    for folder in ("one", "two"):
        (own / folder).mkdir()
        shutil.copy(own / ME3_WORKBOOK, own / folder)
    (own / ME3_WORKBOOK).unlink()
    with pytest.raises(DatasetError, match="has several files"):
        read(own)


def test_the_parts_may_lie_in_folders_of_their_own(own: Path) -> None:
    (own / "part_A").mkdir()
    for name in (ME3_WORKBOOK, "spNO.1", "spNO.2", "spNO.214"):
        shutil.move(own / name, own / "part_A" / name)
    found = read(own, part="A")
    assert found[0].frames[0] == "part_A/spNO.1/a/color/10.jpg"
    assert all(clip.frames for clip in found)


def test_part_c_has_no_apex_and_one_chinese_comma(root: Path) -> None:
    found = read(root, part="C")
    assert [times(c) for c in found] == [
        (0, 2, 4, "middle"),
        (0, 2, 5, "middle"),
        (0, 2, 5, "middle"),
    ]
    assert found[2].frames[0] == "12/1/color/31.jpg"
    assert [c.facs for c in found] == ["4,7", "1，2", "12"]
    units = [{n for n, i in AU_INDEX.items() if c.au_apex[i]} for c in found if c.au_apex]
    assert units == [{4, 7}, {1, 2}, {12}]


def test_macro_expressions_come_from_the_old_workbook(own: Path) -> None:
    (clip,) = read(own, part="A_macro")
    assert clip.row == f"{ME3_MACRO_WORKBOOK} row 3"
    assert (clip.subject, numbers(clip)[0], numbers(clip)[-1]) == ("spNO.1", 11, 20)
    assert times(clip) == (0, 2, 8, "annotated")
    (own / ME3_MACRO_WORKBOOK).unlink()
    (own / ME3_C_WORKBOOK).unlink()
    assert {c.part for c in read(own)} == {"A"}
    with pytest.raises(DatasetError, match=r"has no file CAS\(ME\)3_part_A_v2.xls"):
        read(own, part="A_macro")


def test_the_clip_of_two_minutes_is_corrected(root: Path) -> None:
    clip = read(root, part="A")[3]
    assert clip.fixes == ("cas_me3-spNO.214-c-5-offset",)
    assert numbers(clip) == list(range(5, 35))
    assert row(root, clip)["fixes"] == "cas_me3-spNO.214-c-5-offset"
    raw = read(root, part="A", fixes=False)[3]
    assert (raw.clip_id, raw.fixes) == ("cas_me3-A-spNO.214-c-5-3460", ())
    assert numbers(raw) == list(range(5, 37))
    assert len(raw.missing) == 3460 - 36


def test_a_correction_that_does_not_fit_is_reported(own: Path) -> None:
    rewrite(own, *ME3_ROWS[:3], ("spNO.214", "c", 5, 20, 30, "4+7", 4, "Others"))
    assert "spNO.214-c-5-offset (row 5 does not say what was wrong)" in remarks("cas_me3", own)


def test_without_its_folder_a_clip_is_lost_and_listed(own: Path) -> None:
    shutil.rmtree(own / "spNO.2/j/color")
    clip = read(own, part="A")[2]
    assert clip.missing == ("spNO.2/j/color",)
    (problem,) = problems(own, clip)
    assert (problem.file, problem.lost) == (clip.missing[0], True)
    assert problem.problem == "The folder is not there, or has no frame of the clip."


def test_other_tables_are_refused(tmp_path: Path) -> None:
    cas_me3(tmp_path, parts=["A"], sheet="labels")
    with pytest.raises(DatasetError, match=r"has no sheet 'label'. It has: 'notes', 'labels'"):
        read(tmp_path)
    workbook(tmp_path / ME3_WORKBOOK, {"label": [(None,), ("v2",), ME3_HEADER, *ME3_ROWS]})
    assert len(read(tmp_path)) == 4
    assert "header in row 3, the official file in row 1" in remarks("cas_me3", tmp_path)
    workbook(tmp_path / ME3_WORKBOOK, {"label": ME3_ROWS})
    with pytest.raises(DatasetError, match="has no header row with the columns Subject, Filename"):
        read(tmp_path)


def test_bad_rows_are_named(own: Path) -> None:
    rewrite(own, ME3_ROWS[0], ("spNO.1", "A", 10, 13, 15, "4", 4, "fear"))
    with pytest.raises(
        DatasetError, match=r"the id cas_me3-A-spNO.1-a-10-15: .* row 2 and .* row 3"
    ):
        read(own)
    rewrite(own, ("one", "a", 10, 12, 15, "4", 4, "disgust"))
    with pytest.raises(DatasetError, match=r"A2 \(subject\) is 'one', not like spNO.1"):
        read(own)
    rewrite(own, ("spNO.1", "a", 10, 12, 15, "4；x", 4, "disgust"))
    assert read(own, part="A")[0].au_apex is None
    assert "F2 says '4；x', of which 'x' is no action unit" in remarks("cas_me3", own)


def test_it_declares_what_the_release_has() -> None:
    expected = CasMe3().expected
    assert {part: (e.subjects, e.clips) for part, e in expected.items()} == {
        "A": (100, 860), "A_macro": (100, 3346), "C": (31, 165),
    }  # fmt: skip
    for part in ("A", "C"):
        assert sum(expected[part].classes.values()) == expected[part].clips
