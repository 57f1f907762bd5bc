"""A model as another package would add it, in a module with its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch

from equime_hub.models.configuration_fixed import FixedConfig
from equime_hub.models.modeling_fixed import FixedModel


class ToyConfig(FixedConfig):
    """Clips of two gray frames of 8×8."""

    model_type: ClassVar[str] = "toy_brightness"
    layouts: ClassVar[tuple[str, ...]] = ("as_released",)
    num_frames: int | None = 2
    num_channels: int = 1
    image_size: int = 8


class ToyForVideoClassification(FixedModel):
    """How bright each frame is, and one dense layer."""

    config_class = ToyConfig

    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        self.classifier = self.last_layer(2)
        self.post_init()  # type: ignore[no-untyped-call]

    def scores(self, videos: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.classifier(videos.mean((2, 3, 4)))
        return found


class TakenConfig(ToyConfig):
    """Its type is that of a model of Transformers."""

    model_type: ClassVar[str] = "videomae"


def install(folder: Path, name: str, *, model: str = "", configuration: str = "") -> None:
    """What pip would write beside a package whose classes these are."""
    points = {"equime_hub.models": model, "equime_hub.configurations": configuration}
    lines = [f"[{group}]\n{name} = {__name__}:{kind}\n" for group, kind in points.items() if kind]
    write_distribution(folder, "".join(lines))


def write_distribution(folder: Path, entry_points: str) -> None:
    """A package of version 1.0 with entry points, as pip describes it."""
    distribution = folder / "toy-1.0.dist-info"
    distribution.mkdir(parents=True)
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (distribution / "entry_points.txt").write_text(entry_points)
