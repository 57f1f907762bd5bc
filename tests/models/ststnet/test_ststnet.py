"""STSTNet: its layers and its size."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from equime_hub.errors import ModelError
from equime_hub.models.ststnet.configuration_ststnet import STSTNetConfig
from equime_hub.models.ststnet.modeling_ststnet import STSTNetForVideoClassification
from tests.support.apexme_written_out import liven

THREE: dict[str, Any] = {"num_labels": 3}

Array = npt.NDArray[np.float64]


def test_parameters_are_those_of_the_table() -> None:
    model = STSTNetForVideoClassification(STSTNetConfig(**THREE))
    assert sum(p.numel() for p in model.parameters()) == 1_683


def stream(weights: dict[str, Array], name: str, field: Array) -> Array:
    """One stream on C×S×S: convolution with a border of 2, ReLU, normalisation, pooling."""
    padded = np.pad(field, ((0, 0), (2, 2), (2, 2)))
    side = field.shape[1] + 2
    found = np.zeros((len(weights[f"{name}.0.bias"]), side, side))
    for y in range(side):
        for x in range(side):
            window = padded[:, y : y + 3, x : x + 3]
            found[:, y, x] = (weights[f"{name}.0.weight"] * window).sum((1, 2, 3))
    found = np.maximum(found + weights[f"{name}.0.bias"][:, None, None], 0)
    mean, variance, factor, shift = (
        weights[f"{name}.2.{part}"][:, None, None]
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    found = (found - mean) / np.sqrt(variance + 1e-5) * factor + shift
    bordered = np.pad(found, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    places = (side + 2 - 3) // 3 + 1
    pooled = [
        [bordered[:, 3 * y : 3 * y + 3, 3 * x : 3 * x + 3].max((1, 2)) for x in range(places)]
        for y in range(places)
    ]
    return np.array(pooled).transpose(2, 0, 1)


@pytest.mark.parametrize("side", [12, 28])
def test_it_is_what_is_written_out(side: int) -> None:
    config = STSTNetConfig(**THREE, image_size=side)
    model = STSTNetForVideoClassification(config).double().eval()
    liven(model)
    videos = torch.randn(2, 1, 3, side, side, dtype=torch.float64)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    for video, answer in zip(videos.numpy(), model(videos).logits.detach().numpy(), strict=True):
        maps = np.concatenate([stream(weights, f"streams.{i}", video[0]) for i in range(3)])
        half = maps.shape[1] // 2
        maps = maps[:, : 2 * half, : 2 * half].reshape(16, half, 2, half, 2).mean((2, 4))
        expected = weights["classifier.weight"] @ maps.ravel() + weights["classifier.bias"]
        np.testing.assert_allclose(answer, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"num_frames": None}, "num_frames to be a whole number from 1 on, got None"),
        ({"num_channels": 0}, "num_channels to be a whole number from 1 on, got 0"),
        ({"filters": []}, r"filters to be whole numbers from 1 on, got \[\]"),
        ({"image_size": 1}, "at least 2×2 pixels, got 1"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        STSTNetConfig(**wrong)


def test_the_smallest_field_there_is() -> None:
    model = STSTNetForVideoClassification(STSTNetConfig(**THREE, image_size=2)).eval()
    assert model(torch.rand(1, 1, 3, 2, 2)).logits.isfinite().all()
