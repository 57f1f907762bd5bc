from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real.samm import Samm
from equime_hub.schema.taxonomy import AU_INDEX
from equime_hub.video import codec
from tests.support.trees.drawing import HEIGHT, WIDTH, workbook
from tests.support.trees.reading import clips, problems, remarks, row, times
from tests.support.trees.samm import (
    AROUND,
    HEADER,
    LONG_HEADER,
    LONG_ROWS,
    LONG_WORKBOOK,
    ROWS,
    WORKBOOK,
    samm,
    samm_long,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samm")
    samm(folder)
    samm_long(folder)
    return folder


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(root, tmp_path / "own"))


def rewrite(own: Path, *rows: tuple[Any, ...], header: tuple[str, ...] = HEADER) -> None:
    """The table again, with these rows."""
    notes = [(f"Note {number}",) for number in range(1, 14)]
    workbook(own / WORKBOOK, {"MICRO_ONLY": [*notes, header, *rows]})


def changed(clip: int, **cells: Any) -> tuple[Any, ...]:
    """A row of the table with some cells changed, by the column's first word."""
    values = dict(zip(HEADER, ROWS[clip], strict=True))
    return tuple((values | {n.replace("_", " "): v for n, v in cells.items()}).values())


def test_every_row_is_a_clip(root: Path) -> None:
    found = clips("samm", root)
    assert [c.clip_id for c in found.values()] == [
        "samm-006-006_1_2",
        "samm-009-009_6_1",
        "samm-011-011_1_1",
        "samm-028-028_4_1",
        "samm-036-036_7_1",
    ]
    assert [c.subject for c in found.values()] == ["006", "009", "011", "028", "036"]
    assert [times(c) for c in found.values()] == [
        (0, 3, 7, "annotated"),
        (0, 2, 6, "annotated"),
        (0, 2, 5, "annotated"),
        (0, 3, 6, "middle"),
        (0, 3, 6, "annotated"),
    ]
    assert [(c.emotion_raw, c.emotion, c.emotion_3) for c in found.values()] == [
        ("Happiness", "happiness", "positive"),
        ("Anger", "anger", "negative"),
        ("Surprise", "surprise", "surprise"),
        ("Contempt", "contempt", "negative"),
        ("Other", "others", None),
    ]
    assert {(c.fps, c.label_source, c.gray, c.expression, c.part) for c in found.values()} == {
        (200.0, "joint", True, "micro", None)
    }
    assert found["006_1_2"].row == f"{WORKBOOK} row 15"


def test_names_are_padded_by_subject(root: Path) -> None:
    found = clips("samm", root)
    assert found["006_1_2"].frames == tuple(
        f"006/006_1_2/006_{n:05}.jpg" for n in range(5562, 5570)
    )
    assert found["009_6_1"].frames[0] == "009/009_6_1/009_3577.jpg"
    assert found["009_6_1"].frames[-1] == "009/009_6_1/009_3583.jpg"


def test_a_missing_frame_is_named_and_times_move_with_it(root: Path) -> None:
    clip = clips("samm", root)["011_1_1"]
    assert clip.missing == ("011/011_1_1/011_0405.jpg",)
    assert [name[-8:-4] for name in clip.frames] == ["0402", "0403", "0404", "0406", "0407", "0408"]
    (problem,) = problems(root, clip)
    assert (problem.clip_id, problem.file, problem.lost) == (
        "samm-011-011_1_1",
        "011/011_1_1/011_0405.jpg",
        False,
    )


def test_units_are_read_and_kept_as_they_are_written(root: Path) -> None:
    found = clips("samm", root)
    assert [c.facs for c in found.values()] == ["R12A + L14B", "4 or 7", "1+2+5E", "14", "4+L10"]
    happy = found["006_1_2"].au_apex
    assert happy is not None
    assert {n: happy[i] for n, i in AU_INDEX.items() if happy[i]} == {12: 0.2, 14: 0.4}
    surprised = found["011_1_1"].au_apex
    assert surprised is not None
    assert surprised[AU_INDEX[5]] == 1.0


def test_a_row_is_written(root: Path) -> None:
    clip = clips("samm", root)["006_1_2"]
    values = row(root, clip)
    assert {name: values[name] for name in ("clip_id", "subject_id", "num_frames", "fps")} == {
        "clip_id": "samm-006-006_1_2",
        "subject_id": "samm/006",
        "num_frames": 8,
        "fps": 200.0,
    }
    assert (values["onset_frame"], values["apex_frame"], values["offset_frame"]) == (0, 3, 7)
    assert (values["width"], values["height"]) == (WIDTH, HEIGHT)
    assert values["license"].startswith("restricted: SAMM")
    assert (values["au_source"], values["fixes"]) == ("annotated", None)
    decoded = codec.decode(values["video"]["bytes"]).frames
    assert np.array_equal(decoded[..., 0], decoded[..., 1])


def test_a_whole_recording_has_the_frames_around(root: Path) -> None:
    clip = clips("samm", root, span="recording")["006_1_2"]
    assert clip.num_frames == 8 + 2 * AROUND
    assert times(clip) == (2, 5, 9, "annotated")
    assert clip.frames[2:10] == clips("samm", root)["006_1_2"].frames


def test_cropped_faces_have_the_same_times(root: Path) -> None:
    raw, faces = clips("samm", root), clips("samm", root, cropped=True)
    assert list(map(times, raw.values())) == list(map(times, faces.values()))
    assert faces["006_1_2"].frames == tuple(f"SAMM_CROP/{name}" for name in raw["006_1_2"].frames)


def test_an_apex_out_of_the_clip_is_corrected_or_left_out(root: Path) -> None:
    fixed, plain = clips("samm", root), clips("samm", root, fixes=False)
    assert fixed["028_4_1"].fixes == ("samm-028_4_1-apex",)
    assert row(root, fixed["028_4_1"])["fixes"] == "samm-028_4_1-apex"
    assert plain["028_4_1"].fixes == ()
    assert times(plain["028_4_1"]) == times(fixed["028_4_1"]) == (0, 3, 6, "middle")
    said = f"{WORKBOOK} row 18: the apex 2200 is not between 2000 and 2006; not taken."
    assert [problem.problem for problem in problems(root, plain["028_4_1"])] == [said]
    assert problems(root, fixed["028_4_1"]) == ()
    assert [c.fixes for c in fixed.values()].count(()) == 4


def test_the_wrong_offset_of_row_56_is_corrected(own: Path) -> None:
    rows = [(6, f"006_9_{n}", 1, 100, 102, 104, 5, "", "1", "Fear", 6, None) for n in range(159)]
    rows[56] = (6, "006_1_2", 1, 5731, 5735, 573, 5, "", "1", "Fear", 6, None)
    rewrite(own, *rows)
    clip = clips("samm", own)["006_1_2"]
    assert "samm-row56-offset" in clip.fixes
    assert clip.missing[0] == "006/006_1_2/006_05731.jpg"
    assert clip.missing[-1] == "006/006_1_2/006_05739.jpg"
    assert clips("samm", own, fixes=False)["006_1_2"].fixes == ()


def test_a_named_map_gives_the_three_classes(root: Path) -> None:
    assert [c.emotion_3 for c in clips("samm", root, label_map="he3").values()] == [
        "positive",
        "negative",
        "surprise",
        None,
        None,
    ]


def test_the_release_may_lie_in_a_folder_of_its_name(own: Path) -> None:
    (own / "SAMM").mkdir()
    for folder in own.glob("[0-9]*"):
        shutil.move(folder, own / "SAMM" / folder.name)
    assert clips("samm", own)["006_1_2"].frames[0] == "SAMM/006/006_1_2/006_05562.jpg"


def test_a_clip_without_folder_is_listed(own: Path) -> None:
    shutil.rmtree(own / "009")
    clip = clips("samm", own)["009_6_1"]
    assert (clip.frames, clip.missing) == ((), ("009/009_6_1",))
    assert clip.emotion == "anger"
    for path in (own / "011/011_1_1").iterdir():
        path.unlink()
    empty = clips("samm", own)["011_1_1"]
    assert (empty.frames, empty.missing) == ((), ("011/011_1_1",))
    for lost in (clip, empty):
        (problem,) = problems(own, lost)
        assert (problem.file, problem.lost) == (lost.missing[0], True)


def test_a_shifted_header_is_found_and_said(own: Path) -> None:
    samm(own, preamble=9, cropped=False)
    assert len(clips("samm", own)) == 5
    said = f"{WORKBOOK} has its header in row 10, the official file in row 14."
    assert said in remarks("samm", own)


def test_another_sheet_is_refused(own: Path) -> None:
    rewrite(own, *ROWS, header=("Participant", *HEADER[1:]))
    with pytest.raises(DatasetError, match=r"FACS_Codes_v2\.xlsx.* no header row .*Subject"):
        clips("samm", own)


def test_rows_of_one_clip_are_refused(own: Path) -> None:
    rewrite(own, *ROWS, changed(0, Notes="again"))
    with pytest.raises(DatasetError, match=r"samm-006-006_1_2: .*row 15 and .*row 20"):
        clips("samm", own)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"Subject": "nobody"}, r"A15 \(subject\) is 'nobody', not the number of a subject"),
        ({"Subject": None}, r"A15 \(subject\) is empty"),
        ({"Filename": None}, r"B15 \(name\) is empty"),
        ({"Onset_Frame": "soon"}, r"D15 \(onset\) is 'soon', not a whole number"),
        ({"Onset_Frame": 1, "Offset_Frame": 9_999_999}, r"row 15: Frames 1 to 9999999 are more"),
    ],
)
def test_a_wrong_cell_is_named(own: Path, cells: dict[str, Any], said: str) -> None:
    rewrite(own, changed(0, **cells))
    with pytest.raises(DatasetError, match=said):
        clips("samm", own)


def test_units_that_cannot_be_read_are_told_and_stay_as_text(own: Path) -> None:
    rewrite(own, changed(0, Action_Units="smile"))
    assert "I15 says 'smile', of which 'smile' is no action unit" in remarks("samm", own)
    (clip,) = clips("samm", own).values()
    assert (clip.facs, clip.au_apex) == ("smile", None)


@pytest.mark.parametrize(
    ("cells", "said", "where"),
    [
        (
            {"Offset_Frame": 5500},
            "row 15: the offset 5500 is before the onset 5562; the whole recording is taken.",
            (None, None, None, None),
        ),
        (
            {"Offset_Frame": None},
            "row 15 has no onset or no offset; the whole recording is taken.",
            (2, 5, None, "annotated"),
        ),
        (
            {"Apex_Frame": 5561},
            "row 15: the apex 5561 is not between 5562 and 5569; not taken.",
            (0, 3, 7, "middle"),
        ),
    ],
)
def test_impossible_times_are_left_out_and_said(
    own: Path, cells: dict[str, Any], said: str, where: tuple[Any, ...]
) -> None:
    rewrite(own, changed(0, **cells))
    clip = clips("samm", own)["006_1_2"]
    assert times(clip) == where
    assert clip.num_frames == (8 if "Apex_Frame" in cells else 12)
    assert clip.notes == (f"{WORKBOOK} {said}",)


def test_a_link_out_of_the_root_is_refused(own: Path, tmp_path: Path) -> None:
    shutil.move(own / "036", tmp_path / "elsewhere")
    (own / "036").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match="leads out of"):
        clips("samm", own)


def test_the_long_videos_are_a_part(root: Path) -> None:
    found = clips("samm", root, part="long")
    assert [c.clip_id for c in found.values()] == [
        "samm-long-006-006_1_1",
        "samm-long-006-006_1_2",
        "samm-long-020-020_6_5",
    ]
    assert [c.expression for c in found.values()] == ["macro", "micro", "macro"]
    assert {(c.fps, c.part, c.gray, c.emotion, c.label_source) for c in found.values()} == {
        (200.0, "long", True, None, None)
    }
    assert found["006_1_2"].frames == tuple(
        f"SAMM_longvideos/006_1/006_1_{n:04}.jpg" for n in range(9, 13)
    )
    assert times(found["006_1_2"]) == (0, 1, 3, "annotated")
    assert clips("samm", root, part="long", span="recording")["006_1_2"].num_frames == 14


def test_an_onset_of_zero_is_the_apex(root: Path) -> None:
    clip = clips("samm", root, part="long")["020_6_5"]
    assert times(clip) == (0, 0, 6, "annotated")
    assert clip.frames[0] == "SAMM_longvideos/020_6/020_6_0003.jpg"


def test_an_offset_after_the_end_of_a_long_video_is_corrected(own: Path) -> None:
    wrong = [*LONG_ROWS[:2], (20, "020_6_5", 6, 3532, 4000, 5476, 1945, "Macro", "4", None)]
    lines = [(f"Note {number}",) for number in range(1, 10)]
    workbook(own / LONG_WORKBOOK, {"FACS_Movement_Only": [*lines, LONG_HEADER, *wrong]})
    clip = clips("samm", own, part="long")["020_6_5"]
    assert clip.fixes == ("samm-long-020_6_5-offset",)
    assert len(clip.missing) == 5001 - 3532 + 1
    plain = clips("samm", own, part="long", fixes=False)["020_6_5"]
    assert len(plain.missing) == 5476 - 3532 + 1


def test_another_sheet_of_the_long_videos_is_refused(own: Path) -> None:
    workbook(own / LONG_WORKBOOK, {"Sheet1": [LONG_HEADER, *LONG_ROWS]})
    with pytest.raises(DatasetError, match="FACS_Movement_Only"):
        clips("samm", own, part="long")


def test_parts_and_cropped_long_videos_that_do_not_exist_are_refused(root: Path) -> None:
    with pytest.raises(DatasetError, match="parts of SAMM are: one of long; got 'hs'"):
        clips("samm", root, part="hs")
    with pytest.raises(DatasetError, match="no cropped faces of long"):
        clips("samm", root, part="long", cropped=True)


def test_it_knows_its_files_and_its_release(root: Path, tmp_path: Path) -> None:
    assert [path.name for path in Samm().files(root)] == [WORKBOOK, LONG_WORKBOOK]
    assert list(Samm().files(tmp_path)) == []
    expected = Samm.expected[""]
    assert sum(expected.classes.values()) == expected.clips == 159
