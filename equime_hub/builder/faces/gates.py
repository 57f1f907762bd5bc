"""What an aligned portrait must be to be worth animating: readable and sharp."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import PIL.Image

from equime_hub.builder.faces.folder import opened
from equime_hub.builder.spec import Image

SIDE = 256
"""Pixels a side at which sharpness is measured: that of a clip, unless another is asked for."""
MIN_SHARPNESS = 10.0
"""A Gaussian blur of σ = 2 pixels at `SIDE` leaves 6 to 14 of a sharp portrait's 200 to 600."""
MAX_YAW = 30.0
"""Degrees that a head may be turned to the side."""

_TOP, _BOTTOM, _LEFT, _RIGHT = 0.30, 0.85, 0.25, 0.75
"""Brows to chin and temple to temple in an aligned image, as shares of its side."""


def measure(path: Path) -> tuple[float, tuple[int, int]]:
    """Sharpness of an aligned portrait, and its width and height in pixels.

    A JPEG is decoded at no more than the size needed, which takes a fraction of the time.

    Raises:
        FaceError: No image, a damaged one, one far too large or too small; one sentence.
    """
    with opened(path) as image:
        size = image.size
        image.draft("L", (SIDE, SIDE))
        gray = image.convert("L").resize((SIDE, SIDE), PIL.Image.Resampling.BICUBIC)
        return sharpness(np.asarray(gray)), size


def sharpness(gray: Image) -> float:
    """Variance of the Laplacian over the face (Pech-Pacheco et al. 2000), at least 0.

    It also grows with contrast: an under-exposed portrait scores less, and so does a dark skin
    (drawn people at equal blur: about 0.7 of a light one). So the default gate is low, and the
    counts should be looked at by group before it is raised. Comparing images of one person, as
    the choice of the best does, is not touched by skin.

    Args:
        gray: `SIDE`×`SIDE`, uint8, aligned as CelebA-HQ is.
    """
    top, bottom, left, right = (round(share * SIDE) for share in (_TOP, _BOTTOM, _LEFT, _RIGHT))
    return float(cv2.Laplacian(gray[top:bottom, left:right], cv2.CV_64F).var())
