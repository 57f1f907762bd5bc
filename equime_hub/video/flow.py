"""Dense optical flow and optical strain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from equime_hub.errors import VideoError

Image = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]


_FARNEBACK: Any = {
    "pyr_scale": 0.5, "levels": 3, "winsize": 15, "iterations": 3, "poly_n": 5, "poly_sigma": 1.1,
    "flags": 0,
}  # fmt: skip

METHODS: dict[str, Callable[[Image, Image, Field], Any]] = {
    "farneback": lambda *frames: cv2.calcOpticalFlowFarneback(*frames, **_FARNEBACK),
    "dis": lambda *frames: cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(
        *frames
    ),
    "tvl1": lambda *frames: cv2.optflow.createOptFlow_DualTVL1().calc(*frames),
}
"""Name → method: Farnebäck (2003), DIS (Kroeger et al. 2016), TV-L1 (Zach et al. 2007), each as
OpenCV has it. Given are two frames, and the flow to start from."""


def flow(before: Image, after: Image, method: str = "farneback") -> Field:
    """How far each pixel of one frame goes until another.

    Args:
        before: H×W gray uint8.
        after: The same.
        method: One of `METHODS`.

    Returns:
        H×W×2 float32: pixels to the right and pixels down.

    Raises:
        VideoError: No such method, or frames of another form.
    """
    if method not in METHODS:
        raise VideoError(f"There is optical flow by {', '.join(METHODS)}, got {method!r}")
    if before.shape != after.shape or before.ndim != 2 or before.dtype != np.uint8:
        raise VideoError(
            "Optical flow needs two gray frames H×W uint8 of one size, got "
            f"{before.shape} and {after.shape} of {before.dtype}"
        )
    start = np.zeros((*before.shape, 2), np.float32)
    return np.asarray(METHODS[method](before, after, start), np.float32)


def strain(flow: Field) -> Field:
    """Magnitude of the optical strain: how much the skin is stretched and sheared (Shreve 2011).

    With the tensor e = (∇f + ∇fᵀ) / 2 it is √(e_xx² + e_yy² + e_xy² + e_yx²). Derivatives are
    central differences. Moving as a whole is no strain.

    Args:
        flow: H×W×2 in pixels, H and W at least 2.

    Returns:
        H×W float32, pixels per pixel.
    """
    (u_y, u_x), (v_y, v_x) = (np.gradient(flow[:, :, part]) for part in (0, 1))
    return np.asarray(np.sqrt(u_x**2 + v_y**2 + (u_y + v_x) ** 2 / 2), np.float32)
