from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import check, pixels
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import is_licensed, listed
from equime_hub.loading_script.real.mie_x import MieX
from tests.support.trees.drawing import recording
from tests.support.trees.mie_x import STATIC, mie_x
from tests.support.trees.reading import clips, problems, remarks, row, times


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mie_x")
    mie_x(folder)
    return folder


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(root, tmp_path / "own"))


def test_zero_is_negative_and_one_is_positive(root: Path) -> None:
    """A published loader has them the other way round."""
    assert tuple(MieX.numbers.values()) == ("negative", "positive", "surprise")
    found = clips("mie_x", root, part="exp")
    assert [(c.name, c.emotion_raw, c.emotion_3, c.emotion) for c in found.values()] == [
        ("000123_exp_0", "negative", "negative", None),
        ("000123_exp_1", "positive", "positive", None),
        ("000123_exp_2", "surprise", "surprise", "surprise"),
        ("N_0000000_001_exp_0", "negative", "negative", None),
    ]


def test_every_folder_is_a_clip(root: Path) -> None:
    found = listed(MieX(), root, Options())
    assert [(c.clip_id, c.subject, c.part, c.au_source) for c in found] == [
        ("mie_x-oulu-000045-000045_oulu_2", "000045", "oulu", "macro"),
        ("mie_x-exp-000123-000123_exp_0", "000123", "exp", "expert"),
        ("mie_x-exp-000123-000123_exp_1", "000123", "exp", "expert"),
        ("mie_x-exp-000123-000123_exp_2", "000123", "exp", "expert"),
        ("mie_x-mae-000123-000123_mae_1", "000123", "mae", "macro"),
        ("mie_x-mmew-000123-000123_mmew_0", "000123", "mmew", "micro"),
        ("mie_x-exp-N_0000000_001-N_0000000_001_exp_0", "N_0000000_001", "exp", "expert"),
    ]
    assert [times(c) for c in found] == [(0, 1, None, "planned")] * 6 + [(0, 9, None, "planned")]
    assert {(c.fps, c.label_source, c.expression) for c in found} == {(None, "synthetic", "micro")}
    assert {(c.au_apex, c.au_source_subject) for c in found} == {(None, None)}


def test_a_row_is_written(root: Path) -> None:
    values = row(root, clips("mie_x", root)["000123_mae_1"])
    assert (values["subject_id"], values["part"], values["fps"]) == ("mie_x/000123", "mae", None)
    assert (values["num_frames"], values["onset_frame"], values["apex_frame"]) == (2, 0, 1)
    assert (values["au_source"], values["apex_source"]) == ("macro", "planned")
    assert values["generator"] == "GANimation"
    assert values["source_dataset"] == "mie_x (subjects are images)"
    assert is_licensed(values["source_dataset"])
    assert values["license"].startswith("restricted: MiE-X")


def test_a_static_pair_stays_and_is_listed(root: Path) -> None:
    found = clips("mie_x", root)
    assert {name for name, clip in found.items() if clip.notes} == {STATIC}
    reading = pixels.read(root, found[STATIC])
    assert reading.row is not None
    assert reading.row["num_frames"] == 2
    (problem,) = reading.problems
    assert (problem.clip_id, problem.lost) == (found[STATIC].clip_id, False)
    assert "Onset and apex are the same picture" in problem.problem
    assert "onset and apex are the same picture: 1." in remarks("mie_x", root)


def test_clips_may_be_in_a_folder_of_the_root(root: Path, tmp_path: Path) -> None:
    mie_x(tmp_path, top="generated5k/")
    found = listed(MieX(), tmp_path, Options())
    assert [c.clip_id for c in found] == [c.clip_id for c in listed(MieX(), root, Options())]
    assert found[0].frames == (
        "generated5k/000045_oulu_2/0.jpg", "generated5k/000045_oulu_2/1.jpg",
    )  # fmt: skip


def test_the_same_clip_in_two_folders_is_refused(own: Path) -> None:
    mie_x(own, top="again/")
    with pytest.raises(DatasetError, match="000045_oulu_2: 000045_oulu_2 and again/000045_oulu_2"):
        clips("mie_x", own)


def test_a_folder_that_says_no_class_is_said(own: Path) -> None:
    recording(own, ["000123_exp_3/0.jpg", "000123_rules_0/0.jpg"], 1)
    assert len(clips("mie_x", own)) == 7
    said = remarks("mie_x", own)
    assert "000123_exp_3 is no clip of MiE-X" in said
    assert "000123_rules_0 is no clip of MiE-X" in said


@pytest.mark.parametrize(
    ("name", "gone", "missing"),
    [
        ("000123_exp_0", (0,), ("000123_exp_0/0.jpg",)),
        ("000123_exp_0", (1,), ("000123_exp_0/1.jpg",)),
        ("000123_exp_0", (0, 1), ("000123_exp_0",)),
        ("N_0000000_001_exp_0", (9,), ("N_0000000_001_exp_0/9.jpg",)),
    ],
)
def test_a_clip_without_onset_or_apex_is_lost(
    own: Path, name: str, gone: tuple[int, ...], missing: tuple[str, ...]
) -> None:
    for number in gone:
        (own / name / f"{number}.jpg").unlink()
    clip = clips("mie_x", own)[name]
    assert (clip.frames, clip.missing, times(clip)) == ((), missing, (None, None, None, None))
    assert problems(own, clip)[-1].lost


def test_a_frame_missing_between_them_is_named(own: Path) -> None:
    (own / "N_0000000_001_exp_0/4.jpg").unlink()
    clip = clips("mie_x", own)["N_0000000_001_exp_0"]
    assert clip.missing == ("N_0000000_001_exp_0/4.jpg",)
    assert times(clip) == (0, 8, None, "planned")


def test_a_frame_of_neither_form_is_refused(own: Path) -> None:
    recording(own, ["000123_exp_0/10.jpg"], 1)
    with pytest.raises(DatasetError, match=r"000123_exp_0/10\.jpg is not in a clip of MiE-X"):
        clips("mie_x", own)


def test_parts_are_compared_with_the_paper(root: Path) -> None:
    lines = {line.what: line for line in check.inspect("mie_x", root).lines}
    assert (lines["exp clips"].found, lines["exp clips"].official) == ("4", "15000")
    assert lines["oulu clips"].official is None


def test_what_mie_x_does_not_have_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="one of exp, mae, oulu, mmew; got 'ck'"):
        clips("mie_x", root, part="ck")
    with pytest.raises(DatasetError, match="has no clip of MiE-X"):
        clips("mie_x", tmp_path)


def test_notes_of_a_clip_without_frames_do_not_hide_the_loss() -> None:
    clip = replace(RealClip("mie_x", "1", "1_exp_0", (), None, ""), notes=("It is odd.",))
    (problem,) = pixels.read(Path(), clip).problems
    assert problem.lost
