from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real.casme import Casme
from equime_hub.loading_script.real.casme2 import Casme2
from equime_hub.loading_script.real.clip import Options
from equime_hub.loading_script.real.dataset import listed
from equime_hub.schema.taxonomy import AU_INDEX
from tests.support.trees.casme import (
    CASME2_HEADER,
    CASME2_ROWS,
    CASME2_WORKBOOK,
    CASME_HEADER,
    CASME_ROWS,
    CASME_WORKBOOK,
    casme,
    casme2,
)
from tests.support.trees.drawing import workbook
from tests.support.trees.reading import clips, problems, remarks, row, times


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("casme2")
    casme2(folder)
    return folder


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("casme")
    casme(folder)
    return folder


@pytest.fixture
def own(second: Path, tmp_path: Path) -> Path:
    """A copy of CASME II to spoil."""
    return Path(shutil.copytree(second, tmp_path / "own"))


def rewrite(own: Path, *rows: tuple[Any, ...]) -> None:
    """The table of CASME II again, with these rows."""
    workbook(own / CASME2_WORKBOOK, {"Sheet1": [CASME2_HEADER, *rows]})


# --- CASME II -----------------------------------------------------------------------------------


def test_every_row_is_a_clip(second: Path) -> None:
    found = clips("casme2", second)
    assert [c.clip_id for c in found.values()] == [
        "casme2-sub01-EP02_01f",
        "casme2-sub01-EP19_05f",
        "casme2-sub02-EP01_11f",
        "casme2-sub04-EP12_01f",
        "casme2-sub05-EP09_05f",
        "casme2-sub16-EP01_08",
        "casme2-sub24-EP02_07",
        "casme2-sub26-EP15_01",
    ]
    assert [c.subject for c in found.values()] == [f"sub{subject}" for subject, *_ in CASME2_ROWS]
    assert [times(c) for c in found.values()] == [
        (0, 3, 7, "annotated"),
        (0, 3, 5, "annotated"),
        (0, 2, 6, "annotated"),
        (0, 10, 20, "middle"),
        (0, 0, 6, "annotated"),
        (0, 1, 6, "annotated"),
        (0, 3, 6, "annotated"),
        (0, 2, 6, "annotated"),
    ]
    assert {(c.fps, c.label_source, c.gray, c.part) for c in found.values()} == {
        (200.0, "joint", False, None)
    }
    assert found["EP02_01f"].frames == tuple(
        f"CASME2-RAW/sub01/EP02_01f/img{n}.jpg" for n in range(46, 54)
    )


def test_of_the_negative_emotions_disgust_and_repression_alone_are_negative(second: Path) -> None:
    found = clips("casme2", second)
    assert [(c.emotion_raw, c.emotion, c.emotion_3) for c in found.values()] == [
        ("happiness", "happiness", "positive"),
        ("others", "others", None),
        ("disgust", "disgust", "negative"),
        ("disgust", "disgust", "negative"),
        ("surprise", "surprise", "surprise"),
        ("repression", "repression", "negative"),
        ("sadness", "sadness", None),
        ("fear", "fear", None),
    ]
    by_he = clips("casme2", second, label_map="he3")
    assert [c.emotion_3 for c in by_he.values()][-3:] == [None, "negative", "negative"]


def test_units_are_read_and_kept_as_they_are_written(second: Path) -> None:
    found = clips("casme2", second)
    assert [c.facs for c in found.values()] == [
        "6+12", "4+L10", "R12A", "4", "4 or 7", "17", "1", "1+4",
    ]  # fmt: skip
    units = found["EP01_11f"].au_apex
    assert units is not None
    assert {n: units[i] for n, i in AU_INDEX.items() if units[i]} == {12: 0.2}
    others = found["EP19_05f"].au_apex
    assert others is not None
    assert [n for n, i in AU_INDEX.items() if others[i]] == [4, 10]


def test_a_slash_is_no_apex(second: Path) -> None:
    fixed, plain = clips("casme2", second), clips("casme2", second, fixes=False)
    assert fixed["EP12_01f"].fixes == ("casme2-sub04-EP12_01f-apex",)
    assert [c.fixes for c in fixed.values()].count(()) == 7
    assert {c.fixes for c in plain.values()} == {()}
    assert times(plain["EP12_01f"]) == times(fixed["EP12_01f"])
    values = row(second, fixed["EP12_01f"])
    assert (values["apex_source"], values["apex_frame"]) == ("middle", 10)


def test_the_wrong_offset_of_row_60_is_corrected(own: Path) -> None:
    rows = [("07", f"EP{n:03}", None, 10, 12, 14, None, "4", "others") for n in range(255)]
    rows[60] = ("01", "EP02_01f", None, 46, 78, 9, None, "4", "others")
    rewrite(own, *rows)
    clip = clips("casme2", own)["EP02_01f"]
    assert clip.fixes == ("casme2-row60-offset",)
    assert clip.missing[-1] == "CASME2-RAW/sub01/EP02_01f/img91.jpg"
    plain = clips("casme2", own, fixes=False)["EP02_01f"]
    assert (plain.fixes, times(plain)) == ((), (None, None, None, None))


def test_a_row_is_written(second: Path) -> None:
    values = row(second, clips("casme2", second)["EP02_01f"])
    assert values["subject_id"] == "casme2/sub01"
    assert (values["num_frames"], values["fps"]) == (8, 200.0)
    assert (values["onset_frame"], values["apex_frame"], values["offset_frame"]) == (0, 3, 7)
    assert values["license"].startswith("restricted: CASME II")
    assert values["facs"] == "6+12"


def test_a_whole_recording_has_the_frames_around(second: Path) -> None:
    clip = clips("casme2", second, span="recording")["EP02_01f"]
    assert (clip.num_frames, times(clip)) == (14, (3, 6, 10, "annotated"))


def test_the_cropped_folder_lacks_the_end_of_a_clip(second: Path) -> None:
    faces = clips("casme2", second, cropped=True)
    assert faces["EP02_01f"].frames[0] == "Cropped/sub01/EP02_01f/reg_img46.jpg"
    clip = faces["EP01_08"]
    assert clip.frames[-1] == "Cropped/sub16/EP01_08/reg_img96.jpg"
    assert clip.missing == tuple(f"Cropped/sub16/EP01_08/reg_img{n}.jpg" for n in (97, 98, 99))
    assert times(clip) == (0, 1, 3, "annotated")
    assert len(problems(second, clip)) == 3


def test_the_folder_of_the_archive_may_stand_twice(own: Path) -> None:
    shutil.move(own / "CASME2-RAW", own / "inner")
    (own / "CASME2-RAW").mkdir()
    shutil.move(own / "inner", own / "CASME2-RAW/CASME2-RAW")
    assert clips("casme2", own)["EP02_01f"].frames[0] == (
        "CASME2-RAW/CASME2-RAW/sub01/EP02_01f/img46.jpg"
    )


def test_of_two_tables_the_later_is_read(own: Path) -> None:
    later = "CASME2-coding-20190701.xlsx"
    workbook(own / later, {"Sheet1": [CASME2_HEADER, CASME2_ROWS[0]]})
    assert [c.row for c in clips("casme2", own).values()] == [f"{later} row 2"]
    assert [path.name for path in Casme2().files(own)] == [later]


def test_a_clip_without_folder_is_listed(own: Path) -> None:
    shutil.rmtree(own / "CASME2-RAW/sub02")
    clip = clips("casme2", own)["EP01_11f"]
    assert (clip.frames, clip.missing) == ((), ("CASME2-RAW/sub02/EP01_11f",))
    assert problems(own, clip)[-1].lost


def test_a_shifted_header_is_found_and_said(own: Path) -> None:
    casme2(own, preamble=2)
    assert len(clips("casme2", own)) == 8
    assert "has its header in row 3, the official file in row 1" in remarks("casme2", own)


def test_rows_of_one_clip_are_refused(own: Path) -> None:
    rewrite(own, CASME2_ROWS[0], CASME2_ROWS[1], ("1", *CASME2_ROWS[0][1:]))
    with pytest.raises(DatasetError, match=r"casme2-sub01-EP02_01f: .*row 2 and .*row 4"):
        clips("casme2", own)


def test_two_people_may_have_clips_of_one_name(own: Path) -> None:
    rewrite(own, CASME2_ROWS[0], ("02", *CASME2_ROWS[0][1:]))
    found = listed(Casme2(), own, Options())
    assert [c.clip_id for c in found] == ["casme2-sub01-EP02_01f", "casme2-sub02-EP02_01f"]


def test_an_offset_before_the_onset_is_said(own: Path) -> None:
    rewrite(own, ("01", "EP02_01f", None, 46, 49, 40, None, "6+12", "happiness"))
    clip = clips("casme2", own)["EP02_01f"]
    assert (clip.num_frames, times(clip)) == (14, (None, None, None, None))
    (problem,) = problems(own, clip)
    assert "row 2: the offset 40 is before the onset 46" in problem.problem


def test_a_link_out_of_the_root_is_refused(own: Path, tmp_path: Path) -> None:
    shutil.move(own / "CASME2-RAW/sub26", tmp_path / "elsewhere")
    (own / "CASME2-RAW/sub26").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match="leads out of"):
        clips("casme2", own)


def test_it_has_no_parts(second: Path) -> None:
    with pytest.raises(DatasetError, match="parts of CASME II are: none; got 'A'"):
        clips("casme2", second, part="A")


# --- CASME --------------------------------------------------------------------------------------


def test_every_row_of_the_first_is_a_clip(first: Path) -> None:
    found = clips("casme", first)
    assert [c.clip_id for c in found.values()] == [
        "casme-sub01-EP01_5",
        "casme-sub01-EP03_1",
        "casme-sub07-EP07_4",
        "casme-sub12-EP12_2",
    ]
    assert [times(c) for c in found.values()] == [
        (0, 3, 6, "annotated"),
        (0, 3, 6, "annotated"),
        (0, 2, 6, "annotated"),
        (0, 1, 5, "annotated"),
    ]
    assert [(c.emotion_raw, c.emotion, c.emotion_3) for c in found.values()] == [
        ("tense", None, None),
        ("happiness", "happiness", "positive"),
        ("repression", "repression", "negative"),
        ("surprise", "surprise", "surprise"),
    ]
    assert [c.facs for c in found.values()] == ["L14", "12+6", "4+7", "1+2"]
    assert {c.fps for c in found.values()} == {60.0}


def test_names_of_the_first_end_in_one_to_three_digits(first: Path) -> None:
    found = clips("casme", first)
    raw = "CASME_raw_selected"
    assert found["EP01_5"].frames[0] == f"{raw}/sub01/EP01_5/EP01_5-97.jpg"
    assert found["EP01_5"].frames[-1] == f"{raw}/sub01/EP01_5/EP01_5-103.jpg"
    assert found["EP07_4"].frames[0] == f"{raw}/sub07/EP07_4/EP07_4-030.jpg"
    faces = clips("casme", first, cropped=True)
    assert faces["EP07_4"].frames[0] == "Cropped/sub07/EP07_4/reg_EP07_4-030.jpg"
    assert times(faces["EP07_4"]) == times(found["EP07_4"])


def test_a_row_of_the_first_is_written(first: Path) -> None:
    values = row(first, clips("casme", first)["EP01_5"])
    assert (values["subject_id"], values["fps"]) == ("casme/sub01", 60.0)
    assert (values["num_frames"], values["apex_frame"]) == (7, 3)
    assert (values["emotion_raw"], values["emotion"], values["facs"]) == ("tense", None, "L14")


def test_wrong_times_of_the_first_are_corrected(first: Path, tmp_path: Path) -> None:
    rows = [(2, f"EP02_{n}", None, 10, 12, None, 14, None, "4", "disgust") for n in range(189)]
    rows[40] = (1, "EP01_5", None, 149, 160, None, 100, None, "4", "disgust")
    rows[54] = (1, "EP03_1", None, 33, 35, None, 4, None, "4", "disgust")
    root = Path(shutil.copytree(first, tmp_path / "own"))
    workbook(root / CASME_WORKBOOK, {"Sheet1": [CASME_HEADER, *rows]})
    found = clips("casme", root)
    assert found["EP01_5"].fixes == ("casme-row40-times",)
    assert [name[-7:] for name in found["EP01_5"].frames] == [
        "100.jpg", "101.jpg", "102.jpg", "103.jpg",
    ]  # fmt: skip
    assert found["EP01_5"].missing[-1].endswith("EP01_5-149.jpg")
    assert found["EP01_5"].apex_source == "middle"
    assert found["EP03_1"].fixes == ("casme-row54-offset",)
    plain = clips("casme", root, fixes=False)
    assert (plain["EP01_5"].fixes, times(plain["EP01_5"])) == ((), (None, None, None, None))


def test_what_is_wrong_in_a_row_of_the_first_is_named(first: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(first, tmp_path / "own"))
    workbook(root / CASME_WORKBOOK, {"Sheet1": [CASME_HEADER, (1, *CASME_ROWS[0][1:3], "?")]})
    with pytest.raises(DatasetError, match=r"casme\.xlsx D2 \(onset\) is '\?'"):
        clips("casme", root)
    (root / CASME_WORKBOOK).unlink()
    with pytest.raises(DatasetError, match=r"has no file casme\.xlsx"):
        clips("casme", root)
    assert list(Casme().files(root)) == []
