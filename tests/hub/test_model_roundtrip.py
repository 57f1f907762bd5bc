"""Every model of ours goes to the Hub, and comes back as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForVideoClassification, AutoVideoProcessor, pipeline

from equime_hub.cards import model_card
from equime_hub.cards.model_card import ModelFacts
from equime_hub.hub.model import push_model
from equime_hub.models import MODELS
from equime_hub.models.modeling import MicroExpressionModel
from equime_hub.video.clip import Clip
from equime_hub.video.codec import encode
from tests.hub.test_model import saved
from tests.support.hub_server.hub import Hub
from tests.support.tiny_inputs import drawn, tiny, tiny_processor

FRESH = """
import sys
from transformers import AutoModelForVideoClassification, AutoVideoProcessor, pipeline
model = AutoModelForVideoClassification.from_pretrained("lab/tiny", revision="v1.0.0")
processor = AutoVideoProcessor.from_pretrained("lab/tiny")
result = [type(model).__name__, model.config.num_labels, type(processor).__name__]
assert "equime_hub" not in sys.modules
import equime_hub
result.append(pipeline("video-classification", model="lab/model", device="cpu")("{file}", top_k=3))
"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A clip of 24 frames in which a bright square moves."""
    frames = np.full((24, 48, 64, 3), 90, np.uint8)
    for index, frame in enumerate(frames):
        frame[16:32, 10 + index : 26 + index] = (250, 180, 120)
    file = tmp_path / "film.mp4"
    file.write_bytes(encode(Clip(frames, 25.0)))
    return file


def logits(model: MicroExpressionModel, videos: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(videos).logits
    return found


def answers(name: str, film: Path) -> dict[str, float]:
    """What the tiny model of this process says about the film."""
    model, processor = tiny(f"{name}-0"), tiny_processor(f"{name}-0")
    with torch.no_grad():
        shares = model(**processor(str(film))).logits.softmax(-1)[0].tolist()
    return {model.config.id2label[index]: share for index, share in enumerate(shares)}


def card(model: MicroExpressionModel, name: str) -> str:
    return model_card.render(
        ModelFacts(
            name=name,
            license="apache-2.0",
            model_type=model.config.model_type,
            parameters=model.num_parameters(only_trainable=True),
            labels=tuple(map(str, (model.config.id2label or {}).values())),
            training=(),
            protocol="It was not trained.",
            selection="Nothing was chosen.",
            scores=(),
            preprocessing={},
            limits=("Its weights are drawn.",),
        )
    )


@pytest.mark.parametrize("name", MODELS.names())
def test_pushed_by_transformers(lab: Hub, film: Path, name: str) -> None:
    model, processor = tiny(f"{name}-0"), tiny_processor(f"{name}-0")
    model.push_to_hub("lab/model")
    processor.push_to_hub("lab/model")
    files = lab.repository("lab/model", "model").files()
    assert files.keys() >= {"config.json", "model.safetensors", "video_preprocessor_config.json"}
    assert not [file for file in files if file.endswith((".py", ".bin"))]

    lab.user("reader")
    lab.repository("lab/model", "model").private = False
    lab.sign_in("reader")
    again = AutoModelForVideoClassification.from_pretrained("lab/model")
    assert type(again) is type(model)
    videos = drawn(model.config)
    assert torch.equal(logits(again, videos), logits(model, videos))
    there = AutoVideoProcessor.from_pretrained("lab/model")
    assert type(there) is type(processor) and there.to_dict() == processor.to_dict()
    classify = pipeline("video-classification", model="lab/model", device="cpu")
    found = {item["label"]: item["score"] for item in classify(str(film), top_k=3)}
    assert found == pytest.approx(answers(name, film), abs=1e-6)


@pytest.mark.parametrize("name", ["stcnn", "ststnet", "evolution"])
def test_pushed_as_a_folder_with_a_card(lab: Hub, film: Path, tmp_path: Path, name: str) -> None:
    model, processor = tiny(f"{name}-0"), tiny_processor(f"{name}-0")
    folder = tmp_path / "model"
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "README.md").write_text(card(model, name))
    done = push_model(folder, "lab/model", tag="v1.0.0")
    assert set(done.sent) == {path.name for path in folder.iterdir()}

    again = AutoModelForVideoClassification.from_pretrained("lab/model", revision="v1.0.0")
    videos = drawn(model.config)
    assert torch.equal(logits(again, videos), logits(model, videos))
    assert again.config.id2label == model.config.id2label
    classify = pipeline("video-classification", model="lab/model", revision="v1.0.0", device="cpu")
    found = {item["label"]: item["score"] for item in classify(str(film), top_k=3)}
    assert found == pytest.approx(answers(name, film), abs=1e-6)


def test_a_fresh_process_needs_no_more_than_the_package(
    lab: Hub, film: Path, tmp_path: Path
) -> None:
    """And for a model of Transformers' own not even that."""
    push_model(saved(tmp_path / "tiny"), "lab/tiny", tag="v1.0.0")
    tiny("evolution-0").push_to_hub("lab/model")
    tiny_processor("evolution-0").push_to_hub("lab/model")
    *loaded, found = lab.python(FRESH.format(file=film), user="keeper").result
    assert loaded == ["VideoMAEForVideoClassification", 3, "VideoMAEVideoProcessor"]
    expected = answers("evolution", film)
    assert {item["label"]: item["score"] for item in found} == pytest.approx(expected, abs=1e-6)
