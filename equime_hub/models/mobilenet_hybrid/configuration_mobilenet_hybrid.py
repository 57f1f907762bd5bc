"""Configuration of the MobileNet hybrid."""

from __future__ import annotations

from typing import Any, ClassVar

from equime_hub.errors import ModelError
from equime_hub.models.configuration_fixed import IMAGENET, FixedConfig


class MobileNetHybridConfig(FixedConfig):
    """MobileNet hybrid, a baseline of EquiME's release (`train_mevlm.py`, `build_model`).

    Frame ⌊T/2⌋ → three channels → 224² → MobileNetV2 → mean over all places → Dropout → Dense 128
    → ReLU → Dropout → Dense K: 2,422,339 parameters for three classes as Keras counts (running
    means and variances too). It sees no motion. MobileNetV2 is torchvision's, whose padding and
    batch normalisation differ a little from Keras's.

    By default it is given that frame alone, in colour and normalised as MobileNetV2 was trained.
    The script gives it 96 standardised gray frames of 64² instead, for which it was not:
    `num_frames=96, num_channels=1, image_size=64`, and
    `for_config(config, sampling="first", pad="zero", do_normalize=False, standardize=True)`.

    Attributes:
        num_channels: 3, or 1 for gray, which is then repeated.
        backbone_size: Height and width that MobileNetV2 is given; other frames are resized.
        width: Channels of MobileNetV2, as a multiple of the published ones.
        hidden_size: Width of the dense layer.
        dropout: Share dropped before each dense layer, in [0, 1).
        pretrained_backbone: Whether a new model starts from torchvision's ImageNet weights, which
            are downloaded once; only with `width=1`.
        frozen: What of MobileNetV2 is not trained, its running statistics neither. "none"; "all";
            or "first_100", the first 100 layers of Keras's, as the script has it: in torchvision
            `features[0]` to `features[11]` (to the end of Keras's block 10) and the expansion
            `features[12].conv[0]` of the next. Only useful with pretrained weights.

    Raises:
        ModelError: A value that is none of these.
    """

    model_type: ClassVar[str] = "equime_mobilenet_hybrid"
    inputs: ClassVar[dict[str, Any]] = {"sampling": "middle", **IMAGENET}
    layouts: ClassVar[tuple[str, ...]] = ("as_released",)
    sizes: ClassVar[tuple[str, ...]] = ("backbone_size", "hidden_size")

    num_frames: int | None = 1
    num_channels: int = 3
    image_size: int = 224
    backbone_size: int = 224
    width: float = 1.0
    hidden_size: int = 128
    dropout: float = 0.5
    pretrained_backbone: bool = False
    frozen: str = "none"

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        if self.num_channels not in (1, 3):
            raise ModelError(
                f"MobileNetV2 sees frames of 1 or 3 channels, got num_channels={self.num_channels}."
            )
        if self.frozen not in ("none", "first_100", "all"):
            raise ModelError(
                f"frozen={self.frozen!r} is unknown. Choose one of: none, first_100, all."
            )
        if self.pretrained_backbone and self.width != 1:
            raise ModelError(
                f"The ImageNet weights are for width=1, got width={self.width}. "
                "Use pretrained_backbone=False."
            )
