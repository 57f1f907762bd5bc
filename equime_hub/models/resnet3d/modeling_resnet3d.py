"""ResNet3D: residual blocks of 3-D convolutions."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from equime_hub.models.modeling_fixed import FixedModel, max_pool, same, volume
from equime_hub.models.resnet3d.configuration_resnet3d import ResNet3DConfig


class ResNet3DForVideoClassification(FixedModel):
    """ResNet3D as a classifier; `ResNet3DConfig` says what it is made of."""

    config_class = ResNet3DConfig
    config: ResNet3DConfig

    def __init__(self, config: ResNet3DConfig) -> None:
        super().__init__(config)
        width = config.filters
        self.stem = ConvNorm(config.volume_channels, width, 7, 2, config)
        # Where a block has twice the channels, it has half the places: its stride is 2.
        self.blocks = nn.Sequential(
            *(
                Block(before * width, after * width, after // before, config)
                for before, after in pairwise((1, 1, 1, 2, 2, 4, 4))
            )
        )
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = self.last_layer(4 * width)
        self.post_init()

    def features(self, videos: torch.Tensor) -> torch.Tensor:
        """What the classifier is given: B×T×C×H×W → B×F."""
        maps = self.stem(volume(videos, self.config.layout)).relu()
        maps = self.blocks(max_pool(maps, 3, 2))
        pooled: torch.Tensor = self.dropout(maps.mean((2, 3, 4)))
        return pooled


class ConvNorm(nn.Module):
    """A convolution with Keras's `same` padding, and batch normalisation."""

    def __init__(
        self, channels: int, filters: int, kernel: int, stride: int, config: ResNet3DConfig
    ) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels, filters, kernel, stride)
        self.norm = nn.BatchNorm3d(filters, config.batch_norm_eps, config.batch_norm_momentum)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """B×C×T×H×W → B×filters×⌈T/stride⌉×⌈H/stride⌉×⌈W/stride⌉."""
        padded = same(maps, self.conv.kernel_size[0], self.conv.stride[0])
        normed: torch.Tensor = self.norm(self.conv(padded))
        return normed


class Block(nn.Module):
    """Two convolutions and a shortcut, which is a convolution where the shape changes."""

    def __init__(self, channels: int, filters: int, stride: int, config: ResNet3DConfig) -> None:
        super().__init__()
        self.first = ConvNorm(channels, filters, 3, stride, config)
        self.second = ConvNorm(filters, filters, 3, 1, config)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != filters:
            self.shortcut = ConvNorm(channels, filters, 1, stride, config)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """B×C×T×H×W → B×filters×⌈T/stride⌉×⌈H/stride⌉×⌈W/stride⌉."""
        changed: torch.Tensor = self.second(self.first(maps).relu())
        kept: torch.Tensor = self.shortcut(maps)
        return (changed + kept).relu()
