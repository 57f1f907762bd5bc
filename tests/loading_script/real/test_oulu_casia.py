from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import check
from equime_hub.loading_script.real.clip import Options
from equime_hub.loading_script.real.dataset import listed
from equime_hub.loading_script.real.oulu_casia import OuluCasia
from tests.support.trees.drawing import recording
from tests.support.trees.oulu import oulu_casia
from tests.support.trees.reading import clips, problems, remarks, row, times


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("oulu_casia")
    oulu_casia(folder)
    return folder


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(root, tmp_path / "own"))


def test_every_folder_is_a_clip(root: Path) -> None:
    found = listed(OuluCasia(), root, Options())
    assert [(c.clip_id, c.subject, c.emotion_raw, c.emotion, c.emotion_3) for c in found] == [
        ("oulu_casia-vl_strong-P001-Anger", "P001", "Anger", "anger", "negative"),
        ("oulu_casia-vl_strong-P001-Happiness", "P001", "Happiness", "happiness", "positive"),
        ("oulu_casia-vl_strong-P002-Fear", "P002", "Fear", "fear", "negative"),
        ("oulu_casia-vl_strong-P010-Surprise", "P010", "Surprise", "surprise", "surprise"),
        ("oulu_casia-vl_dark-P001-Anger", "P001", "Anger", "anger", "negative"),
        ("oulu_casia-ni_strong-P001-Sadness", "P001", "Sadness", "sadness", "negative"),
        ("oulu_casia-ni_weak-P080-Disgust", "P080", "Disgust", "disgust", "negative"),
    ]
    assert [times(c) for c in found] == [
        (0, 4, None, "annotated"),
        (0, 5, None, "annotated"),
        (0, 3, None, "annotated"),
        (0, 4, None, "annotated"),
        (0, 4, None, "annotated"),
        (0, 5, None, "annotated"),
        (0, 4, None, "annotated"),
    ]
    assert {(c.fps, c.expression, c.label_source, c.facs, c.au_apex) for c in found} == {
        (25.0, "macro", None, None, None)
    }


def test_a_missing_frame_is_named(root: Path) -> None:
    clip = clips("oulu_casia", root, part="vl_strong")["Fear"]
    where = "OriginalImg/VL/Strong/P002/Fear"
    assert clip.frames == tuple(f"{where}/{n:03}.jpeg" for n in (0, 1, 3, 4))
    assert clip.missing == (f"{where}/002.jpeg",)


def test_the_neutral_frame_is_missed_too(own: Path) -> None:
    where = "OriginalImg/NI/Strong/P001/Sadness"
    (own / where / "000.jpeg").unlink()
    assert clips("oulu_casia", own, part="ni_strong")["Sadness"].missing == (f"{where}/000.jpeg",)


def test_a_row_is_written(root: Path) -> None:
    values = row(root, clips("oulu_casia", root, part="ni_weak")["Disgust"])
    assert (values["subject_id"], values["part"], values["fps"]) == (
        "oulu_casia/P080", "ni_weak", 25.0,
    )  # fmt: skip
    assert (values["num_frames"], values["apex_frame"], values["offset_frame"]) == (5, 4, None)
    assert values["license"].startswith("restricted: Oulu-CASIA")


def test_the_cropped_faces_have_the_same_clips(root: Path) -> None:
    found = listed(OuluCasia(), root, Options(cropped=True))
    assert [c.clip_id for c in found] == [
        c.clip_id for c in listed(OuluCasia(), root, Options(part="vl_strong"))
    ]
    assert found[0].frames[0] == "PreProcess_Img/VL_Acropped/Strong/P001/Anger/000.jpeg"
    with pytest.raises(DatasetError, match="no cropped clip of ni_dark"):
        clips("oulu_casia", root, part="ni_dark", cropped=True)


def test_the_cameras_may_be_in_the_root(root: Path, tmp_path: Path) -> None:
    oulu_casia(tmp_path, top="")
    found = listed(OuluCasia(), tmp_path, Options())
    assert [c.clip_id for c in found] == [c.clip_id for c in listed(OuluCasia(), root, Options())]
    assert found[0].frames[0] == "VL/Strong/P001/Anger/000.jpeg"


def test_parts_are_compared_with_the_release(root: Path) -> None:
    lines = {line.what: line for line in check.inspect("oulu_casia", root).lines}
    assert (lines["vl_strong clips"].found, lines["vl_strong clips"].official) == ("4", "480")
    assert (lines["ni_weak subjects"].found, lines["ni_weak subjects"].official) == ("1", "80")


def test_an_emotion_of_unknown_name_is_said(own: Path) -> None:
    recording(own, ["OriginalImg/VL/Strong/P001/Joy/000.jpeg"], 1)
    assert "Joy" not in clips("oulu_casia", own, part="vl_strong")
    assert "P001/Joy is no clip of Oulu-CASIA" in remarks("oulu_casia", own)


def test_an_empty_folder_and_a_damaged_image_are_listed(own: Path) -> None:
    where = "OriginalImg/VL/Strong/P001/Anger"
    for path in (own / where).iterdir():
        path.unlink()
    lost = clips("oulu_casia", own, part="vl_strong")["Anger"]
    assert (lost.frames, lost.missing, times(lost)) == ((), (where,), (None, None, None, None))
    bad = own / "OriginalImg/VL/Strong/P001/Happiness/003.jpeg"
    bad.write_bytes(bad.read_bytes()[:200])
    (problem,) = problems(own, clips("oulu_casia", own, part="vl_strong")["Happiness"])
    assert problem.lost
    assert problem.file.endswith("P001/Happiness/003.jpeg")


def test_what_oulu_casia_does_not_have_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"one of vl_strong, vl_weak, .*; got 'vl'"):
        clips("oulu_casia", root, part="vl")
    with pytest.raises(DatasetError, match=r"no raw clip of vl_strong, .* It needs: OriginalImg"):
        clips("oulu_casia", tmp_path)
