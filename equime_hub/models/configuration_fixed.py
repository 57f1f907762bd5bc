"""What the configurations of models for a fixed number of frames share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from equime_hub.errors import ModelError
from equime_hub.models.configuration import MicroExpressionConfig

IMAGENET: dict[str, Any] = {
    "do_normalize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
}
"""Normalisation that torchvision's ImageNet weights expect, as arguments of a video processor."""


class FixedConfig(MicroExpressionConfig):
    """Configuration of a model that is made for T frames.

    Attributes:
        layout: Which of `layouts` the network has.

    Raises:
        ModelError: An unknown layout, no number of frames, or a size below 1.
    """

    layouts: ClassVar[tuple[str, ...]] = ("as_released", "conv3d")
    """The layouts there are; the first is the default."""
    sizes: ClassVar[tuple[str, ...]] = ()
    """Names of further fields that are whole numbers from 1 on, or several of them."""

    layout: str = "as_released"

    def __post_init__(self, **kwargs: Any) -> None:
        kind = type(self).__name__
        if self.layout not in self.layouts:
            raise ModelError(
                f"{kind} has no layout {self.layout!r}. Choose one of: {', '.join(self.layouts)}."
            )
        for name in ("num_frames", "num_channels", "image_size", *self.sizes):
            value = getattr(self, name)
            several = list(value) if isinstance(value, Sequence) else [value]
            if not several or not all(isinstance(one, int) and one >= 1 for one in several):
                wanted = "whole numbers" if isinstance(value, Sequence) else "a whole number"
                raise ModelError(f"{kind} needs {name} to be {wanted} from 1 on, got {value}.")
        super().__post_init__(**kwargs)

    @property
    def volume_channels(self) -> int:
        """Channels that `modeling_fixed.volume` gives clips: as released, frames are channels."""
        frames = self.num_frames if self.layout == "as_released" else None
        return self.num_channels * (frames or 1)
