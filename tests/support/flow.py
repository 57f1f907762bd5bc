"""Measures how a face moves between two frames, knowing nothing of what made it move."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from equime_hub.schema.records import Landmarks

Array = npt.NDArray[np.float32]
REGIONS: dict[str, tuple[float, float, float, float]] = {
    "brow": (0.05, 1.0, -0.6, -0.16),
    "eye": (0.2, 0.85, -0.16, 0.2),
    "cheek": (0.35, 0.95, 0.2, 0.7),
    "nose": (0.0, 0.35, 0.2, 0.7),
    "mouth": (0.0, 0.7, 0.7, 1.8),
}
"""Least and largest distance from the middle line, least and largest height, in IODs."""


def flow(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Array:
    """Dense optical flow (DIS, medium) from one RGB frame to another, H×W×2 in pixels."""
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    gray = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (first, second)]
    return np.asarray(
        method.calc(gray[0], gray[1], np.zeros((*gray[0].shape, 2), np.float32)), np.float32
    )


def skin_flow(
    first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8], face: Landmarks
) -> Array:
    """Flow in IODs without the head's own motion (the median over the face)."""
    x, y = coordinates(face, first.shape)
    moved = flow(first, second) / iod(face)
    head = (np.abs(x) < 1.0) & (y > -0.6) & (y < 1.8)
    still: Array = moved - np.median(moved[head], axis=0)
    return still


def strengths(moved: Array, face: Landmarks) -> dict[str, float]:
    """How far the most moved tenth of each region has moved, on average."""
    x, y = coordinates(face, moved.shape)
    size = np.hypot(moved[..., 0], moved[..., 1])
    result = {}
    for name, (left, right, top, bottom) in REGIONS.items():
        values = size[(np.abs(x) >= left) & (np.abs(x) < right) & (y >= top) & (y < bottom)]
        result[name] = float(values[values >= np.quantile(values, 0.9)].mean())
    return result


def at(
    moved: Array, face: Landmarks, x: float, y: float, radius: float = 0.1
) -> tuple[float, float]:
    """Mean flow (right, down) around a point given in IODs from between the eyes."""
    xs, ys = coordinates(face, moved.shape)
    right, down = moved[np.hypot(xs - x, ys - y) < radius].mean(0)
    return float(right), float(down)


def iod(face: Landmarks) -> float:
    return float(np.hypot(*np.subtract(face.right_eye, face.left_eye)))


def coordinates(face: Landmarks, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Of every pixel of an aligned face: right and down from between the eyes, in IODs."""
    middle = np.add(face.left_eye, face.right_eye) / 2
    rows, columns = np.indices(shape[:2], np.float32)
    return (columns - middle[0]) / iod(face), (rows - middle[1]) / iod(face)
