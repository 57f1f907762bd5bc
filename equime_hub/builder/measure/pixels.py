"""PSNR, SSIM and total variation of grey clips, exact and fast.

A clip is T×H×W uint8. Sums over pixels are whole numbers all the way, so nothing is lost before
the last few operations.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Grays = npt.NDArray[np.uint8]

EQUAL_DB = 100.0
"""PSNR of two equal frames, as in the published tables; by the formula it is infinite."""

_SIDE = 7
_AREA = _SIDE**2
_FOR_MEANS = np.float32((0.01 * 255) ** 2 * _AREA**2)
_FOR_VARIANCES = np.float32((0.03 * 255) ** 2 * _AREA * (_AREA - 1))
"""SSIM's two constants, in the units of `_window`."""


def psnr(grays: Grays, *, wrapped: bool = False) -> float:
    """Mean PSNR of consecutive frames, dB; at least two frames.

    Args:
        grays: The clip.
        wrapped: Take differences and squares modulo 256, as 8-bit arithmetic does.
    """
    squares = _wrapped_squares if wrapped else _squares
    errors = np.array([squares(*pair) for pair in pairwise(grays)]) / grays[0].size
    different = errors > 0
    values = np.full(len(errors), EQUAL_DB)
    values[different] = 20 * np.log10(255 / np.sqrt(errors[different]))
    return float(values.mean())


def total_variation(grays: Grays) -> float:
    """Mean over the frames of the root of all squared differences of neighbours, in [0, 1]."""
    squares = [
        _squares(gray[:, 1:], gray[:, :-1]) + _squares(gray[1:], gray[:-1]) for gray in grays
    ]
    return float(np.sqrt(squares).mean()) / 255


def ssim(grays: Grays) -> float:
    """Mean SSIM of consecutive frames; at least two frames of 7×7.

    Wang et al. (IEEE TIP 2004) with the defaults of scikit-image: a uniform window of 7×7, sample
    covariance, only whole windows. What a frame contributes is computed once for both its pairs.
    """
    windows = map(_window, grays)
    return float(np.mean([_similarity(*pair) for pair in pairwise(windows)]))


def _window(gray: Any) -> tuple[Any, ...]:
    """A frame, and of every window its sum, that squared, and its variance × area × (area - 1)."""
    sums = _summed(gray)
    squared = sums * sums
    return gray, sums, squared, _AREA * _summed(_times(gray, gray)) - squared


def _similarity(first: tuple[Any, ...], second: tuple[Any, ...]) -> float:
    (gray, sums, squared, variance), (gray_2, sums_2, squared_2, variance_2) = first, second
    means = sums * sums_2
    covariance = _AREA * _summed(_times(gray, gray_2)) - means
    above = _raised(2 * means, _FOR_MEANS) * _raised(2 * covariance, _FOR_VARIANCES)
    below = _raised(squared + squared_2, _FOR_MEANS)
    below *= _raised(variance + variance_2, _FOR_VARIANCES)
    return float(np.mean(above / below, dtype=np.float64))


def _times(first: Any, second: Any) -> Any:
    return np.multiply(first, second, dtype=np.uint16)


def _summed(image: Any) -> Any:
    """Sums over whole windows, int32: at most 49 × 255², and 49 times that still fits."""
    edge = _SIDE // 2
    sums = cv2.boxFilter(image, cv2.CV_32S, (_SIDE, _SIDE), normalize=False)
    return sums[edge:-edge, edge:-edge]


def _raised(whole: Any, constant: np.float32) -> Any:
    raised = whole.astype(np.float32)
    raised += constant
    return raised


def _squares(first: Any, second: Any) -> float:
    return float(cv2.norm(first, second, cv2.NORM_L2SQR))


def _wrapped_squares(first: Any, second: Any) -> float:
    difference = first - second
    return float(cv2.sumElems(difference * difference)[0])
