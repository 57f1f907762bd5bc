"""STSTNet."""

from __future__ import annotations

import torch
from torch import nn

from equime_hub.models.modeling_fixed import FixedModel
from equime_hub.models.ststnet.configuration_ststnet import STSTNetConfig


class STSTNetForVideoClassification(FixedModel):
    """STSTNet as a classifier; `STSTNetConfig` says what it is made of.

    Several fields a clip are stacked as channels.
    """

    config_class = STSTNetConfig
    config: STSTNetConfig

    def __init__(self, config: STSTNetConfig) -> None:
        super().__init__(config)
        self.streams = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(config.volume_channels, filters, 3, padding=2),
                nn.ReLU(),
                nn.BatchNorm2d(filters),
                nn.MaxPool2d(3, stride=3, padding=1),
                nn.Dropout(config.dropout),
            )
            for filters in config.filters
        )
        self.classifier = self.last_layer(sum(config.filters) * config.places**2)
        self.post_init()

    def features(self, videos: torch.Tensor) -> torch.Tensor:
        """What the classifier is given: B×T×C×H×W → B×F."""
        fields = videos.flatten(1, 2)
        together = torch.cat([stream(fields) for stream in self.streams], 1)
        return nn.functional.avg_pool2d(together, 2).flatten(1)

    def _init_weights(self, module: nn.Module) -> None:
        """As torch and the authors do it."""
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.reset_parameters()
        else:
            super()._init_weights(module)
