from __future__ import annotations

import socket
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2
from transformers import AutoModelForVideoClassification

from equime_hub.errors import ModelError
from equime_hub.models.mobilenet_hybrid.configuration_mobilenet_hybrid import (
    MobileNetHybridConfig,
)
from equime_hub.models.mobilenet_hybrid.modeling_mobilenet_hybrid import (
    MobileNetHybridForVideoClassification,
)
from tests.support.counting import keras_count
from tests.support.tiny_inputs import drawn, tiny


@pytest.mark.parametrize("arguments", [{}, {"num_frames": 96, "num_channels": 1, "image_size": 64}])
def test_as_many_parameters_as_published(arguments: dict[str, Any]) -> None:
    assert keras_count("mobilenet_hybrid", **arguments) == 2_422_339


@pytest.mark.parametrize("case", ["mobilenet_hybrid-0", "mobilenet_hybrid-1"])
def test_scores_by_hand(case: str) -> None:
    """With torchvision's own network as the backbone."""
    model = tiny(case)
    state = model.state_dict()
    backbone = mobilenet_v2(width_mult=0.1).eval()
    prefix = "backbone."
    own = {key.removeprefix(prefix): state[key] for key in state if key.startswith(prefix)}
    assert not backbone.load_state_dict(own, strict=False).unexpected_keys
    videos = drawn(model.config)
    frame = videos[:, 2 if case.endswith("1") else 0]
    if case.endswith("1"):
        frame = F.interpolate(torch.cat([frame] * 3, 1), (32, 32), mode="bilinear")
    features = backbone.features(frame).mean((2, 3))
    hidden = F.relu(features @ state["dense.weight"].T + state["dense.bias"])
    expected = hidden @ state["classifier.weight"].T + state["classifier.bias"]
    torch.testing.assert_close(model(videos).logits, expected)


def test_it_sees_the_middle_frame_alone() -> None:
    model = tiny("mobilenet_hybrid-1")
    videos = drawn(model.config)
    others = torch.rand_like(videos)
    others[:, 2] = videos[:, 2]
    assert torch.equal(model(others).logits, model(videos).logits)


def test_first_100_are_keras_first_100_layers() -> None:
    model = tiny("mobilenet_hybrid-0", frozen="first_100")
    frozen = [name for name, value in model.named_parameters() if not value.requires_grad]
    # Counted in Keras: 1 input; convolution, BN and ReLU of the first block; then for each block
    # its convolutions, BNs and ReLUs, a padding where it strides and an addition where it adds.
    sizes = [8 + (b.stride == 2) + b.use_res_connect for b in list(model.backbone.features)[2:-1]]
    ends = list(accumulate(sizes, initial=1 + 3 + 5))  # ends[n]: layers up to `features[n + 1]`
    assert ends[10] == 98 < 100 < ends[11]  # the 99th and 100th expand, and normalise that
    parts = (
        *(f"backbone.features.{block}." for block in range(12)),
        "backbone.features.12.conv.0.",
    )
    assert frozen == [name for name, _ in model.named_parameters() if name.startswith(parts)]


def test_frozen_parts_do_not_learn_their_statistics() -> None:
    model = tiny("mobilenet_hybrid-0", frozen="first_100").train()
    before = {name: value.clone() for name, value in model.named_buffers()}
    model(drawn(model.config, 4))
    changed = {
        name for name, value in model.named_buffers() if not torch.equal(before[name], value)
    }
    assert not [name for name in changed if name.startswith("backbone.features.11.")]
    assert not [name for name in changed if name.startswith("backbone.features.12.conv.0.")]
    assert [name for name in changed if name.startswith("backbone.features.12.conv.1.")]
    model.eval().train()
    assert not model.backbone.features[3].training
    frozen = tiny("mobilenet_hybrid-0", frozen="all")
    assert not any(parameter.requires_grad for parameter in frozen.backbone.parameters())
    assert frozen.dense.weight.requires_grad


def test_pretrained_weights_are_torchvisions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real loading, of a file where torchvision keeps what it has downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    theirs = mobilenet_v2().state_dict()
    name = MobileNet_V2_Weights.IMAGENET1K_V2.url.rpartition("/")[2]
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(theirs, tmp_path / "hub" / "checkpoints" / name)
    config = MobileNetHybridConfig(pretrained_backbone=True, frozen="first_100")
    model = MobileNetHybridForVideoClassification(config)
    for key, value in model.backbone.state_dict().items():
        assert torch.equal(value, theirs[key]), key

    model.backbone.features[0][0].weight.data.zero_()
    model.save_pretrained(tmp_path / "trained")
    again = AutoModelForVideoClassification.from_pretrained(tmp_path / "trained")
    assert not again.backbone.features[0][0].weight.any()  # the checkpoint's, not ImageNet's
    assert not again.backbone.features[0][0].weight.requires_grad


def test_without_a_network_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: Any, **__: Any) -> Any:
        raise socket.gaierror("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(ModelError, match="Use pretrained_backbone=False, or put that file into"):
        MobileNetHybridForVideoClassification(MobileNetHybridConfig(pretrained_backbone=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frozen": "half"}, "Choose one of: none, first_100, all"),
        ({"num_channels": 2}, "1 or 3 channels, got num_channels=2"),
        ({"pretrained_backbone": True, "width": 0.5}, "for width=1, got width=0.5"),
        ({"backbone_size": 0}, "backbone_size to be a whole number"),
        ({"num_frames": None}, "num_frames to be a whole number"),
    ],
)
def test_impossible_settings_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        MobileNetHybridConfig(**arguments)
