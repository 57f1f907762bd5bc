from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from equime_hub.errors import ModelError
from equime_hub.models.stcnn.configuration_stcnn import STCNNConfig
from tests.support.counting import keras_count
from tests.support.tiny_inputs import drawn, tiny

Array = npt.NDArray[np.float64]


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({}, 4_277_795),
        ({"num_labels": 5}, 4_278_053),
        ({"num_frames": 2}, 4_196_579),
        ({"layout": "conv3d"}, 201_328_003),
        ({"layout": "micro_exp_stcnn"}, 44_241_667),
    ],
)
def test_as_many_parameters_as_published(arguments: dict[str, Any], count: int) -> None:
    assert keras_count("stcnn", **arguments) == count


def windows(volume: Array, kernel: tuple[int, int, int], fill: float | None) -> Array:
    """C×D×H×W → C×D'×H'×W'×kernel; with a fill, as many places as before."""
    if fill is not None:
        reach = [(0, 0), *((size // 2, size // 2) for size in kernel)]
        volume = np.pad(volume, reach, constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(volume, kernel, axis=(1, 2, 3))


def pooled(volume: Array, size: int, whole: bool) -> Array:
    """The largest of each cube; cubes that stick out are left out unless `whole`."""
    shape = [-(-n // size) if whole else n // size for n in volume.shape[1:]]
    out = np.empty((len(volume), *shape))
    for place in np.ndindex(*shape):
        cube = tuple(slice(size * i, size * i + size) for i in place)
        out[(slice(None), *place)] = volume[(slice(None), *cube)].max((1, 2, 3))
    return out


@pytest.mark.parametrize("case", ["stcnn-0", "stcnn-1", "stcnn-2", "simple3dcnn-0"])
def test_scores_by_hand(case: str) -> None:
    model = tiny(case, image_size=11, num_channels=2)
    videos = drawn(model.config, 2)
    weights = {name: value.double().numpy() for name, value in model.state_dict().items()}
    layout = model.config.layout
    expected = []
    for clip in videos.double().numpy():
        if layout == "as_released":
            volume = clip.reshape(-1, 1, *clip.shape[2:])
        else:
            volume = clip.transpose(1, 0, 2, 3)
        valid = layout == "micro_exp_stcnn"
        kernel = (15, 3, 3) if valid else (3, 3, 3)
        seen = windows(volume, kernel, None if valid else 0.0)
        maps = np.einsum("cdhwijk,ocijk->odhw", seen, weights["conv.weight"])
        maps = np.maximum(maps + weights["conv.bias"][:, None, None, None], 0)
        hidden = pooled(maps, 3 if valid else 2, not valid).reshape(-1)
        hidden = np.maximum(weights["dense.weight"] @ hidden + weights["dense.bias"], 0)
        expected.append(weights["classifier.weight"] @ hidden + weights["classifier.bias"])
    with torch.no_grad():
        found = model(videos).logits.numpy()
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-4, atol=1e-5)


def test_as_released_mixes_all_frames_at_once() -> None:
    """A frame is a channel there, so two frames change places with their weights."""
    model = tiny("stcnn-0")
    videos = drawn(model.config)
    shown = model(videos).logits
    order = torch.tensor([3, 1, 2, 0, 4, 5])
    assert not torch.allclose(model(videos[:, order]).logits, shown, atol=1e-5)
    model.conv.weight.data = model.conv.weight.data[:, order]
    assert torch.allclose(model(videos[:, order]).logits, shown, atol=1e-5)


def test_first_weights_are_keras_own() -> None:
    model = tiny("stcnn-1", filters=16)
    limit = (6 / (27 + 27 * 16)) ** 0.5  # Glorot & Bengio 2010
    assert 0.95 * limit < model.conv.weight.abs().max().item() <= limit
    assert not model.conv.bias.any()


def test_dropout_is_twice_in_training() -> None:
    model = tiny("stcnn-0").train()
    rates: list[float] = []
    model.dropout.register_forward_hook(
        lambda module, given, made: rates.append((made == 0).sum().item() / (given[0] == 0).numel())
    )
    model(drawn(model.config, 64))
    assert len(rates) == 2
    assert all(rate > 0.4 for rate in rates)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_frames": None}, "num_frames to be a whole number from 1 on, got None"),
        ({"filters": 0}, "filters to be a whole number from 1 on, got 0"),
        ({"hidden_size": 2.5}, "hidden_size to be a whole number from 1 on, got 2.5"),
        ({"layout": "micro_exp_stcnn", "num_frames": 16}, "at least 17 frames of 5×5"),
        ({"layout": "micro_exp_stcnn", "image_size": 4}, "got 96 of 4×4"),
        ({"layout": "channels_last"}, "as_released, conv3d, micro_exp_stcnn"),
    ],
)
def test_impossible_settings_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        STCNNConfig(**arguments)
