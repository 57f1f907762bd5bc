"""Clips of a bright square that goes right, left or up, and models that are right by design.

The ground behind the square gives the class away to whoever reads a still; the square's way does
to whoever reads motion.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from equime_hub.errors import VideoError
from equime_hub.models.configuration import MicroExpressionConfig
from equime_hub.models.modeling import MicroExpressionModel
from equime_hub.models.processing import MicroExpressionVideoProcessor
from equime_hub.models.saved import SavedModel
from equime_hub.training.data.examples import DESCRIBED, Examples
from equime_hub.video.clip import Clip
from equime_hub.video.codec import EncoderConfig, encode
from equime_hub.video.decoder import AvDecoder

CLASSES = ("positive", "negative", "surprise")
GROUND = (40, 70, 100)
SIDE, FRAMES, PEOPLE = 32, 8, 5


def clip(label: int, person: int = 0) -> Clip:
    """A square of 10 pixels that goes one pixel a frame."""
    frames = np.full((FRAMES, SIDE, SIDE, 3), GROUND[label], np.uint8)
    step = ((1, 0), (-1, 0), (0, -1))[label]
    for t in range(FRAMES):
        x, y = (11 + (person - 2) * (axis == 0) + step[axis] * t for axis in (0, 1))
        frames[t, y : y + 10, x : x + 10] = 220
    return Clip(frames, 50.0)


class Config(MicroExpressionConfig):
    model_type: ClassVar[str] = "equime_test_reader"
    num_frames: int | None = FRAMES
    image_size: int = SIDE
    num_channels: int = 1


class Reader(MicroExpressionModel):
    config_class: ClassVar[type[Config]] = Config  # type: ignore[misc]

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.post_init()  # type: ignore[no-untyped-call]


class MotionReader(Reader):
    """Where the middle of the brightness goes from the first to the last frame."""

    def logits(self, videos: Tensor, mask: Tensor | None) -> Tensor:
        bright = torch.sigmoid(60 * (videos[:, :, 0] - 0.6))
        place = torch.arange(SIDE, dtype=videos.dtype)
        whole = bright.sum((2, 3)).clamp(min=1e-3)
        x, y = (bright.sum(axis) @ place / whole for axis in (2, 3))
        dx, dy = x[:, -1] - x[:, 0], y[:, -1] - y[:, 0]
        return self.scale * torch.stack([dx, -dx, -dy], 1)


class FaceReader(Reader):
    """How bright the corner of the first frame is."""

    def logits(self, videos: Tensor, mask: Tensor | None) -> Tensor:
        ground = 255 * videos[:, 0, 0, -4:, -4:].mean((1, 2))
        return -self.scale * (ground[:, None] - torch.tensor(GROUND)).abs() / 10


class FlowReader(Reader):
    """The mean of optical flow from the first to the last frame."""

    def logits(self, videos: Tensor, mask: Tensor | None) -> Tensor:
        u, v = videos[:, -1, :2].mean((2, 3)).T
        return self.scale * torch.stack([u, -u, -v], 1)


def saved(kind: type[Reader]) -> SavedModel:
    flow = kind is FlowReader
    config = Config(id2label=dict(enumerate(CLASSES)), num_channels=3 if flow else 1)
    processor = MicroExpressionVideoProcessor.for_config(
        config, face_crop="none", input_kind="flow" if flow else "frames", flow_size=SIDE
    )
    model: Any = kind(config)
    return SavedModel(kind.__name__, model.eval(), processor, CLASSES, "emotion_3", FRAMES)


class _Videos:
    """The videos of clips, in memory; the first ones are broken."""

    def __init__(self, videos: list[bytes | None]) -> None:
        self.videos = videos

    def __getitem__(self, index: int) -> AvDecoder:
        found = self.videos[index]
        if found is None:
            raise VideoError("there is no video")
        return AvDecoder(found)

    def take(self, rows: Any) -> _Videos:
        return _Videos([self.videos[row] for row in rows])


@cache
def _encoded(label: int, person: int) -> bytes:
    return encode(clip(label, person), EncoderConfig(crf=1))


def examples(broken: int = 0) -> Examples:
    """Each class once for each person."""
    kinds = [(label, person) for person in range(PEOPLE) for label in range(3)]
    names = [f"clip-{number:02}" for number in range(len(kinds))]
    said: dict[str, list[Any]] = {name: [None] * len(kinds) for name in DESCRIBED}
    said |= {
        "clip_id": names,
        "subject_id": [f"p{person}" for _, person in kinds],
        "source_dataset": ["drawn"] * len(kinds),
        "label": [CLASSES[label] for label, _ in kinds],
    }
    videos = [None if n < broken else _encoded(*kind) for n, kind in enumerate(kinds)]
    return Examples(
        table=pa.table(said),
        classes=CLASSES,
        notes=(),
        label_map={},
        identities=np.array(names),
        videos=_Videos(videos),  # type: ignore[arg-type]
    )
