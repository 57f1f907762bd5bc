"""Configuration of STSTNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from equime_hub.errors import ModelError
from equime_hub.models.configuration_fixed import FixedConfig


class STSTNetConfig(FixedConfig):
    """STSTNet (Liong et al., FG 2019) as in the authors' Python release (`main.py`).

    Three streams of Conv2D 3² with padding 2 → ReLU → BN → MaxPool 3² → Dropout, joined → mean
    pooling 2² → Dense K: 1,683 parameters for three classes. Its input is one field from onset to
    apex: horizontal and vertical flow, and optical strain.

    Attributes:
        filters: Channels of each stream.
        dropout: Share dropped at the end of each stream, in [0, 1).

    Raises:
        ModelError: A size below 1 (an image below 2), or no number of frames.
    """

    model_type: ClassVar[str] = "equime_ststnet"
    inputs: ClassVar[dict[str, Any]] = {"sampling": "onset_apex", "input_kind": "flow"}
    layouts: ClassVar[tuple[str, ...]] = ("as_released",)
    sizes: ClassVar[tuple[str, ...]] = ("filters",)

    num_frames: int | None = 1
    image_size: int = 28
    filters: Sequence[int] = (3, 5, 8)
    dropout: float = 0.5

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        if self.places < 1:
            raise ModelError(f"STSTNet pools fields of at least 2×2 pixels, got {self.image_size}.")

    @property
    def places(self) -> int:
        """Height and width after pooling."""
        # A side grows by 2 in the convolution, then a third of it is left, then half of that.
        return ((self.image_size + 1) // 3 + 1) // 2
