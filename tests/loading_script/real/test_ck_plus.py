from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import check
from equime_hub.loading_script.real.ck_plus import CkPlus
from equime_hub.loading_script.real.clip import Options
from equime_hub.loading_script.real.dataset import listed
from equime_hub.schema.taxonomy import AU_INDEX
from tests.support.trees.ck import ck_plus, stem, write
from tests.support.trees.reading import clips, problems, remarks, row, times

EMOTION = "Emotion/S005/001/S005_001_00000006_emotion.txt"
FACS = "FACS/S005/001/S005_001_00000006_facs.txt"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ck_plus")
    ck_plus(folder)
    return folder


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(root, tmp_path / "own"))


def test_every_sequence_is_a_clip(root: Path) -> None:
    found = listed(CkPlus(), root, Options())
    assert [(c.clip_id, c.subject, c.emotion_raw, c.emotion, c.emotion_3) for c in found] == [
        ("ck_plus-S005-S005_001", "S005", "disgust", "disgust", "negative"),
        ("ck_plus-S005-S005_002", "S005", None, None, None),
        ("ck_plus-S010-S010_004", "S010", "surprise", "surprise", "surprise"),
        ("ck_plus-S010-S010_006", "S010", "happy", "happiness", "positive"),
        ("ck_plus-S130-S130_013", "S130", "neutral", None, None),
        ("ck_plus-S999-S999_001", "S999", "contempt", "contempt", "negative"),
    ]
    assert [times(c) for c in found] == [
        (0, 5, None, "annotated"),
        (0, 4, None, "annotated"),
        (0, 6, None, "annotated"),
        (0, 3, None, "annotated"),
        (0, 4, None, "annotated"),
        (0, 4, None, "annotated"),
    ]
    assert [c.label_source for c in found] == ["action_units", None] + ["action_units"] * 4
    assert {(c.fps, c.expression, c.part, c.fixes) for c in found} == {(None, "macro", None, ())}


def test_frames_are_in_order_and_a_missing_one_is_named(root: Path) -> None:
    clip = clips("ck_plus", root)["S010_006"]
    where = "cohn-kanade-images/S010/006"
    assert clip.frames == tuple(f"{where}/S010_006_{n:08}.png" for n in (1, 2, 4, 5))
    assert clip.missing == (f"{where}/S010_006_00000003.png",)
    assert [problem.lost for problem in problems(root, clip)] == [False]


def test_action_units_have_their_intensities(root: Path) -> None:
    found = clips("ck_plus", root)
    assert [clip.facs for clip in found.values()] == [
        "9D+17C+24", "1+2", "1C+2B+5E+25+27", "6+12C", None, "14B",
    ]  # fmt: skip
    vector = found["S005_001"].au_apex
    assert vector is not None
    assert {n: vector[i] for n, i in AU_INDEX.items() if vector[i]} == {9: 0.8, 17: 0.6}
    vector = found["S010_004"].au_apex
    assert vector is not None
    assert [vector[AU_INDEX[n]] for n in (1, 2, 5, 25, 26)] == [0.6, 0.4, 1.0, 0.5, 0]
    assert found["S130_013"].au_apex is None


def test_a_row_is_written(root: Path) -> None:
    values = row(root, clips("ck_plus", root)["S005_001"])
    assert (values["subject_id"], values["num_frames"], values["fps"]) == ("ck_plus/S005", 6, None)
    assert (values["onset_frame"], values["apex_frame"], values["offset_frame"]) == (0, 5, None)
    assert (values["au_source"], values["expression"]) == ("annotated", "macro")
    assert values["license"].startswith("restricted: CK+")
    assert values["source_dataset"] == "ck_plus"


def test_sequences_without_label_are_listed_and_counted(root: Path) -> None:
    found = clips("ck_plus", root)
    assert [name for name, clip in found.items() if clip.notes] == ["S005_002"]
    assert [(p.problem, p.lost) for p in problems(root, found["S005_002"])] == [
        ("It has no emotion label.", False)
    ]
    assert "without emotion label: 1 of 6." in remarks("ck_plus", root)
    lines = {line.what: line for line in check.inspect("ck_plus", root).lines}
    assert (lines["clips"].found, lines["clips"].official) == ("6", "593")
    assert (lines["no label"].found, lines["no label"].official) == ("1", "266")
    assert (lines["happiness"].found, lines["happiness"].official) == ("1", "69")


def test_classes_of_the_release_are_all_its_sequences() -> None:
    classes = CkPlus.expected[""].classes
    assert sum(classes.values()) == 593
    assert sum(classes.values()) - classes["no label"] == 327


def test_archives_may_be_in_folders_of_their_own(root: Path, tmp_path: Path) -> None:
    ck_plus(tmp_path, nested=True)
    found, usual = clips("ck_plus", tmp_path), clips("ck_plus", root)
    assert [(c.emotion, c.facs, times(c)) for c in found.values()] == [
        (c.emotion, c.facs, times(c)) for c in usual.values()
    ]
    assert found["S005_001"].frames[0].startswith("extended-cohn-kanade-images/cohn-kanade-images/")


def test_without_labels_there_are_clips_and_a_remark(own: Path) -> None:
    shutil.rmtree(own / "Emotion")
    shutil.rmtree(own / "FACS")
    assert {c.emotion for c in clips("ck_plus", own).values()} == {None}
    said = remarks("ck_plus", own)
    assert "no folder Emotion" in said
    assert "no folder FACS" in said
    assert "without emotion label: 6 of 6." in said


def test_labels_without_images_are_listed(own: Path) -> None:
    shutil.rmtree(own / "cohn-kanade-images/S010/004")
    lost = clips("ck_plus", own)["S010_004"]
    assert (lost.frames, lost.missing) == ((), ("cohn-kanade-images/S010/004",))
    assert problems(own, lost)[-1].lost


def test_a_last_frame_that_is_missing_is_named_by_the_label(own: Path) -> None:
    last = own / f"cohn-kanade-images/S005/001/{stem('S005/001', 6)}.png"
    last.unlink()
    clip = clips("ck_plus", own)["S005_001"]
    assert clip.missing == (f"cohn-kanade-images/S005/001/{last.name}",)
    assert times(clip) == (0, 4, None, "annotated")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3.0 5.0", r"\[3, 5\], not one number from 0"),
        ("", r"\[\], not one number"),
        ("8.0", r"\[8\], not one number"),
        ("-1", r"\[-1\], not one number"),
        ("3.5", "'3.5', which are not whole numbers"),
        ("disgust", "'disgust', which are not whole numbers"),
        ("inf", "'inf', which are not whole numbers"),
    ],
)
def test_an_emotion_that_is_none_is_named(own: Path, text: str, said: str) -> None:
    write(own / EMOTION, text)
    with pytest.raises(DatasetError, match=rf"S005_001_00000006_emotion\.txt says {said}"):
        clips("ck_plus", own)


@pytest.mark.parametrize("line", ["9.0", "9.0 6.0", "9 -1", "0 3", "9 4 2", "nine 4"])
def test_an_action_unit_that_is_none_is_named(own: Path, line: str) -> None:
    write(own / FACS, f"17 3\n{line}\n")
    with pytest.raises(DatasetError, match=r"S005_001_00000006_facs\.txt says .*Copy it again"):
        clips("ck_plus", own)


def test_two_labels_of_one_sequence_are_refused(own: Path) -> None:
    write(own / EMOTION.replace("06_", "05_"), "3.0")
    with pytest.raises(DatasetError, match=r"several label files: .*00000005.*00000006"):
        clips("ck_plus", own)


def test_a_label_that_is_a_link_out_of_the_root_is_refused(own: Path, tmp_path: Path) -> None:
    shutil.move(own / EMOTION, tmp_path / "label.txt")
    (own / EMOTION).symlink_to(tmp_path / "label.txt")
    with pytest.raises(DatasetError, match="leads out of"):
        clips("ck_plus", own)


def test_a_folder_that_is_no_sequence_is_said(own: Path) -> None:
    (own / "cohn-kanade-images/people/old").mkdir(parents=True)
    assert len(clips("ck_plus", own)) == 6
    assert "people/old is no sequence of CK+" in remarks("ck_plus", own)


def test_what_ck_plus_does_not_have_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"CK\+ has no cropped faces"):
        clips("ck_plus", root, cropped=True)
    with pytest.raises(DatasetError, match=r"has no clip of CK\+\. It needs: cohn-kanade-images"):
        clips("ck_plus", tmp_path)
