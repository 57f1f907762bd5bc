"""MobileNet hybrid: MobileNetV2 on the middle frame."""

from __future__ import annotations

from typing import Self

import torch
from torch import nn
from torchvision.models import MobileNet_V2_Weights, MobileNetV2

from equime_hub.models.mobilenet_hybrid.configuration_mobilenet_hybrid import (
    MobileNetHybridConfig,
)
from equime_hub.models.modeling_fixed import FixedModel
from equime_hub.models.pretrained import start_from


class MobileNetHybridForVideoClassification(FixedModel):
    """MobileNet hybrid as a classifier; `MobileNetHybridConfig` says what it is made of."""

    config_class = MobileNetHybridConfig
    config: MobileNetHybridConfig

    def __init__(self, config: MobileNetHybridConfig) -> None:
        super().__init__(config)
        self.backbone = MobileNetV2(width_mult=config.width)
        self.backbone.classifier = nn.Sequential()
        self.dropout = nn.Dropout(config.dropout)
        self.dense = nn.Linear(self.backbone.last_channel, config.hidden_size)
        self.classifier = self.last_layer(config.hidden_size)
        self.post_init()
        if config.pretrained_backbone:
            start_from({"MobileNetV2": self.backbone}, MobileNet_V2_Weights.IMAGENET1K_V2)
        self.train()

    def features(self, videos: torch.Tensor) -> torch.Tensor:
        """What the classifier is given: B×T×C×H×W → B×F."""
        frames = videos[:, videos.shape[1] // 2]
        # One gray channel becomes three equal ones; three stay as they are.
        frames = frames.expand(-1, 3, -1, -1)
        side = self.config.backbone_size
        if frames.shape[-1] != side:
            frames = nn.functional.interpolate(frames, (side, side), mode="bilinear")
        hidden = self.dense(self.dropout(self.backbone(frames))).relu()
        dropped: torch.Tensor = self.dropout(hidden)
        return dropped

    def train(self, mode: bool = True) -> Self:
        """Switch between training and use; frozen parts stay in use, as Keras keeps them."""
        super().train(mode)
        # `from_pretrained` makes new parameters, and comes by here at its end.
        for part in self._frozen():
            part.eval().requires_grad_(False)
        return self

    def _frozen(self) -> list[nn.Module]:
        blocks = list(self.backbone.features)
        if self.config.frozen == "first_100":
            return [*blocks[:12], blocks[12].conv[0]]
        return blocks if self.config.frozen == "all" else []
