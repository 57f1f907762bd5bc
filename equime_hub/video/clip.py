"""A decoded clip: the one form in which frames pass between functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equime_hub.errors import VideoError
from equime_hub.video.timing import milliseconds


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames and their rate.

    Attributes:
        frames: T×H×W×3, uint8, RGB, T ≥ 1.
        fps: Frames per second of the scene, > 0.

    Raises:
        VideoError: Wrong shape, type or rate; the message prints what came.
    """

    frames: npt.NDArray[np.uint8]
    fps: float

    def __post_init__(self) -> None:
        check_frames(self.frames)
        if not 0 < self.fps < float("inf"):
            raise VideoError(f"fps must be a positive number, got {self.fps}")

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        return f"Clip({len(self)} frames, {self.width}×{self.height}, {self.fps:g} fps)"

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.frames.shape[2])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.frames.shape[1])

    @property
    def duration_ms(self) -> float:
        """Frames over rate, in milliseconds."""
        return milliseconds(len(self), self.fps)


def check_frames(frames: npt.NDArray[np.uint8]) -> None:
    """Refuse what are no frames.

    Raises:
        VideoError: Not T×H×W×3 uint8; the message prints what came.
    """
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or not len(frames):
        raise VideoError(
            "frames must be T×H×W×3 uint8 with T >= 1, got "
            f"shape {frames.shape} and type {frames.dtype}"
        )
