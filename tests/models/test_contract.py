"""What every model of `MODELS` promises, each in every configuration of `TINY`."""

from __future__ import annotations

import copy
import inspect
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForVideoClassification,
    AutoVideoProcessor,
    pipeline,
)

from equime_hub.errors import ModelError
from equime_hub.models import MODELS
from equime_hub.models.modeling import MicroExpressionModel
from equime_hub.schema.taxonomy import EMOTION_PRESETS, EMOTIONS_3
from equime_hub.video.clip import Clip
from equime_hub.video.codec import encode
from tests.support.tiny_inputs import CASES, TINY, drawn, made, tiny, tiny_processor

pytestmark = pytest.mark.parametrize("case", CASES)


def logits(
    model: MicroExpressionModel, pixel_values_videos: torch.Tensor, **more: Any
) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(pixel_values_videos, **more).logits
    return found


def recorded(frames: int) -> Clip:
    """A bright square that moves to the right over a pattern."""
    y, x = np.mgrid[:48, :64]
    pixels = np.repeat((90 + 40 * np.sin(x / 5) * np.cos(y / 7))[None, ..., None], frames, 0)
    pixels = np.repeat(pixels, 3, 3).astype(np.uint8)
    for index in range(frames):
        pixels[index, 16:32, 10 + index : 26 + index] = (250, 180, 120)
    return Clip(pixels, 25.0)


def test_every_model_has_a_tiny_configuration(case: str) -> None:
    assert TINY[case.rpartition("-")[0]]


def test_saved_and_loaded_it_answers_the_same(case: str, tmp_path: Path) -> None:
    model, processor = tiny(case), tiny_processor(case)
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    saved = {path.name for path in tmp_path.iterdir()}
    assert saved == {"config.json", "model.safetensors", "video_preprocessor_config.json"}
    assert not [name for name in saved if "auto_map" in (tmp_path / name).read_text("latin-1")]
    assert json.loads((tmp_path / "config.json").read_text())["model_type"].startswith("equime_")

    again = AutoModelForVideoClassification.from_pretrained(tmp_path)
    assert type(again) is type(model)
    assert not again.training
    videos = drawn(model.config)
    assert torch.equal(logits(again, videos), logits(model, videos))
    config = AutoConfig.from_pretrained(tmp_path)
    assert type(config) is type(model.config)
    assert {**config.to_dict(), "_name_or_path": ""} == model.config.to_dict()
    assert AutoVideoProcessor.from_pretrained(tmp_path).to_dict() == processor.to_dict()


def test_for_other_classes_all_but_the_last_layer_is_kept(case: str, tmp_path: Path) -> None:
    model = tiny(case)
    model.save_pretrained(tmp_path)
    again = AutoModelForVideoClassification.from_pretrained(
        tmp_path, num_labels=7, ignore_mismatched_sizes=True
    )
    before, after = model.state_dict(), again.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert len(changed) == 2
    assert {len(after[name]) for name in changed} == {7}
    found = logits(again, drawn(model.config))
    assert found.shape == (2, 7) and found.isfinite().all()


def test_classes_are_those_of_the_taxonomy(case: str) -> None:
    kind = MODELS.get(case.rpartition("-")[0]).config_class
    for count, names in (
        (3, EMOTIONS_3),
        (5, EMOTION_PRESETS["equime-paper"]),
        (7, EMOTION_PRESETS["basic-7"]),
    ):
        config = kind(num_labels=count)
        assert [config.id2label[index] for index in range(count)] == list(names)
        assert [config.label2id[name] for name in names] == list(range(count))
    assert kind().num_labels == 5


def test_as_many_scores_as_classes(case: str) -> None:
    model = tiny(case, num_labels=7)
    assert logits(model, drawn(model.config)).shape == (2, 7)


def test_loss_is_the_mean_cross_entropy(case: str) -> None:
    model = tiny(case)
    labels = torch.tensor([2, 0, 1, 2])
    answer = model(drawn(model.config, 4), labels=labels)
    scores = answer.logits.detach().double().numpy()
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    expected = -np.log(shares[np.arange(4), labels.numpy()]).mean()
    assert answer.loss.item() == pytest.approx(expected, rel=1e-5)
    assert model(drawn(model.config)).loss is None


def test_gradients_reach_every_parameter(case: str) -> None:
    model = tiny(case)
    settle(model)
    videos = drawn(model.config, 4)
    model(videos, labels=torch.tensor([2, 0, 1, 2])).loss.backward()
    untouched = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    ]
    assert not untouched
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def settle(model: Any) -> None:
    """Take over the statistics of a batch, so that batch normalisation in eval mode is lively."""
    kinds = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)
    for norm in (module for module in model.modules() if isinstance(module, kinds)):
        norm.momentum = 1.0
        norm.train()
    logits(model, drawn(model.config, 32))
    model.eval()


def test_gradient_checkpointing_changes_nothing_or_is_refused(case: str) -> None:
    model = tiny(case)
    if not model.supports_gradient_checkpointing:
        with pytest.raises(ValueError):
            model.gradient_checkpointing_enable()
        return
    videos, labels = drawn(model.config, 4), torch.tensor([2, 0, 1, 2])
    other = copy.deepcopy(model)
    other.gradient_checkpointing_enable()
    for one in (model, other):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            one.train()(videos, labels=labels).loss.backward()
    for (name, a), (_, b) in zip(model.named_parameters(), other.named_parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, atol=1e-6), name


def test_a_batch_is_answered_like_its_clips(case: str) -> None:
    model, processor = tiny(case), tiny_processor(case)
    clips = [recorded(frames) for frames in (20, 11, 29)]
    together = logits(model, **processor(clips))
    alone = [logits(model, **processor(clip)) for clip in clips]
    assert together.isfinite().all()
    near = 1e-3 * float(together.abs().max())
    assert torch.allclose(together, torch.cat(alone), rtol=0, atol=near)
    assert not torch.allclose(together[0], together[2], rtol=0, atol=near)


def test_in_use_it_answers_the_same_again(case: str) -> None:
    model = tiny(case)
    videos = drawn(model.config)
    assert torch.equal(logits(model, videos), logits(model, videos))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    logits(model, videos)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_new_weights_follow_the_seed(case: str) -> None:
    one, same, other = tiny(case), made(case), made(case, 1)
    videos = drawn(one.config)
    assert torch.equal(logits(one, videos), logits(same, videos))
    assert not torch.equal(logits(one, videos), logits(other, videos))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_finite_and_near(case: str, dtype: torch.dtype, tmp_path: Path) -> None:
    model = tiny(case)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForVideoClassification.from_pretrained(tmp_path, dtype=dtype)
    videos = drawn(model.config)
    whole = logits(model, videos)
    half = logits(loaded, videos.to(dtype))
    assert half.dtype == dtype
    assert torch.equal(logits(model.to(dtype), videos.to(dtype)), half)
    assert half.isfinite().all()
    assert torch.allclose(half.float(), whole, rtol=0.1, atol=0.1 * float(whole.abs().max()))


def test_exported_it_answers_the_same(case: str) -> None:
    model = tiny(case)
    videos = drawn(model.config)
    program = torch.export.export(model, (videos,), strict=False)
    assert torch.allclose(program.module()(videos).logits, logits(model, videos), atol=1e-6)


@pytest.mark.slow
def test_compiled_it_answers_the_same(case: str) -> None:
    model = tiny(case)
    videos = drawn(model.config)
    compiled: Any = torch.compile(model, backend="aot_eager")
    assert torch.allclose(logits(compiled, videos), logits(model, videos), atol=1e-5)


def test_pipeline_says_what_the_model_says(
    case: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, processor = tiny(case), tiny_processor(case)
    model.save_pretrained(tmp_path / "model")
    processor.save_pretrained(tmp_path / "model")
    file = tmp_path / "clip.mp4"
    file.write_bytes(encode(recorded(24)))

    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)
    try:
        classify = pipeline("video-classification", model=str(tmp_path / "model"), device="cpu")
        answer = classify(str(file), top_k=3)
    finally:
        logger.removeHandler(caplog.handler)
    assert not [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert sum(item["score"] for item in answer) == pytest.approx(1, abs=1e-6)
    shares = logits(model, **processor(str(file))).softmax(-1)[0]
    expected = {model.config.id2label[index]: share for index, share in enumerate(shares.tolist())}
    assert {item["label"]: item["score"] for item in answer} == pytest.approx(expected, abs=1e-6)


def test_other_shapes_are_refused_in_a_sentence(case: str) -> None:
    model = tiny(case)
    videos = drawn(model.config)
    wrong = [
        videos[0],
        videos[:, :, :, :-1],
        videos[..., :-1],
        torch.cat([videos, videos[:, :, :1]], 2),
    ]
    if model.config.num_frames is not None:
        wrong.append(torch.cat([videos, videos[:, :1]], 1))
    for videos in wrong:
        with pytest.raises(ModelError, match="takes clips B×") as refusal:
            model(videos)
        assert "×".join(map(str, videos.shape)) in str(refusal.value)


def test_a_mask_hides_frames_or_is_refused(case: str) -> None:
    model = tiny(case)
    videos = drawn(model.config)
    mask = torch.ones(videos.shape[:2], dtype=torch.bool)
    shown = logits(model, videos)
    assert torch.allclose(logits(model, videos, frame_mask=mask), shown, atol=1e-6)
    mask[1, -1] = False
    if model.config.num_frames is not None:
        with pytest.raises(ModelError, match="frame_mask hides 1 "):
            model(videos, frame_mask=mask)
        with pytest.raises(ModelError, match="frame_mask must be B×T"):
            model(videos, frame_mask=torch.ones(2, 99, dtype=torch.bool))
        return
    masked = logits(model, videos, frame_mask=mask)
    assert torch.allclose(masked[:1], shown[:1], atol=1e-5)
    assert torch.allclose(masked[1:], logits(model, videos[1:, :-1]), atol=1e-5)
    assert not torch.allclose(masked[1], shown[1], atol=1e-5)


def test_its_docstrings_are_its_own(case: str) -> None:
    kind = MODELS.get(case.rpartition("-")[0])
    for one in (kind, kind.config_class):
        assert inspect.getdoc(one)
        assert one.__doc__ != one.__mro__[1].__doc__
