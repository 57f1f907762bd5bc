from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import pixels
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import listed
from equime_hub.loading_script.real.equime_release import EquimeRelease
from equime_hub.video import codec
from tests.support.trees.drawing import face
from tests.support.trees.equime import METADATA, TOP, equime_release, metadata, video
from tests.support.trees.reading import clips, problems, remarks, row, times

FEAR = f"{TOP}/fear/m_123_1.mp4"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("equime_release")
    equime_release(folder)
    return folder


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(root, tmp_path / "own"))


def fear(root: Path) -> RealClip:
    return clips("equime_release", root)["fear_m_123_1"]


def test_every_video_is_a_clip(root: Path) -> None:
    found = listed(EquimeRelease(), root, Options())
    assert [(c.clip_id, c.part, c.subject, c.gender, c.emotion, c.emotion_3) for c in found] == [
        ("equime_release-hq_emotion-7-disgust_f_7", "hq_emotion", "7", "woman", "disgust",
         "negative"),
        ("equime_release-hq_emotion-7-happiness_f_7", "hq_emotion", "7", "woman", "happiness",
         "positive"),
        ("equime_release-hq_emotion-123-happiness_m_123", "hq_emotion", "123", "man", "happiness",
         "positive"),
        ("equime_release-me_vlm-123-fear_m_123_1", "me_vlm", "123", "man", "fear", "negative"),
        ("equime_release-me_vlm-7-surprise_f_7_1", "me_vlm", "7", "woman", "surprise", "surprise"),
        ("equime_release-me_vlm-7-surprise_f_7_2", "me_vlm", "7", "woman", "surprise", "surprise"),
    ]  # fmt: skip
    assert {times(c) for c in found} == {(None, None, None, None)}
    assert {(c.fps, c.label_source, c.expression, c.generator, c.facs) for c in found} == {
        (24.0, "synthetic", "micro", "LTX-Video", None)
    }


def test_a_video_is_stored_as_it_is(root: Path) -> None:
    clip = clips("equime_release", root, part="hq_emotion")["happiness_m_123"]
    values = row(root, clip)
    assert values["video"]["bytes"] == (root / "hq_emotion/happiness/m_123.mp4").read_bytes()
    assert (values["num_frames"], values["fps"], values["width"]) == (6, 24.0, 40)
    assert (values["onset_frame"], values["apex_frame"], values["offset_frame"]) == (None,) * 3
    assert values["license"].startswith("restricted: CC BY-NC")
    assert (values["gender"], values["declared_gender"]) == ("man", "man")
    assert problems(root, clip) == ()


def test_images_are_not_people(root: Path) -> None:
    values = row(root, fear(root))
    assert values["subject_id"] == "equime_release/123"
    assert values["source_dataset"] == "equime_release (subjects are images)"


def test_metadata_are_in_our_columns(root: Path) -> None:
    clip = fear(root)
    assert clip.notes == ()
    values = row(root, clip)
    assert {name: values[name] for name in (*dict(clip.others), "declared_gender")} == {
        "gender": "woman",
        "declared_gender": "man",
        "age": 31.0,
        "age_group": "31-40",
        "race": "latino hispanic",
        "demographics_source": "equime_release metadata (DeepFace)",
        "model_id": "LTX-Video",
        "seed": 42,
        "steps": 80,
        "psnr": 40.5,
        "ssim": 0.97,
        "clip_iqa": 0.79,
        "prompt": "A professional static headshot",
    }


def test_metadata_may_be_without_groups(root: Path, own: Path) -> None:
    flat = {key: value for group in METADATA.values() if isinstance(group, dict)
            for key, value in group.items()}  # fmt: skip
    path = own / f"{TOP}/fear/metadata/m_123_1_metadata.json"
    path.write_text(json.dumps(flat | {"prompt": METADATA["prompt"]}), encoding="utf-8")
    assert dict(fear(own).others) == dict(fear(root).others)


def test_a_video_without_metadata_is_listed(root: Path) -> None:
    clip = clips("equime_release", root)["surprise_f_7_2"]
    assert clip.others == ()
    assert [(p.problem, p.lost) for p in problems(root, clip)] == [
        ("It has no f_7_2_metadata.json.", False)
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"prompt": "cut sho', "cannot be used and is left out"),
        ("", "cannot be used"),
        ("[]", "it holds no groups"),
        ("7", "it holds no groups"),
        ("[" * 100_000, "cannot be used"),
        ("\udcff", "cannot be used"),
        ('{"prompt": "a", "video": "f_9_9.mp4"}', "is of f_9_9 and is left out"),
        ('{"prompt": "a", "technical": {"size_bytes": 7}}', "is of a file of 7 bytes, not "),
    ],
)
def test_metadata_that_cannot_be_used_are_listed_and_say_nothing(
    own: Path, text: str, said: str
) -> None:
    path = own / f"{TOP}/fear/metadata/m_123_1_metadata.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    clip = fear(own)
    assert clip.others == ()
    (problem,) = problems(own, clip)
    assert not problem.lost
    assert "m_123_1_metadata.json" in problem.problem
    assert said in problem.problem


@pytest.mark.parametrize(
    ("key", "value", "column"),
    [
        ("gender", "robot", "gender"),
        ("ethnicity", "", "race"),
        ("ethnicity", "martian", "race"),
        ("age", "old", "age"),
        ("age", -3, "age"),
        ("random_seed", 1.5, "seed"),
        ("random_seed", True, "seed"),
        ("random_seed", 2**63, "seed"),
        ("steps", 2**31, "steps"),
        ("psnr", float("inf"), "psnr"),
        ("ssim", [0.9], "ssim"),
        ("negative_prompt", 3, "negative_prompt"),
    ],
)
def test_a_value_that_is_none_is_listed_and_the_others_are_taken(
    own: Path, key: str, value: Any, column: str
) -> None:
    path = own / f"{TOP}/fear/metadata/m_123_1_metadata.json"
    path.write_text(json.dumps({key: value, "prompt": "a"}), encoding="utf-8")
    clip = fear(own)
    assert clip.others == (("prompt", "a"),)
    assert clip.notes == (f"{path.name} says {key} is {value!r}, which is no {column}.",)
    assert row(own, clip)["prompt"] == "a"


def test_keys_that_are_not_known_are_said_once(own: Path) -> None:
    for name in ("fear/m_123_1", "surprise/f_7_1"):
        metadata(own / f"{TOP}/{name}.mp4", mood="sunny")
    assert remarks("equime_release", own).count("the key mood is not known") == 1


def test_metadata_of_no_video_are_said(own: Path) -> None:
    (own / FEAR).unlink()
    assert "fear_m_123_1" not in clips("equime_release", own)
    assert "m_123_1_metadata.json belongs to no video" in remarks("equime_release", own)


def test_metadata_outside_the_root_are_not_read(own: Path, tmp_path: Path) -> None:
    path = own / f"{TOP}/fear/metadata/m_123_1_metadata.json"
    shutil.move(path, tmp_path / "private.json")
    path.symlink_to(tmp_path / "private.json")
    clip = fear(own)
    assert clip.others == ()
    assert "leads out of" in clip.notes[0]


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_a_broken_video_is_listed(own: Path, share: float) -> None:
    """The file's index stands at its beginning and promises all frames."""
    data = (own / FEAR).read_bytes()
    (own / FEAR).write_bytes(data[: int(len(data) * share)])
    reading = pixels.read(own, fear(own))
    assert reading.row is None
    (problem,) = [problem for problem in reading.problems if problem.lost]
    assert problem.file == FEAR


def test_another_rate_than_the_declared_is_listed(own: Path) -> None:
    video(own / FEAR, 1, fps=200)
    values = row(own, fear(own))
    assert values["fps"] == 24
    assert [problem.problem for problem in problems(own, fear(own))] == [
        "It says 200 fps, the dataset declares 24, which is taken."
    ]


def test_an_emotion_of_unknown_name_is_said(own: Path) -> None:
    video(own / "hq_emotion/joyful/m_1.mp4", 1)
    assert len(listed(EquimeRelease(), own, Options())) == 6
    assert "hq_emotion/joyful is no emotion; videos left out: 1." in remarks("equime_release", own)


@pytest.mark.parametrize("name", ["hq_emotion/happiness/x_1", "hq_emotion/happiness/m_1_2",
                                  f"{TOP}/fear/m_1"])  # fmt: skip
def test_a_name_that_is_none_is_said(own: Path, name: str) -> None:
    video(own / f"{name}.mp4", 1)
    assert len(listed(EquimeRelease(), own, Options())) == 6
    assert f"{name}.mp4 is left out: names in" in remarks("equime_release", own)


def test_the_frames_are_those_that_were_drawn(root: Path) -> None:
    values = row(root, clips("equime_release", root, part="hq_emotion")["disgust_f_7"])
    first = codec.decode(values["video"]["bytes"], [0]).frames[0]
    assert abs(first[..., ::-1].astype(int) - face(7, 0).astype(int)).mean() < 8


def test_what_the_release_does_not_have_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="one of hq_emotion, me_vlm; got 'hq'"):
        clips("equime_release", root, part="hq")
    with pytest.raises(DatasetError, match="EquiME has no cropped faces"):
        clips("equime_release", root, cropped=True)
    with pytest.raises(DatasetError, match=r"has no clip of EquiME\. It needs: hq_emotion"):
        clips("equime_release", tmp_path)
