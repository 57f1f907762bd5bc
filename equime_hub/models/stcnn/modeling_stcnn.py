"""ST-CNN: one 3-D convolution and two dense layers."""

from __future__ import annotations

import math

import torch
from torch import nn

from equime_hub.models.modeling_fixed import FixedModel, max_pool, volume
from equime_hub.models.stcnn.configuration_stcnn import STCNNConfig


class STCNNForVideoClassification(FixedModel):
    """ST-CNN as a classifier; `STCNNConfig` says what it is made of."""

    config_class = STCNNConfig
    config: STCNNConfig

    def __init__(self, config: STCNNConfig) -> None:
        super().__init__(config)
        kernel, padding = (3, 3, 3), 1
        if config.layout == "micro_exp_stcnn":
            kernel, padding = (15, 3, 3), 0
        self.conv = nn.Conv3d(config.volume_channels, config.filters, kernel, padding=padding)
        self.dropout = nn.Dropout(config.dropout)
        self.dense = nn.Linear(config.filters * math.prod(config.pooled), config.hidden_size)
        self.classifier = self.last_layer(config.hidden_size)
        self.post_init()

    def features(self, videos: torch.Tensor) -> torch.Tensor:
        """What the classifier is given: B×T×C×H×W → B×F."""
        layout = self.config.layout
        maps = self.conv(volume(videos, layout)).relu()
        if layout == "micro_exp_stcnn":
            maps = nn.functional.max_pool3d(maps, 3)
        else:
            maps = max_pool(maps, 2, 2)
        hidden = self.dense(self.dropout(maps).flatten(1)).relu()
        dropped: torch.Tensor = self.dropout(hidden)
        return dropped
