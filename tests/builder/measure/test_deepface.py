from __future__ import annotations

import importlib
import socket
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from skimage import data

from equime_hub import seeds
from equime_hub.builder.measure.attributes import ATTRIBUTES, Estimator
from equime_hub.builder.measure.deepface import DeepFace
from equime_hub.errors import EquimeError, MissingDependencyError

deepface = pytest.importorskip("deepface")
pytest.importorskip("onnx")

from tests.support import weights  # noqa: E402

deepface_home = weights.deepface_home

NOISE = seeds.generator("crops").random((4, 224, 224, 3))
COLOURS = np.array([(250, 40, 40), (40, 250, 40), (40, 40, 250), (20, 20, 20)])
CROPS: npt.NDArray[np.uint8] = np.concatenate(
    (data.astronaut()[None, :224, 96:320], (NOISE * COLOURS[:, None, None]).astype(np.uint8))
)


@pytest.fixture
def home(deepface_home: Path) -> Path:
    weights.save_all(deepface_home)
    return deepface_home


def analyze(crop: npt.NDArray[np.uint8]) -> dict[str, Any]:
    with warnings.catch_warnings():  # its import silences all warnings, for everybody
        (found,) = importlib.import_module("deepface.DeepFace").analyze(
            crop[..., ::-1], ("age", "gender", "race"), detector_backend="skip", silent=True
        )
    return dict(found)


def test_the_answers_are_those_of_analyze(home: Path) -> None:
    estimates = DeepFace().estimate(CROPS)
    assert len({estimate.race for estimate in estimates}) > 2
    for crop, ours in zip(CROPS, estimates, strict=True):
        theirs = analyze(crop)
        assert ours.age is not None and int(ours.age) == theirs["age"]
        assert ours.gender == theirs["dominant_gender"].lower()
        assert ours.race == theirs["dominant_race"]
        gender, race = theirs["gender"], theirs["race"]
        assert ours.gender_score == pytest.approx(max(gender.values()) / 100, abs=1e-6)
        assert ours.race_score == pytest.approx(max(race.values()) / 100, abs=1e-6)


def test_known_answers(home: Path) -> None:
    zero = np.zeros((3, 2), np.float32)
    zero[2, 1] = 8  # red makes a man, 4 + 8 · (red - 1)
    weights.save(home, "gender", (zero, np.array([0, -4], np.float32)))
    logits = (-np.abs(np.arange(101) - 34.4) / 4).astype(np.float32)
    weights.save(home, "age", (np.zeros((3, 101), np.float32), logits))
    order = np.array([0, 0, 0, 0, 3, 0], np.float32)
    weights.save(home, "race", (np.zeros((3, 6), np.float32), order))
    red = np.zeros((2, 224, 224, 3), np.uint8)
    red[0, ..., 0] = 255
    man, woman = DeepFace().estimate(red)
    assert (man.gender, woman.gender) == ("man", "woman")
    assert man.gender_score == pytest.approx(1 / (1 + np.exp(-4)))
    assert man.race == "middle eastern"
    assert man.race_score == pytest.approx(np.exp(3) / (np.exp(3) + 5))
    chance = np.exp(logits) / np.exp(logits).sum()
    assert man.age == pytest.approx(float(chance @ np.arange(101)), abs=1e-4)
    assert man.age == pytest.approx(34.4, abs=0.1)
    assert man.age_score == pytest.approx(float(chance[30:40].sum()), abs=1e-5)


@pytest.mark.parametrize("batch", ["n", 1])
def test_a_batch_has_the_answers_of_its_images(deepface_home: Path, batch: int | str) -> None:
    weights.save_all(deepface_home, batch)
    estimator = DeepFace()
    together = estimator.estimate(CROPS)
    alone = [estimator.estimate(crop[None])[0] for crop in CROPS]
    assert len({round(one.age or 0) for one in alone}) > 2
    for one, other in zip(together, alone, strict=True):
        assert (one.gender, one.race) == (other.gender, other.race)
        # The runtime adds up in another order.
        assert one.age == pytest.approx(other.age, abs=0.01)
        assert one.age_score == pytest.approx(other.age_score, abs=1e-3)


def test_onnx_runs_it_and_the_tool_says_so(home: Path) -> None:
    assert ATTRIBUTES.get("deepface") is DeepFace
    estimator: Estimator = DeepFace()
    assert estimator.tool == f"deepface {deepface.__version__} onnx"


def test_another_engine_can_be_asked_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFACE_BACKEND_ENGINE", "pytorch")
    estimator = DeepFace()
    assert estimator.tool.endswith(" pytorch")
    with pytest.raises(EquimeError, match=r"age_model_weights\.pth"):
        estimator.estimate(CROPS)


def test_an_unknown_engine_is_a_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFACE_BACKEND_ENGINE", "abacus")
    with pytest.raises(EquimeError, match="abacus"):
        _ = DeepFace().tool


def test_missing_weights_are_named_and_not_fetched(home: Path) -> None:
    (weights.folder(home) / weights.FILES["age"]).unlink()
    with pytest.raises(EquimeError) as caught:
        DeepFace().estimate(CROPS)
    told = str(caught.value)
    assert f"not in {weights.folder(home)}: age_model_weights.onnx, about 540 MB" in told
    assert "github.com/serengil/deepface_models/releases/download/v1.0 ," in told
    assert "--download" in told and "gender" not in told


def test_a_download_that_fails_is_a_sentence(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nowhere(*rest: object, **more: object) -> None:
        raise socket.gaierror("no network")

    (weights.folder(home) / weights.FILES["age"]).unlink()
    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(EquimeError, match=r"age_model_weights\.onnx could not be fetched"):
        DeepFace(download=True).estimate(CROPS)
    assert not capsys.readouterr().out


@pytest.mark.parametrize("cut", [0, 40, -1])
def test_damaged_weights_are_named(home: Path, cut: int) -> None:
    path = weights.folder(home) / weights.FILES["race"]
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(EquimeError, match=r"race_model_single_batch\.onnx .* is damaged or not"):
        DeepFace().estimate(CROPS)


def test_weights_of_another_model_are_named(home: Path) -> None:
    gender = weights.folder(home) / weights.FILES["gender"]
    (weights.folder(home) / weights.FILES["race"]).write_bytes(gender.read_bytes())
    with pytest.raises(EquimeError, match="does not give 6 probabilities"):
        DeepFace().estimate(CROPS)


def test_a_model_without_numbers_gives_no_answer(home: Path) -> None:
    nothing = np.full((3, 2), np.nan, np.float32)
    weights.save(home, "gender", (nothing, nothing[0]))
    found = DeepFace().estimate(CROPS)[0]
    assert (found.gender, found.gender_score) == (None, None)
    assert found.race is not None and found.age is not None


def test_without_the_extra_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deepface", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "equime-hub\[attributes\]"'):
        DeepFace().estimate(CROPS)
