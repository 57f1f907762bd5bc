"""ApexME, and with more than one frame Branches."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torchvision.models import ResNet18_Weights, resnet18

from equime_hub.models.apexme.configuration_apexme import ApexMEConfig
from equime_hub.models.modeling_fixed import FixedModel
from equime_hub.models.pretrained import start_from

FEATURES = 512
"""Channels that ResNet-18 ends with."""


class ApexMEForVideoClassification(FixedModel):
    """A ResNet-18 a frame that shares nothing with the others, and a classifier on all of them.

    Raises:
        ModelError: The pretrained weights do not fit, or cannot be had.
    """

    config_class = ApexMEConfig
    config: ApexMEConfig

    def __init__(self, config: ApexMEConfig) -> None:
        super().__init__(config)
        self.backbones = nn.ModuleList(
            _resnet18(config.num_channels) for _ in range(config.num_frames or 1)
        )
        widths = [FEATURES * len(self.backbones), *config.hidden_sizes]
        self.classifier = nn.Sequential()
        for width, narrower in pairwise(widths):
            self.classifier.extend(
                [nn.Linear(width, narrower), nn.ReLU(), nn.Dropout(config.dropout)]
            )
        self.classifier.append(self.last_layer(widths[-1]))
        self.post_init()
        if config.pretrained_backbone:
            named = {f"network of frame {i}": network for i, network in enumerate(self.backbones)}
            start_from(named, ResNet18_Weights.IMAGENET1K_V1)

    def features(self, videos: torch.Tensor) -> torch.Tensor:
        """What the classifier is given: B×T×C×H×W → B×F."""
        pairs = zip(self.backbones, videos.unbind(1), strict=True)
        return torch.cat([network(frames) for network, frames in pairs], 1)

    def _init_weights(self, module: nn.Module) -> None:
        """Convolutions as torchvision and the authors do it, the rest as torch does."""
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            module.reset_parameters()
        else:
            super()._init_weights(module)


def _resnet18(channels: int) -> nn.Module:
    """Torchvision's, up to the pooled features: B×C×H×W to B×`FEATURES`."""
    network: nn.Module = resnet18()
    network.fc = nn.Identity()
    # Torchvision's is for colour; the ImageNet weights are, too, so only there it stays.
    if channels != 3:
        network.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    return network
