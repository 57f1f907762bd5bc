"""A tiny configuration of every model, and of every layout that a model has."""

from __future__ import annotations

import copy
import functools
from typing import Any

import torch

from equime_hub.models import MODELS
from equime_hub.models.configuration import MicroExpressionConfig
from equime_hub.models.processing import MicroExpressionVideoProcessor

_CONV = {"image_size": 12, "num_frames": 6, "filters": 3, "hidden_size": 5}
_MOBILE = {"backbone_size": 32, "width": 0.1, "hidden_size": 16}
_ENCODER = {
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 6,
}

TINY: dict[str, tuple[dict[str, Any], ...]] = {
    "stcnn": (
        {**_CONV},
        {**_CONV, "layout": "conv3d"},
        {**_CONV, "layout": "micro_exp_stcnn", "num_frames": 18},
    ),
    "simple3dcnn": ({**_CONV}, {**_CONV, "layout": "conv3d"}),
    "resnet3d": (
        {"image_size": 20, "num_frames": 6, "filters": 3},
        {"image_size": 20, "num_frames": 6, "filters": 3, "layout": "conv3d"},
    ),
    "mobilenet_hybrid": (
        {"image_size": 32, **_MOBILE},
        {"image_size": 12, "num_frames": 5, "num_channels": 1, **_MOBILE},
    ),
    "dtscnn": (
        {"image_size": 16, "num_frames": 8, "short_frames": 4, "filters": 2, "num_layers": 2},
    ),
    "apexme": ({"image_size": 32},),
    "branches": ({"image_size": 32},),
    "ststnet": ({"image_size": 12}, {"image_size": 12, "num_frames": 2, "filters": (2, 3)}),
    "evolution": ({"image_size": 8, **_ENCODER}, {"image_size": 8, **_ENCODER, "pooling": "cls"}),
}
"""Name → arguments of its configuration; the first are nearest to the defaults."""

CASES = [
    f"{name}-{index}" for name in MODELS.names() for index in range(len(TINY.get(name, ((),))))
]
"""One a configuration, such as "stcnn-1"; a model that has none in `TINY` gets a failing one."""


PROCESSING: dict[str, dict[str, Any]] = {
    "mobilenet_hybrid-1": {"sampling": "uniform", "do_normalize": False, "standardize": True},
    "ststnet-1": {"sampling": "uniform"},
}
"""Case → arguments of its video processor where they are not the model's own."""


def tiny_config(case: str, **more: Any) -> MicroExpressionConfig:
    name, _, index = case.rpartition("-")
    config: MicroExpressionConfig = MODELS.get(name).config_class(
        **{"num_labels": 3, **TINY[name][int(index)], **more}
    )
    return config


def tiny_processor(case: str, **more: Any) -> MicroExpressionVideoProcessor:
    return MicroExpressionVideoProcessor.for_config(
        tiny_config(case), **{**PROCESSING.get(case, {}), **more}
    )


def tiny(case: str, **more: Any) -> Any:
    """The model with weights drawn from the seed 0, in eval mode."""
    return copy.deepcopy(_made(case)) if not more else made(case, **more)


def made(case: str, seed: int = 0, **more: Any) -> Any:
    """Like `tiny`, with weights drawn again, from `seed`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = MODELS.get(case.rpartition("-")[0])(tiny_config(case, **more))
    return model.eval()


_made = functools.cache(made)
"""ResNet-18 cannot be made tiny, and to draw its weights takes longer than all that is tested."""


def drawn(config: MicroExpressionConfig, count: int = 2, frames: int = 9) -> torch.Tensor:
    """Clips of noise in [0, 1], B×T×C×H×W; `frames` of them if the model takes any number."""
    side = config.image_size
    shape = (count, config.num_frames or frames, config.num_channels, side, side)
    return torch.rand(shape, generator=torch.Generator().manual_seed(count))
