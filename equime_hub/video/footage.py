"""Frames with their number and rate, whether they are decoded yet or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from equime_hub.errors import VideoError
from equime_hub.video.clip import Clip
from equime_hub.video.decoder import AvDecoder
from equime_hub.video.picture import Image, Picture, Pixels


@dataclass(frozen=True, eq=False)
class Footage:
    """A video of any origin.

    Attributes:
        count: Frames.
        rate: Frames per second; None for bare frames.
        pictures: Indices → these frames, ascending and none twice.
    """

    count: int
    rate: float | None
    pictures: Callable[[Iterable[int]], Iterator[Picture]]

    @property
    def fps(self) -> float:
        """Frames per second.

        Raises:
            VideoError: It is not known.
        """
        if self.rate is None:
            raise VideoError(
                "Bare frames have no times, and these settings need them: give Clip(frames, fps), "
                "a file, or its bytes"
            )
        return self.rate

    def stream(self, indices: Iterable[int]) -> Iterator[Image]:
        """Frames, H×W×3 uint8 RGB each, ascending and none twice."""
        return (picture.rgb() for picture in self.pictures(indices))

    def frame(self, index: int) -> Image:
        """One frame."""
        return next(self.stream([index]))


def footage(video: Any) -> Footage:
    """Open a video.

    Args:
        video: `AvDecoder`, `Clip`, the bytes of a file or its path, or T×H×W×3 (or T×3×H×W)
            uint8, as an array, a tensor, or a sequence of frames.

    Raises:
        VideoError: None of these, an address, or unreadable.
    """
    if isinstance(video, Footage):
        return video
    if isinstance(video, Clip):
        return _of_frames(video.frames, video.fps)
    if not isinstance(video, AvDecoder) and isinstance(video, str | bytes | Path):
        if str(video).startswith(("http://", "https://")):
            raise VideoError(
                f"Expected a video that lies here, got the address {video!r}: fetch it first"
            )
        video = AvDecoder(video)
    if isinstance(video, AvDecoder):
        reader = video.reader()
        return Footage(reader.count, reader.fps, reader.pictures)
    try:
        frames = np.asarray(video)
    except ValueError as error:
        raise VideoError(f"Frames of a video must be of one size: {error}") from error
    if frames.ndim == 4 and frames.shape[1] == 3 != frames.shape[3]:
        frames = frames.transpose(0, 2, 3, 1)
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or not frames.size:
        raise VideoError(
            "Expected a video file, its bytes, a Clip, or frames T×H×W×3 uint8, got "
            f"{type(video).__name__} of shape {frames.shape} and type {frames.dtype}"
        )
    return _of_frames(frames, None)


def _of_frames(frames: npt.NDArray[np.uint8], fps: float | None) -> Footage:
    def pictures(indices: Iterable[int]) -> Iterator[Picture]:
        return (Pixels(np.ascontiguousarray(frames[index])) for index in sorted(set(indices)))

    return Footage(len(frames), fps, pictures)
