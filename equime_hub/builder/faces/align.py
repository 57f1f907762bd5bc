"""Cuts a face out as CelebA-HQ and FFHQ do: eyes level, same place, same size.

The crop is that of Karras et al. (2018, appendix C; 2019): its centre lies a tenth of the way
from the eyes to the mouth, its half side is max(2 · eye to eye, 1.8 · eyes to mouth). Unlike
theirs it is turned by the eyes alone.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from equime_hub.builder.spec import Image
from equime_hub.errors import FaceError
from equime_hub.schema.records import Landmarks
from equime_hub.video.locate import moved

Matrix = npt.NDArray[np.float64]
"""2×3: pixels of the crop → pixels of the image."""


def align(image: Image, landmarks: Landmarks, width: int, height: int) -> tuple[Image, Landmarks]:
    """Crop, turn and scale a face.

    What lies outside the image is its mirror image. Shrinking averages all pixels (area),
    enlarging is bicubic. If the crop is not square, the aligned square is its largest centred
    one, and the scene goes on beside it.

    Args:
        image: H×W×3, uint8.
        landmarks: Where the face is in it.
        width: Of the crop, in pixels.
        height: Of the crop, in pixels.

    Returns:
        The crop and the landmarks in it.

    Raises:
        FaceError: The eyes of the landmarks lie on one another.
    """
    matrix = _crop(landmarks, width, height)
    return _sample(image, matrix, width, height), _moved(landmarks, matrix)


def _crop(face: Landmarks, width: int, height: int) -> Matrix:
    left, right = np.array(face.left_eye), np.array(face.right_eye)
    eyes = (left + right) / 2
    mouth = (np.array(face.mouth_left) + np.array(face.mouth_right)) / 2
    iod = float(np.hypot(*(right - left)))
    if not iod > 0:
        raise FaceError(
            f"A face needs two eyes in different places, got both at {face.left_eye}. "
            "Locate the face again."
        )
    half = max(2.0 * iod, 1.8 * float(np.hypot(*(mouth - eyes))))
    step = 2 * half / min(width, height)
    x = (right - left) / iod * step
    y = np.array((-x[1], x[0]))
    corner = eyes + 0.1 * (mouth - eyes) - x * (width - 1) / 2 - y * (height - 1) / 2
    return np.stack((x, y, corner), axis=1)


def _sample(image: Image, matrix: Matrix, width: int, height: int) -> Image:
    """The crop: bicubic at the image's own resolution or finer, then averaged over blocks."""
    image, matrix = _reduced(image, matrix, width, height)
    blocks = max(1, int(np.ceil(_step(matrix) - 1e-6)))
    fine = matrix / (blocks, blocks, 1)
    # A block of fine pixels has its centre where the pixel had it that they will become.
    fine[:, 2] -= (fine[:, 0] + fine[:, 1]) * (blocks - 1) / 2
    crop = cv2.warpAffine(
        image,
        fine,
        (width * blocks, height * blocks),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _reduced(image: Image, matrix: Matrix, width: int, height: int) -> tuple[Image, Matrix]:
    """The part of the image that the crop shows, reduced if it is far too fine.

    Keeps memory in proportion to the crop, however large the image.
    """
    corners = np.array([(0, 0, 1), (width, 0, 1), (0, height, 1), (width, height, 1)])
    points = corners @ matrix.T
    size = np.array(image.shape[1::-1])
    first = np.clip(np.floor(points.min(0)) - 4, 0, size - 1).astype(int)
    last = np.clip(np.ceil(points.max(0)) + 5, 1, size).astype(int)
    image = image[first[1] : last[1], first[0] : last[0]]
    matrix = matrix - np.array([(0, 0, first[0]), (0, 0, first[1])])
    factor = int(_step(matrix) / 2)
    if factor < 2:
        return image, matrix
    wanted = np.maximum(1, np.array(image.shape[1::-1]) // factor)
    ratio = wanted / np.array(image.shape[1::-1])
    matrix = matrix * ratio[:, None]
    matrix[:, 2] += (ratio - 1) / 2
    small = cv2.resize(image, tuple(map(int, wanted)), interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8), matrix


def _step(matrix: Matrix) -> float:
    """Pixels of the image in one pixel of the crop."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def _moved(face: Landmarks, matrix: Matrix) -> Landmarks:
    return moved(
        face,
        lambda points: np.asarray(
            np.linalg.solve(matrix[:, :2], (points - matrix[:, 2]).T).T, np.float64
        ),
        lambda sizes: sizes / _step(matrix),
    )
