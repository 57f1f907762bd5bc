"""Configuration of ST-CNN."""

from __future__ import annotations

from typing import Any, ClassVar

from equime_hub.errors import ModelError
from equime_hub.models.configuration_fixed import FixedConfig


class STCNNConfig(FixedConfig):
    """ST-CNN, the "original" baseline of EquiME's release (`train_mevlm.py`, `build_model`).

    Conv3D 32 3³ → ReLU → MaxPool 2³ → Dropout → Dense 128 → ReLU → Dropout → Dense K. Layouts:

    - `as_released`: what the script trains, frames as channels; 4,277,795 parameters for three
      classes, 96 gray frames of 64².
    - `conv3d`: what was meant, a convolution over time; 201,328,003.
    - `micro_exp_stcnn`: the network that it was taken from (MicroExpSTCNN, Reddy et al. 2019):
      kernels of 3×3 pixels and 15 frames, no padding, pooling 3³; 44,241,667.

    The script standardises its whole data at once and then cuts the result to bytes; here the
    processor standardises each clip, in float. The script takes the first 96 frames and fills short
    clips with black ones; `for_config(config, sampling="first", pad="zero")` does that, where the
    default covers the whole clip. MicroExpSTCNN takes frames 72 to 167:
    `indices=list(range(72, 168))`.

    Attributes:
        layout: See above.
        filters: Channels of the convolution.
        hidden_size: Width of the dense layer.
        dropout: Share dropped, in [0, 1), after pooling and after the dense layer.

    Raises:
        ModelError: An unknown layout, a size below 1, or a clip smaller than a kernel.
    """

    model_type: ClassVar[str] = "equime_stcnn"
    inputs: ClassVar[dict[str, Any]] = {"standardize": True}
    layouts: ClassVar[tuple[str, ...]] = ("as_released", "conv3d", "micro_exp_stcnn")
    sizes: ClassVar[tuple[str, ...]] = ("filters", "hidden_size")

    num_frames: int | None = 96
    num_channels: int = 1
    image_size: int = 64
    filters: int = 32
    hidden_size: int = 128
    dropout: float = 0.5

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        if min(self.pooled) < 1:
            raise ModelError(
                f"Layout {self.layout!r} needs at least 17 frames of 5×5 pixels, "
                f"got {self.num_frames} of {self.image_size}×{self.image_size}."
            )

    @property
    def pooled(self) -> tuple[int, int, int]:
        """Depth, height and width after pooling."""
        depth, side = self.num_frames or 1, self.image_size
        if self.layout == "micro_exp_stcnn":
            return (depth - 14) // 3, (side - 2) // 3, (side - 2) // 3
        depth = 1 if self.layout == "as_released" else depth
        return -(-depth // 2), -(-side // 2), -(-side // 2)
