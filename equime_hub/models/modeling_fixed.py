"""What models share that need a fixed number of frames and were first written in Keras."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import initialization as init

from equime_hub.errors import ModelError
from equime_hub.models.modeling import MicroExpressionModel


class FixedModel(MicroExpressionModel):
    """A model that reads every frame it is given, so a padded clip is refused.

    So is gradient checkpointing: the networks are small or shallow, and batch normalisation would
    count a batch twice.

    First weights are Keras's: Glorot's uniform ones, and biases of 0. Those of 2-D convolutions
    are He's normal ones, which keep what passes through MobileNetV2's channels one by one alive.
    """

    classifier: Any

    def features(self, videos: torch.Tensor) -> torch.Tensor:
        """What the classifier is given: B×T×C×H×W → B×F."""
        raise NotImplementedError

    def scores(self, videos: torch.Tensor) -> torch.Tensor:
        """Scores of the classes before softmax: B×T×C×H×W → B×K."""
        scores: torch.Tensor = self.classifier(self.features(videos))
        return scores

    def logits(self, videos: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Scores of the classes before softmax.

        Raises:
            ModelError: A mask that is false somewhere.
        """
        if mask is not None and not mask.all():
            raise ModelError(
                f"{type(self).__name__} reads all its {self.config.num_frames} frames, but "
                f"frame_mask hides {int((~mask).sum())} of them. Give its video "
                "processor the same num_frames, and every clip gets that many."
            )
        return self.scores(videos)

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Conv3d):
            init.xavier_uniform_(module.weight)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.Conv2d):
            init.kaiming_normal_(module.weight)
        else:
            super()._init_weights(module)  # type: ignore[no-untyped-call]


def volume(videos: torch.Tensor, layout: str) -> torch.Tensor:
    """Clips as a 3-D convolution takes them.

    The released script gives Keras 1×64×64×96 with channels last, so a clip is one image of 96
    channels there; `conv3d` is what was meant.

    Args:
        videos: B×T×C×H×W.
        layout: "as_released" for B×TC×1×H×W, others for B×C×T×H×W.
    """
    if layout == "as_released":
        return videos.flatten(1, 2).unsqueeze(2)
    return videos.transpose(1, 2)


def same(volume: torch.Tensor, kernel: int, stride: int, fill: float = 0.0) -> torch.Tensor:
    """Pad B×C×T×H×W for a window, as Keras does for `padding="same"`.

    The output has ⌈size / stride⌉ places, and an odd padding has its larger half behind.
    """
    pads: list[int] = []
    for size in reversed(volume.shape[2:]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    return nn.functional.pad(volume, pads, value=fill)


def max_pool(volume: torch.Tensor, kernel: int, stride: int) -> torch.Tensor:
    """Keras's MaxPooling3D with `padding="same"`."""
    padded = same(volume, kernel, stride, float("-inf"))
    return nn.functional.max_pool3d(padded, kernel, stride)
