"""ResNet-18 (He et al. 2016) from its weights, in plain functions."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn.functional import batch_norm, conv2d, max_pool2d

Weights = Mapping[str, torch.Tensor]


def liven(model: torch.nn.Module) -> None:
    """Give batch normalisation statistics and factors that it could not do without."""
    draw = torch.Generator().manual_seed(5)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            values = module.state_dict()
            for name in ("running_mean", "bias"):
                values[name].normal_(0, 0.1, generator=draw)
            for name in ("running_var", "weight"):
                values[name].uniform_(0.5, 1.5, generator=draw)


def resnet18(weights: Weights, prefix: str, frames: torch.Tensor) -> torch.Tensor:
    """B×C×H×W → B×512."""

    def conv(x: torch.Tensor, name: str, norm: str, stride: int, padding: int) -> torch.Tensor:
        x = conv2d(x, weights[f"{prefix}{name}.weight"], stride=stride, padding=padding)
        mean, variance, factor, shift = (
            weights[f"{prefix}{norm}.{part}"]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return batch_norm(x, mean, variance, factor, shift)

    x = max_pool2d(conv(frames, "conv1", "bn1", 2, 3).relu(), 3, 2, 1)
    for stage in (1, 2, 3, 4):
        for block in (0, 1):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            y = conv(x, f"{name}.conv1", f"{name}.bn1", stride, 1).relu()
            y = conv(y, f"{name}.conv2", f"{name}.bn2", 1, 1)
            if stride == 2:
                x = conv(x, f"{name}.downsample.0", f"{name}.downsample.1", 2, 0)
            x = (x + y).relu()
    return x.mean((2, 3))


def classifier(weights: Weights, features: torch.Tensor) -> torch.Tensor:
    """Dense, ReLU, dense, ReLU, dense."""
    for layer in (0, 3, 6):
        matrix, bias = (weights[f"classifier.{layer}.{part}"] for part in ("weight", "bias"))
        features = features @ matrix.T + bias
        features = features if layer == 6 else features.clamp(min=0)
    return features
