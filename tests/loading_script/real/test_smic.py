from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real.clip import Options
from equime_hub.loading_script.real.dataset import listed
from equime_hub.loading_script.real.smic import Smic
from equime_hub.loading_script.real.smic_e import SmicE
from tests.support.trees.drawing import recording, workbook
from tests.support.trees.reading import clips, problems, remarks, row, times
from tests.support.trees.smic import HEADER, ROWS, smic, smic_e

TABLE = "HS_long/SMIC-HS-E_annotation.xlsx"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("smic")
    smic(folder)
    return folder


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("smic_e")
    smic_e(folder)
    return folder


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Path:
    """A copy of SMIC to spoil."""
    return Path(shutil.copytree(root, tmp_path / "own"))


# --- SMIC ---------------------------------------------------------------------------------------


def test_every_folder_is_a_clip(root: Path) -> None:
    found = listed(Smic(), root, Options())
    assert [(c.clip_id, c.subject, c.part, c.fps) for c in found] == [
        ("smic-hs-s01-s1_ne_01", "s01", "hs", 100.0),
        ("smic-hs-s01-s1_sur_01", "s01", "hs", 100.0),
        ("smic-hs-s18-s18_sur_03", "s18", "hs", 100.0),
        ("smic-hs-s20-s20_po_02", "s20", "hs", 100.0),
        ("smic-vis-s08-s08_po_01", "s08", "vis", 25.0),
        ("smic-nir-s08-s08_po_01", "s08", "nir", 25.0),
    ]
    assert [(c.emotion_raw, c.emotion, c.emotion_3) for c in found] == [
        ("negative", None, "negative"),
        ("surprise", "surprise", "surprise"),
        ("surprise", "surprise", "surprise"),
        ("positive", None, "positive"),
        ("positive", None, "positive"),
        ("positive", None, "positive"),
    ]
    assert [times(c) for c in found] == [
        (0, 3, 7, "middle"),
        (0, 3, 7, "middle"),
        (0, 3, 6, "middle"),
        (0, 2, 5, "middle"),
        (0, 2, 5, "middle"),
        (0, 2, 5, "middle"),
    ]
    assert {(c.label_source, c.facs, c.au_apex, c.fixes) for c in found} == {
        ("self_report", None, None, ())
    }


def test_frames_pass_from_five_to_six_digits_in_order(root: Path) -> None:
    clip = clips("smic", root, part="hs")["s18_sur_03"]
    where = "SMIC_all_raw/HS/s18/micro/surprise/s18_sur_03"
    assert clip.frames[:3] == tuple(f"{where}/image{n:06}.bmp" for n in (99998, 99999, 100000))
    assert clip.row == where


def test_a_missing_frame_is_named(root: Path) -> None:
    clip = clips("smic", root, part="hs")["s1_sur_01"]
    assert clip.missing == ("SMIC_all_raw/HS/s1/micro/surprise/s1_sur_01/image005304.bmp",)
    assert clip.num_frames == 8
    assert [p.lost for p in problems(root, clip)] == [False]


def test_a_part_is_one_camera(root: Path) -> None:
    assert [c.part for c in clips("smic", root, part="nir").values()] == ["nir"]
    with pytest.raises(DatasetError, match="parts of SMIC are: one of hs, vis, nir; got 'HD'"):
        clips("smic", root, part="HD")


def test_a_row_is_written(root: Path) -> None:
    values = row(root, clips("smic", root, part="vis")["s08_po_01"])
    assert (values["subject_id"], values["part"], values["fps"]) == ("smic/s08", "vis", 25.0)
    assert (values["num_frames"], values["apex_frame"], values["apex_source"]) == (6, 2, "middle")
    assert (values["emotion"], values["emotion_3"]) == (None, "positive")
    assert values["license"].startswith("restricted: SMIC")


def test_a_clip_that_the_cropped_folder_lacks_is_listed(root: Path) -> None:
    faces = clips("smic", root, part="hs", cropped=True)
    assert list(faces) == ["s1_ne_01", "s1_sur_01", "s18_sur_03", "s20_po_02"]
    where = "SMIC_all_cropped/HS/s1/micro/negative/s1_ne_01"
    assert faces["s1_ne_01"].frames[0] == f"{where}/reg_image000186.bmp"
    lost = faces["s18_sur_03"]
    assert (lost.frames, lost.missing) == (
        (),
        ("SMIC_all_cropped/HS/s18/micro/surprise/s18_sur_03",),
    )
    assert problems(root, lost)[-1].lost


def test_an_empty_clip_folder_is_listed(own: Path) -> None:
    where = "SMIC_all_raw/HS/s20/micro/positive/s20_po_02"
    shutil.rmtree(own / where)
    (own / where).mkdir()
    clip = clips("smic", own, part="hs")["s20_po_02"]
    assert (clip.frames, clip.missing, times(clip)) == ((), (where,), (None, None, None, None))


def test_zeros_in_the_names_of_folders_do_not_matter(own: Path) -> None:
    faces = own / "SMIC_all_cropped/HS"
    shutil.move(faces / "s1", faces / "s01")
    shutil.move(faces / "s01/micro/negative/s1_ne_01", faces / "s01/micro/negative/s01_ne_01")
    found = listed(Smic(), own, Options(cropped=True, part="hs"))
    assert [(c.subject, c.name) for c in found[:2]] == [("s01", "s01_ne_01"), ("s01", "s1_sur_01")]
    assert all(c.frames for c in found[:2])


def test_the_folder_of_the_archive_may_stand_twice(own: Path) -> None:
    shutil.move(own / "SMIC_all_raw", own / "inner")
    (own / "SMIC_all_raw").mkdir()
    shutil.move(own / "inner", own / "SMIC_all_raw/SMIC_all_raw")
    found = listed(Smic(), own, Options(part="hs"))
    assert len(found) == 4
    assert found[0].frames[0].startswith("SMIC_all_raw/SMIC_all_raw/HS/s1/micro/negative/")
    shutil.rmtree(own / "SMIC_all_raw/SMIC_all_raw/HS/s20")
    assert clips("smic", own, part="hs")["s20_po_02"].missing == (
        "SMIC_all_raw/HS/s20/micro/positive/s20_po_02",
    )


def test_a_folder_that_is_no_label_is_said(own: Path) -> None:
    recording(own, ["SMIC_all_raw/HS/s1/micro/anger/s1_an_01/image000001.bmp"], 1)
    assert len(clips("smic", own, part="hs")) == 4
    assert "anger/s1_an_01 is no clip of SMIC" in remarks("smic", own)


def test_a_frame_twice_and_a_link_out_of_the_root_are_refused(own: Path, tmp_path: Path) -> None:
    where = own / "SMIC_all_raw/HS/s1/micro/negative/s1_ne_01"
    shutil.copy(where / "image000186.bmp", where / "copy186.bmp")
    with pytest.raises(DatasetError, match="same frame number 186"):
        clips("smic", own, part="hs")
    shutil.move(where, tmp_path / "elsewhere")
    where.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match="leads out of"):
        clips("smic", own, part="hs")


def test_without_the_folder_it_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "SMIC_all_cropped/HS").mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"SMIC_all_raw has no clip of HS, VIS, NIR\. It needs"):
        clips("smic", tmp_path)


# --- SMIC-E -------------------------------------------------------------------------------------


def test_every_expression_of_a_video_is_a_clip(long: Path) -> None:
    found = clips("smic_e", long)
    assert [(c.clip_id, c.subject, c.row) for c in found.values()] == [
        ("smic_e-s01-s1_ne_01", "s01", "SMIC-HS-E_annotation.xlsx row 2"),
        ("smic_e-s01-s1_ne_01-2", "s01", "SMIC-HS-E_annotation.xlsx row 2"),
        ("smic_e-s01-s1_sur_01", "s01", "SMIC-HS-E_annotation.xlsx row 3"),
        ("smic_e-s20-s20_po_02", "s20", "SMIC-HS-E_annotation.xlsx row 4"),
        ("smic_e-s20-s20_po_02-2", "s20", "SMIC-HS-E_annotation.xlsx row 4"),
        ("smic_e-s20-s20_po_02-3", "s20", "SMIC-HS-E_annotation.xlsx row 4"),
    ]
    assert [times(c) for c in found.values()] == [
        (0, 2, 4, "middle"),
        (0, 1, 3, "middle"),
        (0, 2, 4, "middle"),
        (0, 0, 1, "middle"),
        (0, 0, 1, "middle"),
        (0, 0, 1, "middle"),
    ]
    assert [c.emotion_3 for c in found.values()] == [
        "negative", "negative", "surprise", "positive", "positive", "positive",
    ]  # fmt: skip
    assert {(c.fps, c.label_source, c.part) for c in found.values()} == {
        (100.0, "self_report", None)
    }
    assert found["s1_ne_01-2"].frames == tuple(
        f"HS_long/SMIC-HS-E/s01/s1_ne_01/image{n:06}.jpg" for n in range(110, 114)
    )


def test_every_expression_has_its_place_in_the_recording(long: Path) -> None:
    found = clips("smic_e", long, span="recording")
    assert [c.num_frames for c in found.values()] == [15, 15, 9, 12, 12, 12]
    assert times(found["s1_ne_01"]) == (2, 4, 6, "middle")
    assert times(found["s1_ne_01-2"]) == (9, 10, 12, "middle")


def test_a_row_of_a_long_video_is_written(long: Path) -> None:
    values = row(long, clips("smic_e", long)["s1_ne_01-2"])
    assert (values["subject_id"], values["fps"], values["num_frames"]) == ("smic_e/s01", 100.0, 4)
    assert (values["onset_frame"], values["apex_frame"], values["offset_frame"]) == (0, 1, 3)


def spoiled(long: Path, tmp_path: Path, *rows: tuple[Any, ...]) -> Path:
    """A copy of SMIC-E with another table."""
    own = Path(shutil.copytree(long, tmp_path / "own"))
    workbook(own / TABLE, {"Sheet1": [HEADER, *rows]})
    return own


def test_a_video_without_folder_is_listed(long: Path, tmp_path: Path) -> None:
    own = spoiled(long, tmp_path, (3, "s3_ne_03", *ROWS[0][2:]))
    found = clips("smic_e", own)
    assert [c.missing for c in found.values()] == [("HS_long/SMIC-HS-E/s03/s3_ne_03",)] * 2
    assert [problems(own, c)[-1].lost for c in found.values()] == [True, True]


def test_half_an_expression_is_said(long: Path, tmp_path: Path) -> None:
    own = spoiled(long, tmp_path, (*ROWS[0][:6], None, *ROWS[0][7:]))
    clip = clips("smic_e", own)["s1_ne_01-2"]
    assert times(clip) == (9, None, None, None)
    assert "row 2 has no onset or no offset" in clip.notes[0]


def test_a_sum_below_the_table_is_no_row(long: Path, tmp_path: Path) -> None:
    own = spoiled(long, tmp_path, *ROWS, (None,) * 12 + (9, 6, 2, 36))
    assert list(clips("smic_e", own)) == list(clips("smic_e", long))


def test_what_smic_e_does_not_have_is_refused(long: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="SMIC-E-HS has no cropped faces"):
        clips("smic_e", long, cropped=True)
    with pytest.raises(DatasetError, match=r"has no file .*SMIC-HS-E_annotation"):
        clips("smic_e", tmp_path)
    assert [path.name for path in SmicE().files(long)] == ["SMIC-HS-E_annotation.xlsx"]
