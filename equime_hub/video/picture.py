"""One frame, turned into pixels in the way that is wanted: in colour or gray, whole or small.

FFmpeg converts and shrinks a decoded frame in one step. That takes a fifth of the time of making
it RGB, gray and small one after the other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from av import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

Image = npt.NDArray[np.uint8]

_SHRINK = (
    Interpolation.AREA
    | Interpolation.FULL_CHR_H_INT  # else colours are half as fine as the result
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT  # the same on every processor
)


class Picture(ABC):
    """A frame of a video."""

    @abstractmethod
    def rgb(self) -> Image:
        """H×W×3, all of it."""

    @abstractmethod
    def gray(self) -> Image:
        """H×W, all of it: luma, 0 is black and 255 white."""

    def square(self, side: int, *, gray: bool, enlarge: int = cv2.INTER_LINEAR) -> Image:
        """The largest centred square.

        Args:
            side: Pixels of its sides.
            gray: side×side, else side×side×3.
            enlarge: How pixels are made where there are too few; a flag of OpenCV. What is shrunk
                is averaged over areas.
        """
        return centre(self.gray() if gray else self.rgb(), side, enlarge)


@dataclass(frozen=True, eq=False)
class Pixels(Picture):
    """A frame that is there as pixels.

    Attributes:
        frame: H×W×3 uint8 RGB.
    """

    frame: Image

    def rgb(self) -> Image:
        """The frame itself."""
        return self.frame

    def gray(self) -> Image:
        """BT.601 luma of its pixels."""
        return np.asarray(cv2.cvtColor(self.frame, cv2.COLOR_RGB2GRAY), np.uint8)


@dataclass(frozen=True, eq=False)
class Decoded(Picture):
    """A frame as the decoder gives it, mostly luma and colour apart.

    Gray is the luma of the file. That of `rgb` is about one level darker, as FFmpeg's default
    conversion to RGB is, and differs more where colours are out of range.

    Attributes:
        frame: Of any pixel format.
        width: What frames of this video are scaled to, if their size changes within it.
        height: Likewise.
        reformatter: One for all frames of the video: it keeps its tables.
    """

    frame: VideoFrame
    width: int
    height: int
    reformatter: VideoReformatter

    def rgb(self) -> Image:
        """FFmpeg's default conversion."""
        made = self._as("rgb24", self.width, self.height, Interpolation.BILINEAR)
        return np.asarray(made.to_ndarray(), np.uint8)

    def gray(self) -> Image:
        """Luma, stretched to the full range; not to be written to."""
        return _plane(self._as("gray", self.width, self.height, Interpolation.BILINEAR), 0)

    def square(self, side: int, *, gray: bool, enlarge: int = cv2.INTER_LINEAR) -> Image:
        """As `Picture.square`; not quite the shrunk `rgb`, but closer to what was encoded."""
        if self.width != self.height or side >= self.width:
            return super().square(side, gray=gray, enlarge=enlarge)
        if gray:
            return _plane(self._as("gray", side, side, _SHRINK), 0)
        # FFmpeg makes planes much faster than pixels, and OpenCV joins them much faster than PyAV.
        made = self._as("gbrp", side, side, _SHRINK)
        return np.asarray(cv2.merge([_plane(made, number) for number in (2, 0, 1)]), np.uint8)

    def _as(self, pixels: str, width: int, height: int, how: Interpolation) -> VideoFrame:
        # At this size more threads cost more time than one.
        return self.reformatter.reformat(
            self.frame, width, height, pixels, interpolation=how, threads=1
        )


def _plane(frame: VideoFrame, number: int) -> Image:
    """H×W numbers of a frame, not copied."""
    plane: Any = frame.planes[number]  # a buffer
    rows: Image = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def centre(frame: Image, side: int, enlarge: int = cv2.INTER_LINEAR) -> Image:
    """The largest centred square of a frame, of another size."""
    height, width = frame.shape[:2]
    whole = min(height, width)
    top, left = (height - whole) // 2, (width - whole) // 2
    return resized(frame[top : top + whole, left : left + whole], side, enlarge)


def resized(square: Image, side: int, enlarge: int = cv2.INTER_LINEAR) -> Image:
    """A square of another size: the mean over areas, or else as `enlarge` says."""
    if len(square) == side:
        return square
    how = cv2.INTER_AREA if side < len(square) else enlarge
    return np.asarray(cv2.resize(square, (side, side), interpolation=how), np.uint8)
