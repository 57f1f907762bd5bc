"""One square for all frames of a clip, with the eyes where CelebA-HQ has them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from equime_hub.errors import VideoError
from equime_hub.schema.records import Landmarks
from equime_hub.video.locate import canonical
from equime_hub.video.picture import Image, resized


@dataclass(frozen=True)
class Alignment:
    """How a frame becomes a square of `side` pixels.

    Attributes:
        matrix: 2×3 rows, pixels of the frame → pixels of the square: turn, scale, move.
        side: Height and width of the square.
    """

    matrix: tuple[tuple[float, float, float], tuple[float, float, float]]
    side: int

    @classmethod
    def of(cls, landmarks: Landmarks, side: int, margin: float = 1.0) -> Alignment:
        """Put the eyes where `locate.canonical` has them.

        Args:
            landmarks: The face.
            side: Pixels of the square.
            margin: 1 shows as much as CelebA-HQ does, four inter-ocular distances; 2 twice that.

        Raises:
            VideoError: The eyes are in one point.
        """
        wanted = canonical(side, side)
        middle = (side - 1) / 2
        a, b = (complex(*eye) for eye in (landmarks.left_eye, landmarks.right_eye))
        c, d = (
            complex(middle, middle) + (complex(*eye) - complex(middle, middle)) / margin
            for eye in (wanted.left_eye, wanted.right_eye)
        )
        if abs(b - a) < 1e-3:
            raise VideoError(f"A face needs two eyes to be aligned, got both at {a.real, a.imag}")
        turn = (d - c) / (b - a)  # a similarity is a complex number, and a shift
        shift = c - turn * a
        return cls(((turn.real, -turn.imag, shift.real), (turn.imag, turn.real, shift.imag)), side)

    def apply(self, frame: Image, enlarge: int = cv2.INTER_LINEAR) -> Image:
        """Cut the square out of a frame.

        What is shrunk is averaged over areas. Beyond the frame its border is repeated.

        Args:
            frame: H×W×3 or H×W.
            enlarge: How pixels are made where there are too few; a flag of OpenCV.

        Returns:
            side×side×3 or side×side.
        """
        matrix = np.array(self.matrix)
        finer = max(1, math.ceil(1 / math.hypot(*matrix[:, 0]) - 0.25))
        matrix *= finer
        matrix[:, 2] += (finer - 1) / 2
        size = (self.side * finer, self.side * finer)
        square = cv2.warpAffine(frame, matrix, size, flags=enlarge, borderMode=cv2.BORDER_REPLICATE)
        return resized(np.asarray(square, np.uint8), self.side)


def align(frames: Iterable[Image], landmarks: Landmarks, side: int, margin: float = 1.0) -> Image:
    """Align all frames of a clip alike, so that what moves in it still moves.

    Args:
        frames: H×W×3 uint8 each.
        landmarks: Of the face in the first.
        side: Pixels of the squares.
        margin: See `Alignment.of`.

    Returns:
        T×side×side×3.
    """
    alignment = Alignment.of(landmarks, side, margin)
    return np.stack([alignment.apply(frame) for frame in frames])
