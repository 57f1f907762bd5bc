"""Configuration of ApexME."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from equime_hub.models.configuration_fixed import IMAGENET, FixedConfig


class ApexMEConfig(FixedConfig):
    """ApexME of MiE-X (Liu et al. 2022), as `one_pic` of their release (`MER/Model/Model_GAN.py`).

    ResNet-18 → mean over all places → Dense 128 → ReLU → Dropout → Dense 32 → ReLU → Dropout →
    Dense K: 11,246,403 parameters for three classes. Its input is the apex frame.

    Attributes:
        hidden_sizes: Widths of the dense layers between the pooled features and the classes.
        dropout: Share dropped after each of them, in [0, 1).
        pretrained_backbone: Start from torchvision's ImageNet weights, as the authors do. They are
            downloaded when a new model is made, never by `from_pretrained`.

    Raises:
        ModelError: A size below 1, or no number of frames.
    """

    model_type: ClassVar[str] = "equime_apexme"
    inputs: ClassVar[dict[str, Any]] = {"sampling": "apex", **IMAGENET}
    layouts: ClassVar[tuple[str, ...]] = ("as_released",)
    sizes: ClassVar[tuple[str, ...]] = ("hidden_sizes",)

    num_frames: int | None = 1
    image_size: int = 224
    hidden_sizes: Sequence[int] = (128, 32)
    dropout: float = 0.5
    pretrained_backbone: bool = False
