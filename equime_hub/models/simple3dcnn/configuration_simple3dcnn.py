"""Configuration of Simple3DCNN."""

from __future__ import annotations

from typing import ClassVar

from equime_hub.models.stcnn.configuration_stcnn import STCNNConfig


class Simple3DCNNConfig(STCNNConfig):
    """Simple3DCNN, a baseline of EquiME's release: `STCNNConfig` at half its width.

    1,090,323 parameters as released and 50,332,355 as `conv3d`, for three classes and 96 gray
    frames of 64².
    """

    model_type: ClassVar[str] = "equime_simple3dcnn"
    layouts: ClassVar[tuple[str, ...]] = ("as_released", "conv3d")

    filters: int = 16
    hidden_size: int = 64
    dropout: float = 0.3
