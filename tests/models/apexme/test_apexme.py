"""ApexME: its layers, its size, and where its first weights come from."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import resnet18 as torchvision_resnet18
from transformers import AutoModelForVideoClassification

from equime_hub.errors import ModelError
from equime_hub.models.apexme.configuration_apexme import ApexMEConfig
from equime_hub.models.apexme.modeling_apexme import ApexMEForVideoClassification
from tests.support.apexme_written_out import classifier, liven, resnet18

THREE: dict[str, Any] = {"num_labels": 3}


def test_parameters_are_those_of_the_table() -> None:
    with torch.device("meta"):
        model = ApexMEForVideoClassification(ApexMEConfig(**THREE))
    assert model.num_parameters() == 11_246_403


@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_what_is_written_out(channels: int) -> None:
    config = ApexMEConfig(**THREE, image_size=32, num_channels=channels, hidden_sizes=[6, 5])
    model = ApexMEForVideoClassification(config).double().eval()
    liven(model)
    videos = torch.rand(2, 1, channels, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        weights = model.state_dict()
        expected = classifier(weights, resnet18(weights, "backbones.0.", videos[:, 0]))
        assert torch.allclose(model(videos).logits, expected, atol=1e-9)
    assert expected.std() > 1e-3


def test_new_weights_keep_activations_in_range() -> None:
    """Transformers' own first weights, normal with 0.02, would let them vanish."""
    model = ApexMEForVideoClassification(ApexMEConfig(image_size=64))
    weights = model.state_dict()
    first = weights["backbones.0.layer1.0.conv1.weight"]
    assert float(first.std()) == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)
    assert float(weights["classifier.0.weight"].abs().max()) <= 512**-0.5


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"num_frames": None}, "num_frames to be a whole number from 1 on, got None"),
        ({"num_frames": 0}, "num_frames to be a whole number from 1 on, got 0"),
        ({"image_size": 0}, "image_size to be a whole number from 1 on, got 0"),
        ({"hidden_sizes": [6, 0]}, r"hidden_sizes to be whole numbers from 1 on, got \[6, 0\]"),
        ({"layout": "sideways"}, "has no layout 'sideways'"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        ApexMEConfig(**wrong)


def test_any_number_of_dense_layers() -> None:
    model = ApexMEForVideoClassification(ApexMEConfig(hidden_sizes=[4], image_size=32))
    assert [layer.out_features for layer in model.classifier[::3]] == [4, 5]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torch keeps what it downloaded; empty. No name can be looked up."""

    def offline(*rest: object, **more: object) -> None:
        raise socket.gaierror("no network")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch/hub/checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_imagenet_weights_are_taken_once(store: Path, tmp_path: Path) -> None:
    trained = torchvision_resnet18()
    file = store / "resnet18-f37072fd.pth"
    torch.save(trained.state_dict(), file)
    config = ApexMEConfig(**THREE, image_size=64, pretrained_backbone=True)
    model = ApexMEForVideoClassification(config)
    expected = trained.state_dict()
    for name, value in model.backbones[0].state_dict().items():
        assert torch.equal(value, expected[name])

    # What was trained further comes back, and nothing is looked for on the network.
    first = "backbones.0.conv1.weight"
    model.state_dict()[first].add_(1)
    model.save_pretrained(tmp_path / "model")
    file.unlink()
    again = AutoModelForVideoClassification.from_pretrained(tmp_path / "model")
    assert again.config.pretrained_backbone
    assert torch.equal(again.state_dict()[first], model.state_dict()[first])


def test_without_a_network_it_says_what_to_do(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ApexMEConfig(pretrained_backbone=True)
    with pytest.raises(ModelError, match=r"cannot be downloaded from https.*pretrained_backbone=F"):
        ApexMEForVideoClassification(config)
    assert capsys.readouterr().out == ""


def test_imagenet_weights_are_for_colour(store: Path) -> None:
    torch.save(torchvision_resnet18().state_dict(), store / "resnet18-f37072fd.pth")
    config = ApexMEConfig(num_channels=1, pretrained_backbone=True)
    with pytest.raises(ModelError, match=r"do not fit the network of frame 0.*num_channels=3"):
        ApexMEForVideoClassification(config)
