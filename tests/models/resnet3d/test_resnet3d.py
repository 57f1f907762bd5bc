from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch.nn import functional as F

from equime_hub.models.modeling_fixed import max_pool, same
from tests.support.counting import keras_count
from tests.support.tiny_inputs import drawn, tiny


@pytest.mark.parametrize(
    ("arguments", "count"), [({}, 10_344_131), ({"layout": "conv3d"}, 8_258_691)]
)
def test_as_many_parameters_as_published(arguments: dict[str, Any], count: int) -> None:
    assert keras_count("resnet3d", **arguments) == count


def padded(maps: torch.Tensor, kernel: int, stride: int, fill: float = 0.0) -> torch.Tensor:
    """As TensorFlow's documentation defines `SAME`: the larger half goes behind."""
    for axis in (2, 3, 4):
        size = maps.shape[axis]
        over = size % stride or stride
        total = max(kernel - over, 0)
        edges = [list(maps.shape), list(maps.shape)]
        edges[0][axis], edges[1][axis] = total // 2, total - total // 2
        before, behind = (torch.full(edge, fill, dtype=maps.dtype) for edge in edges)
        maps = torch.cat([before, maps, behind], axis)
    return maps


def conv_norm(
    state: dict[str, torch.Tensor], name: str, maps: torch.Tensor, stride: int
) -> torch.Tensor:
    weight = state[f"{name}.conv.weight"]
    maps = F.conv3d(
        padded(maps, weight.shape[-1], stride), weight, state[f"{name}.conv.bias"], stride
    )
    mean, var, gain, shift = (
        state[f"{name}.norm.{part}"][:, None, None, None]
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (maps - mean) / (var + 1e-3).sqrt() * gain + shift


@pytest.mark.parametrize(
    ("case", "size"), [("resnet3d-0", 20), ("resnet3d-1", 20), ("resnet3d-1", 33)]
)
def test_scores_by_hand(case: str, size: int) -> None:
    model = tiny(case, image_size=size).double()
    generator = torch.Generator().manual_seed(1)
    for name, values in model.state_dict().items():
        if ".norm." in name and values.is_floating_point():
            values.copy_(torch.rand(values.shape, generator=generator) + 0.5)
    videos = drawn(model.config).double()
    state = model.state_dict()
    maps = videos.flatten(1, 2)[:, :, None] if case.endswith("0") else videos.transpose(1, 2)
    maps = F.relu(conv_norm(state, "stem", maps, 2))
    maps = F.max_pool3d(padded(maps, 3, 2, -torch.inf), 3, 2)
    for index, stride in enumerate((1, 1, 2, 1, 2, 1)):
        name = f"blocks.{index}"
        changed = F.relu(conv_norm(state, f"{name}.first", maps, stride))
        changed = conv_norm(state, f"{name}.second", changed, 1)
        if stride == 2:
            maps = conv_norm(state, f"{name}.shortcut", maps, stride)
        maps = F.relu(changed + maps)
    expected = maps.mean((2, 3, 4)) @ state["classifier.weight"].T + state["classifier.bias"]
    torch.testing.assert_close(model(videos).logits, expected)


@pytest.mark.parametrize("size", range(1, 10))
@pytest.mark.parametrize(("kernel", "stride"), [(7, 2), (3, 2), (3, 1), (2, 2), (1, 2)])
def test_same_padding_is_keras_own(size: int, kernel: int, stride: int) -> None:
    """Places, and which pixels each of them sees, along one axis."""
    line = torch.arange(1.0, size + 1)
    maps = line[None, None, :, None, None].expand(1, 1, size, size, size)
    assert torch.equal(same(maps, kernel, stride), padded(maps, kernel, stride))
    found = max_pool(maps, kernel, stride)[0, 0, :, 0, 0].numpy()
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    starts = np.arange(0, size, stride) - total // 2
    expected = [min(start + kernel, size) for start in starts]
    np.testing.assert_array_equal(found, expected)


def test_padding_never_wins_the_pooling() -> None:
    maps: npt.NDArray[np.float32] = -np.ones((1, 1, 3, 3, 3), np.float32)
    assert (max_pool(torch.from_numpy(maps), 3, 2) == -1).all()


def test_training_moves_the_running_statistics_as_keras_does() -> None:
    model = tiny("resnet3d-1").train()
    videos = drawn(model.config, 4)
    seen: list[torch.Tensor] = []
    model.stem.conv.register_forward_hook(lambda module, given, made: seen.append(made))
    model(videos)
    expected = 0.01 * seen[0].mean((0, 2, 3, 4))  # momentum 0.99, from 0
    torch.testing.assert_close(model.stem.norm.running_mean, expected)
