from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import transformers

from equime_hub.errors import ModelError
from equime_hub.models import saved as saved_model
from equime_hub.schema.taxonomy import EMOTIONS, EMOTIONS_3
from tests.support import tiny_classifier as tiny_model


def test_classes_are_those_of_the_dataset_whatever_their_capitals(tmp_path: Path) -> None:
    five = saved_model.load(str(tiny_model.save(tmp_path / "five")))
    assert (five.classes, five.column, five.num_frames) == (tiny_model.FIVE, "emotion", 2)
    assert five.model.dtype == torch.float32 and not five.model.training
    three = tiny_model.save(tmp_path / "three", ["Surprise", "Negative ", "Positive"])
    found = saved_model.load(str(three), "cpu")
    assert (found.classes, found.column) == (("surprise", "negative", "positive"), "emotion_3")


@pytest.mark.parametrize("classes", [("smile", "frown"), ("I", "II"), ("anger", "negative")])
def test_other_classes_stay_as_they_are_written(tmp_path: Path, classes: tuple[str, ...]) -> None:
    found = saved_model.load(str(tiny_model.save(tmp_path, classes)), "cpu")
    assert (found.classes, found.column) == (classes, None)
    with pytest.raises(ModelError) as refused:
        saved_model.demand_column(found)
    for names in (classes, EMOTIONS, EMOTIONS_3):
        assert ", ".join(names) in str(refused.value)


def test_a_class_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"anger, anger .*; expected different ones"):
        saved_model.load(str(tiny_model.save(tmp_path, ("anger", "anger"))))


def test_several_labels_a_clip_are_refused(tmp_path: Path) -> None:
    folder = tiny_model.save(tmp_path, problem_type="multi_label_classification")
    with pytest.raises(ModelError, match="multi_label_classification"):
        saved_model.load(str(folder))


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("config.json", "has no config.json"),
        ("model.safetensors", r"has no \*.safetensors"),
        ("video_preprocessor_config.json", "has no video_preprocessor_config.json"),
    ],
)
def test_missing_files_are_named(tmp_path: Path, file: str, said: str) -> None:
    folder = tiny_model.save(tmp_path)
    assert (folder / file).is_file()
    (folder / file).unlink()
    with pytest.raises(ModelError, match=said):
        saved_model.load(str(folder))


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    folder = tiny_model.save(tmp_path)
    torch.save({"classifier.bias": torch.zeros(5)}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="safetensors"):
        saved_model.load(str(folder))


def test_code_of_strangers_is_not_run(tmp_path: Path) -> None:
    folder = tiny_model.save(tmp_path)
    written = json.loads((folder / "config.json").read_text())
    written |= {"model_type": "strange", "auto_map": {"AutoConfig": "strange.Config"}}
    (folder / "config.json").write_text(json.dumps(written))
    (folder / "strange.py").write_text("open('ran', 'w').close()")
    with pytest.raises(ModelError, match="cannot be loaded"):
        saved_model.load(str(folder))
    assert not Path("ran").exists()


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_damaged_files(tmp_path: Path, file: str) -> None:
    folder = tiny_model.save(tmp_path)
    (folder / file).write_bytes((folder / file).read_bytes()[:50])
    with pytest.raises(ModelError, match="cannot be loaded as a video classifier"):
        saved_model.load(str(folder))


def test_a_model_that_never_learnt_to_classify(tmp_path: Path) -> None:
    folder = tiny_model.save(tmp_path)
    transformers.VideoMAEModel(tiny_model.config()).save_pretrained(folder)
    with pytest.raises(ModelError, match=r"lack classifier\.bias, classifier\.weight"):
        saved_model.load(str(folder))


def test_what_is_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="org/nothing cannot be loaded"):
        saved_model.load("org/nothing")
    with pytest.raises(ModelError, match=r"has no config\.json"):
        saved_model.load(str(tmp_path))
    with pytest.raises(ModelError, match="cannot run on the device 'toaster'"):
        saved_model.load(str(tiny_model.save(tmp_path)), "toaster")
