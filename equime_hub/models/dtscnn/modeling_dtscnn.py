"""DTSCNN: two shallow 3-D networks that see optical flow at two temporal scales."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from equime_hub.models.dtscnn.configuration_dtscnn import DTSCNNConfig
from equime_hub.models.modeling_fixed import FixedModel, max_pool, volume


class DTSCNNForVideoClassification(FixedModel):
    """DTSCNN as a classifier; `DTSCNNConfig` says what it is made of and what is guessed."""

    config_class = DTSCNNConfig
    config: DTSCNNConfig

    def __init__(self, config: DTSCNNConfig) -> None:
        super().__init__(config)
        self.long = Stream(config)
        self.short = Stream(config)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = self.last_layer(2 * self.long.width)
        self.post_init()

    def features(self, videos: torch.Tensor) -> torch.Tensor:
        """What both streams make of clips, for the classifier or, in evaluation, for an SVM.

        Args:
            videos: B×T×C×H×W, u, v and strain, as the video processor makes them.

        Returns:
            B×2F: the long scale's first.
        """
        flow = volume(videos[:, :, : self.config.flow_channels], self.config.layout)
        side = flow.shape[-1]
        # The mean of flows in a row is their sum up to a factor: the flow at the longer step.
        short = nn.functional.adaptive_avg_pool3d(flow, (self.config.short_frames, side, side))
        dropped: torch.Tensor = self.dropout(torch.cat([self.long(flow), self.short(short)], 1))
        return dropped


class Stream(nn.Module):
    """Convolutions, each with ReLU and pooling, and the mean over all places."""

    def __init__(self, config: DTSCNNConfig) -> None:
        super().__init__()
        widths = [
            config.flow_channels,
            *(config.filters << layer for layer in range(config.num_layers)),
        ]
        self.width = widths[-1]
        self.convs = nn.ModuleList(
            nn.Conv3d(narrow, wide, config.kernel_size, padding=config.kernel_size // 2)
            for narrow, wide in pairwise(widths)
        )

    def forward(self, flow: torch.Tensor) -> torch.Tensor:
        """B×C×T×H×W → B×F."""
        for conv in self.convs:
            flow = max_pool(conv(flow).relu(), 2, 2)
        return flow.mean((2, 3, 4))
