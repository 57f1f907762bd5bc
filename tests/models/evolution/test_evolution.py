"""Evolution: written out in NumPy, clips of any length, and what it is invariant to."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import load_file, save_file

from equime_hub.errors import ModelError
from equime_hub.models.evolution.configuration_evolution import EvolutionConfig
from equime_hub.models.evolution.modeling_evolution import EvolutionForVideoClassification
from equime_hub.models.evolution.regions import NOSE_BRIDGE, REGIONS, weights
from equime_hub.models.processing import MicroExpressionVideoProcessor

THREE: dict[str, Any] = {"num_labels": 3}

Array = npt.NDArray[np.float64]
SMALL: dict[str, Any] = dict(
    num_labels=3, image_size=8, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
    intermediate_size=6,
)  # fmt: skip


def small(**options: Any) -> EvolutionForVideoClassification:
    """With random weights everywhere, also where new ones are 0 or 1."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = EvolutionForVideoClassification(EvolutionConfig(**SMALL, **options))
        for parameter in model.parameters():
            parameter.data += 0.3 * torch.randn_like(parameter)
    model.eval()
    return model


def fields(count: int, frames: int, side: int = 8) -> torch.Tensor:
    return torch.randn(
        count, frames, 3, side, side, generator=torch.Generator().manual_seed(frames)
    )


def norm(w: dict[str, Array], name: str, x: Array) -> Array:
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return x * w[f"{name}.weight"] + w[f"{name}.bias"]


def dense(w: dict[str, Array], name: str, x: Array) -> Array:
    return np.asarray(x @ w[f"{name}.weight"].T + w[f"{name}.bias"])


def written_out(model: EvolutionForVideoClassification, clip: Array) -> Array:
    """Scores of one clip T×3×S×S whose frames are all its own."""
    w = {name: value.double().numpy() for name, value in model.state_dict().items()}
    config = model.config
    masks = weights([*REGIONS.values(), NOSE_BRIDGE], config.image_size)
    means = np.array([[[(c * mask).sum() for mask in masks] for c in frame] for frame in clip])
    if config.relative_to_head:
        means[:, :2] -= means[:, :2, -1:]
    features = np.arcsinh(w["motion.gains"][:, None] * means[:, :, :-1]).reshape(len(clip), -1)
    x = dense(w, "projection", features)
    for t in range(len(x)):
        for wave in range(4):
            shortest, longest = config.wavelengths_ms
            phase = 2 * math.pi * t * 10 / (shortest * (longest / shortest) ** (wave / 3))
            x[t, wave] += math.sin(phase)
            x[t, wave + 4] += math.cos(phase)
    if config.pooling == "cls":
        x = np.concatenate([w["summary.weight"], x])
    for layer in range(2):
        name = f"layers.{layer}"
        q, k, v = np.split(
            dense(w, f"{name}.queries_keys_values", norm(w, f"{name}.norm", x)), 3, -1
        )
        heads = []
        for part in (slice(0, 4), slice(4, 8)):
            score = np.exp(q[:, part] @ k[:, part].T / 2)
            heads.append(score / score.sum(-1, keepdims=True) @ v[:, part])
        x = x + dense(w, f"{name}.attended", np.concatenate(heads, -1))
        inner = dense(w, f"{name}.feed_forward.1", norm(w, f"{name}.feed_forward.0", x))
        inner *= 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        x = x + dense(w, f"{name}.feed_forward.4", inner)
    x = norm(w, "norm", x)
    return dense(w, "classifier", x[0] if config.pooling == "cls" else x.mean(0))


@pytest.mark.parametrize("options", [{}, {"pooling": "cls"}, {"relative_to_head": False}])
def test_it_is_what_is_written_out(options: dict[str, Any]) -> None:
    model = small(**options)
    videos = fields(2, 5)
    answer = model(videos).logits.detach().numpy()
    for clip, scores in zip(videos.double().numpy(), answer, strict=True):
        np.testing.assert_allclose(scores, written_out(model, clip), atol=2e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("fill", [0.0, 1e6, math.nan, math.inf])
def test_clips_of_different_length_in_one_batch(pooling: str, fill: float) -> None:
    model, lengths = small(pooling=pooling), torch.tensor([7, 3, 1])
    # The last two frames belong to nobody.
    mask = torch.arange(9)[None] < lengths[:, None]
    videos = torch.where(mask[:, :, None, None, None], fields(3, 9), fill)
    with torch.no_grad():
        together = model(videos, mask).logits
        for index, length in enumerate(lengths):
            alone = model(videos[index : index + 1, :length]).logits[0]
            assert torch.allclose(together[index], alone, atol=1e-5)
        assert torch.allclose(model(videos, mask.long()).logits, together, atol=1e-5)


def test_published_are_five_layers_on_any_number_of_frames() -> None:
    model = EvolutionForVideoClassification(EvolutionConfig(**THREE)).eval()
    assert len(model.layers) == 5
    with torch.no_grad():
        assert model(fields(1, 2_000, 28)).logits.isfinite().all()
        assert model(fields(1, 1, 28)).logits.isfinite().all()


def test_what_the_head_does_is_left_out() -> None:
    model, videos = small(), fields(2, 6)
    head = torch.zeros_like(videos)
    head[:, :, 0], head[:, :, 1] = torch.linspace(0, 5, 6)[:, None, None], -2.0
    with torch.no_grad():
        still, moving = model(videos).logits, model(videos + head).logits
        assert torch.allclose(still, moving, atol=1e-4)
        other = small(relative_to_head=False)
        assert not torch.allclose(other(videos).logits, other(videos + head).logits, atol=1e-2)


def test_strength_and_order_of_motion_matter() -> None:
    model, videos = small(), fields(1, 6)
    with torch.no_grad():
        first, weak, back = (model(v).logits for v in (videos, 0.1 * videos, videos.flip(1)))
    assert not torch.allclose(first, weak, atol=1e-2)
    assert not torch.allclose(first, back, atol=1e-4)


def test_the_same_time_has_the_same_position_at_every_rate() -> None:
    fast, slow = (small(frame_rate=rate)._positions(torch.zeros(1, 8, 8)) for rate in (100.0, 50.0))
    assert torch.allclose(fast[::2], slow[:4], atol=1e-5)
    assert not torch.allclose(fast[:4], slow[:4], atol=1e-1)


def test_its_processor_picks_frames_at_its_rate() -> None:
    for rate in (100.0, 50.0):
        processor = MicroExpressionVideoProcessor.for_config(EvolutionConfig(frame_rate=rate))
        assert processor.normalize_fps == rate


def test_regions_are_saved_and_made_where_they_are_not(tmp_path: Path) -> None:
    model, videos = small(), fields(2, 6)
    model.motion.regions[0] = model.motion.regions[1]
    model.save_pretrained(tmp_path)
    with torch.no_grad():
        again: Any = EvolutionForVideoClassification.from_pretrained(tmp_path)
        assert torch.equal(again(videos).logits, model(videos).logits)

    file = tmp_path / "model.safetensors"
    state = load_file(file)
    for name in ("motion.regions", "motion.gains"):
        del state[name]
    save_file(state, file, {"format": "pt"})
    motion = EvolutionForVideoClassification.from_pretrained(tmp_path).motion
    expected = weights([*REGIONS.values(), NOSE_BRIDGE], 8)
    np.testing.assert_array_equal(motion.regions.numpy(), expected)
    assert motion.gains.tolist() == [10, 10, 1]


def test_attention_is_torchs_and_may_be_asked_for(tmp_path: Path) -> None:
    model, videos = small(), fields(2, 6)
    model.save_pretrained(tmp_path)
    again: Any = EvolutionForVideoClassification.from_pretrained(
        tmp_path, attn_implementation="sdpa"
    )
    with torch.no_grad():
        assert torch.equal(again(videos).logits, model(videos).logits)


def test_export_takes_clips_of_other_lengths() -> None:
    model, videos = small(), fields(2, 6)
    frames = torch.export.Dim("frames", min=2, max=64)
    mask = torch.ones(2, 6, dtype=torch.bool)
    program = torch.export.export(
        model, (videos, mask), dynamic_shapes=({1: frames}, {1: frames}), strict=False
    ).module()
    longer = fields(2, 11)
    mask = torch.arange(11)[None] < torch.tensor([[11], [4]])
    with torch.no_grad():
        expected = model(longer, mask).logits
    assert torch.allclose(program(longer, mask).logits, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"regions": ["inner_brow_left", "ear"]}, "no region 'ear'"),
        ({"regions": []}, "0 regions"),
        ({"num_channels": 1}, "num_channels=1"),
        ({"gains": [1.0]}, "1 gains"),
        ({"hidden_size": 6}, "multiple of 2 × 2 attention heads, got 6"),
        ({"frame_rate": 0.0}, "frame_rate must be positive"),
        ({"wavelengths_ms": [50.0, 20.0]}, "a shorter and a longer"),
        ({"pooling": "max"}, "'mean' or 'cls', got 'max'"),
    ],
)
def test_what_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        EvolutionConfig(**{**SMALL, **wrong})


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(ModelError, match="frame_mask must be B×T = 2×6, got 2×5"):
        small()(fields(2, 6), torch.ones(2, 5, dtype=torch.bool))


def test_regions_are_a_choice() -> None:
    model = small(regions=["chin", "nose"])
    assert model.projection.in_features == 6
    assert model(fields(1, 4)).logits.shape == (1, 3)


def test_it_learns_weak_motion_from_few_clips() -> None:
    """Which of two regions moves, a hundredth of the side at most, under noise and head motion."""
    names = ["mouth_corner_left", "chin"]
    masks = torch.from_numpy(weights([REGIONS[name] for name in names], 16))
    masks = masks / masks.amax((1, 2), keepdim=True)

    def drawn(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        draw = torch.Generator().manual_seed(seed)
        labels = torch.arange(count) % 3
        pulse = torch.sin(torch.linspace(0, math.pi, 12))[None] * (
            0.3 + 0.7 * torch.rand(count, 1, generator=draw)
        )
        where = torch.cat([masks, torch.zeros(1, 16, 16)])[labels]
        videos = 0.1 * torch.randn(count, 12, 3, 16, 16, generator=draw)
        videos[:, :, 1] -= pulse[:, :, None, None] * where[:, None]
        videos[:, :, :2] += torch.randn(count, 12, 2, 1, 1, generator=draw)
        lengths = torch.randint(8, 13, (count, 1), generator=draw)
        return videos, torch.arange(12)[None] < lengths, labels

    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = EvolutionForVideoClassification(EvolutionConfig(**{**SMALL, "image_size": 16}))
        optimiser = torch.optim.AdamW(model.parameters(), 0.01)
        videos, mask, labels = drawn(24, 0)
        for _ in range(40):
            optimiser.zero_grad()
            model(videos, mask, labels).loss.backward()
            optimiser.step()
    model.eval()
    videos, mask, labels = drawn(60, 1)
    with torch.no_grad():
        found = model(videos, mask).logits.argmax(1)
    assert (found == labels).float().mean() > 0.9
