"""Configuration of ResNet3D."""

from __future__ import annotations

from typing import Any, ClassVar

from equime_hub.models.configuration_fixed import FixedConfig


class ResNet3DConfig(FixedConfig):
    """ResNet3D, a baseline of EquiME's release (`train_mevlm.py`, `build_model`).

    Conv3D 64 7³ stride 2 → BN → ReLU → MaxPool 3³ stride 2 → two residual blocks each of 64, 128
    and 256 channels, the last two pairs with stride 2 → mean over all places → Dropout → Dense K.
    Every convolution has a bias and `same` padding as in Keras; a shortcut that changes the shape
    is Conv3D 1³ → BN. As Keras counts (running means and variances too), 10,344,131 parameters as
    released and 8,258,691 as `conv3d`, for three classes and 96 gray frames.

    Attributes:
        layout: `as_released` (what the script trains, frames as channels) or `conv3d` (what was
            meant, a convolution over time).
        filters: Channels of the first blocks; each pair doubles them.
        dropout: Share dropped before the classifier, in [0, 1).
        batch_norm_eps: Added to the variance; Keras's default.
        batch_norm_momentum: Weight of a new batch in the running statistics; 1 minus Keras's.
    """

    model_type: ClassVar[str] = "equime_resnet3d"
    inputs: ClassVar[dict[str, Any]] = {"standardize": True}
    sizes: ClassVar[tuple[str, ...]] = ("filters",)

    num_frames: int | None = 96
    num_channels: int = 1
    image_size: int = 64
    filters: int = 64
    dropout: float = 0.5
    batch_norm_eps: float = 1e-3
    batch_norm_momentum: float = 0.01
