"""The patch of a face in which motion is measured, from the brows to the chin.

Lengths are inter-ocular distances (IOD) in the eye-level frame of `action_fields`: origin
between the eyes, x to the right, y to the chin.
"""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
import numpy.typing as npt

from equime_hub.errors import VideoError
from equime_hub.schema.records import Landmarks
from equime_hub.video import action_fields as af
from equime_hub.video.locate import moved

Array = npt.NDArray[np.float32]

FINEST = 40.0
"""Most pixels an IOD; larger faces are reduced by the least whole number that does it."""
SMALLEST = 8.0
"""Fewest pixels between the eyes; below, a micro-expression moves less than a tenth of one."""
LEFT, RIGHT, TOP, BOTTOM = -1.1, 1.1, -0.75, 1.6
MIDDLE, TALL = 0.3, 1.4
MARGIN = 0.4
"""What is kept around the patch, for a head that moves."""


class Patch:
    """Where a face lies in frames of one size.

    Args:
        landmarks: In pixels of the frames; the eyes need not be level.
        width: Of the frames.
        height: Of the frames.

    Attributes:
        face: The face in IODs, its eyes level.
        pixel: Width of a pixel of the patch in IODs.
        x: Eye-level coordinates of the pixels in the ellipse of the face, without hair and
            background, 1×N.
        y: The same.

    Raises:
        VideoError: The eyes are too close to see motion, or outside the frames.
    """

    def __init__(self, landmarks: Landmarks, width: int, height: int) -> None:
        left, right = np.array(landmarks.left_eye), np.array(landmarks.right_eye)
        axis, middle = right - left, (left + right) / 2
        iod = float(np.hypot(*axis))
        inside = (middle >= 0).all() and middle[0] < width and middle[1] < height
        if not (iod >= SMALLEST and inside):
            raise VideoError(
                f"Motion needs eyes at least {SMALLEST:g} pixels apart inside the frames, got "
                f"{landmarks.left_eye} and {landmarks.right_eye} in {width}×{height}. Locate the "
                "face in the first frame, or crop and enlarge it first."
            )
        self.face = af.FaceFrame.of(_levelled(landmarks, middle, axis))
        self._factor = factor = max(1, int(np.ceil(iod / FINEST)))
        self.pixel = factor / iod
        x, y = np.meshgrid(np.arange(LEFT, RIGHT, self.pixel), np.arange(TOP, BOTTOM, self.pixel))
        inside = np.square(x / RIGHT) + np.square((y - MIDDLE) / TALL) <= 1
        self.x, self.y = (side[inside].astype(np.float32)[None] for side in (x, y))
        down = np.array((-axis[1], axis[0]))
        corners = [
            middle + x * axis + y * down
            for x, y in product((LEFT - MARGIN, RIGHT + MARGIN), (TOP - MARGIN, BOTTOM + MARGIN))
        ]
        first = np.clip(np.floor(np.min(corners, 0)), 0, None).astype(int)
        last = np.minimum(np.ceil(np.max(corners, 0)).astype(int) + 1, (width, height))
        self._size = (last - first) // factor
        last = first + self._size * factor
        self._crop = tuple(slice(a, b) for a, b in zip(first[::-1], last[::-1], strict=True))
        self._origin = (middle - first + 0.5) / factor - 0.5
        self._axis, self._down = axis / factor, down / factor

    def reduced(self, frame: npt.NDArray[np.uint8]) -> Array:
        """The face of a frame in gray, at the patch's scale and a little smoothed.

        Args:
            frame: H×W×3 RGB or H×W gray.
        """
        part = frame[self._crop]
        if self._factor > 1:
            small = cv2.resize(part, self._size.tolist(), interpolation=cv2.INTER_AREA)
            part = np.asarray(small, np.uint8)
        gray = part if part.ndim == 2 else cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
        smooth = cv2.GaussianBlur(np.asarray(gray, np.float32), (5, 5), 0.8)
        return np.asarray(smooth, np.float32)

    def look(self, image: Array, x: Array, y: Array) -> Array:
        """What a reduced frame shows at eye-level points."""
        (ox, oy), (ax, ay), (bx, by) = (
            v.astype(np.float32) for v in (self._origin, self._axis, self._down)
        )
        found = cv2.remap(
            image,
            ox + ax * x + bx * y,
            oy + ay * x + by * y,
            cv2.INTER_CUBIC,  # bilinear blurs by the phase, and that reads as motion
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(found, np.float32)


def _levelled(
    landmarks: Landmarks, middle: npt.NDArray[np.float64], axis: npt.NDArray[np.float64]
) -> Landmarks:
    """Landmarks in IODs, turned so that the eyes are level."""
    square = float(axis @ axis)
    turn = np.array(((axis[0], -axis[1]), (axis[1], axis[0])))
    return moved(
        landmarks,
        lambda points: (points - middle) @ turn / square,
        lambda sizes: sizes / np.sqrt(square),
    )
