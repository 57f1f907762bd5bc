from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from equime_hub.errors import ModelError
from equime_hub.models.dtscnn.configuration_dtscnn import DTSCNNConfig
from tests.support.counting import keras_count
from tests.support.tiny_inputs import drawn, tiny


def test_two_streams_of_four_convolutions() -> None:
    widths = [2, 16, 32, 64, 128]
    stream = sum(27 * a * b + b for a, b in pairwise(widths))
    assert keras_count("dtscnn") == 2 * stream + 256 * 3 + 3 == 583_587


@pytest.mark.parametrize("arguments", [{}, {"flow_channels": 3, "kernel_size": 5}])
def test_scores_by_hand(arguments: dict[str, Any]) -> None:
    model = tiny("dtscnn-0", **arguments).double()
    state = model.state_dict()
    videos = drawn(model.config).double()
    flow = videos[:, :, : arguments.get("flow_channels", 2)].transpose(1, 2)
    short = torch.stack([flow[:, :, 2 * t : 2 * t + 2].mean(2) for t in range(4)], 2)
    features = []
    for name, maps in (("long", flow), ("short", short)):
        for layer in range(2):
            weight = state[f"{name}.convs.{layer}.weight"]
            bias = state[f"{name}.convs.{layer}.bias"]
            maps = F.relu(F.conv3d(maps, weight, bias, padding=weight.shape[-1] // 2))
            maps = F.max_pool3d(maps, 2)
        features.append(maps.mean((2, 3, 4)))
    joined = torch.cat(features, 1)
    torch.testing.assert_close(model.features(videos), joined)
    expected = joined @ state["classifier.weight"].T + state["classifier.bias"]
    torch.testing.assert_close(model(videos).logits, expected)


def test_the_short_scale_sees_no_motion_that_comes_and_goes() -> None:
    model = tiny("dtscnn-0")
    flow = torch.zeros(1, 8, 3, 16, 16)
    flow[:, ::2, 0], flow[:, 1::2, 0] = 1.0, -1.0
    width = model.long.width
    still = model.features(torch.zeros_like(flow))
    shaking = model.features(flow)
    assert torch.allclose(shaking[:, width:], still[:, width:], atol=1e-6)
    assert not torch.allclose(shaking[:, :width], still[:, :width], atol=1e-3)


def test_strain_is_left_out_unless_asked_for() -> None:
    model = tiny("dtscnn-0")
    videos = drawn(model.config)
    other = videos.clone()
    other[:, :, 2] += 1
    assert torch.equal(model(other).logits, model(videos).logits)
    model = tiny("dtscnn-0", flow_channels=3)
    assert not torch.allclose(model(other).logits, model(videos).logits)


def test_a_scale_that_is_no_divisor_covers_the_clip() -> None:
    model = tiny("dtscnn-0", num_frames=9, short_frames=4)
    videos = drawn(model.config)
    assert model(videos).logits.isfinite().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"short_frames": 129}, "at most num_frames=128, got 129"),
        ({"flow_channels": 4}, "at most num_channels=3, got 4"),
        ({"kernel_size": 2}, "kernel_size must be odd, got 2"),
        ({"num_layers": 0}, "num_layers to be a whole number from 1 on, got 0"),
        ({"num_frames": None}, "num_frames to be a whole number from 1 on, got None"),
    ],
)
def test_impossible_settings_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        DTSCNNConfig(**arguments)
