"""BRISQUE of many frames on the processor.

The definition is that of Mittal, Moorthy and Bovik (IEEE TIP 2012) as piq computes it: 18 natural
scene statistics at full and at half size, scored by a support vector regression. Here OpenCV
filters, and the shapes of all distributions of a clip are looked up at once in one table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from equime_hub.builder.measure import weights
from equime_hub.builder.measure.weights import UnusableWeights
from equime_hub.files import beside

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]

_SHIFTS = ((0, 1), (1, 0), (1, 1), (-1, 1))
"""Neighbours that are multiplied: right, below, and the two diagonals (rows, columns)."""

_GAMMA, _RHO = 0.05, -153.591
"""Width of the radial basis function and offset of the regression, as published."""

_LOW, _HIGH = (np.array(values) for values in beside(__file__, "brisque_ranges.json").values())
"""Ranges of the features that the published model was trained on: shape and variance of the
coefficients, then for each neighbour shape, mean, left and right variance; then at half size."""


@dataclass(frozen=True, eq=False)
class Brisque:
    """The regression.

    Attributes:
        coefficients: N, one a support vector.
        vectors: N×36, scaled features.
    """

    coefficients: Floats
    vectors: Floats

    @classmethod
    def load(cls, path: Path) -> Brisque:
        """Read piq's file, a pair of tensors; nothing else in it would be unpickled.

        Raises:
            UnusableWeights: Not such a file.
        """
        import torch

        try:
            pair = torch.load(path, map_location="cpu", weights_only=True)
            coefficients, vectors = (np.asarray(part, np.float64) for part in pair)
        except Exception as error:  # a damaged archive makes torch raise almost anything
            raise UnusableWeights(weights.unreadable(path, error)) from error
        if coefficients.shape != (len(vectors),) or vectors.shape != (len(vectors), 36):
            raise UnusableWeights(
                f"{path} must hold N coefficients and N×36 support vectors, got shapes "
                f"{coefficients.shape} and {vectors.shape}. Fetch it again."
            )
        if not (np.isfinite(coefficients).all() and np.isfinite(vectors).all()):
            raise UnusableWeights(f"{path} holds numbers that are not finite. Fetch it again.")
        return cls(coefficients, vectors)

    def scores(self, grays: npt.NDArray[np.uint8]) -> Floats:
        """BRISQUE of each frame; lower is better, mostly 0 to 100.

        Args:
            grays: T×H×W.

        Returns:
            T values, NaN where it is not defined: a frame of one grey level has no statistics.
        """
        flat = grays.reshape(len(grays), -1)
        varied = flat.min(axis=1) < flat.max(axis=1)
        scores = np.full(len(grays), np.nan)
        if varied.any():
            scores[varied] = self._regress(_features(_moments(grays[varied])))
        return scores

    def _regress(self, features: Floats) -> Floats:
        scaled = 2 * (features - _LOW) / (_HIGH - _LOW) - 1
        squares = np.square(scaled).sum(axis=1)[:, None] + np.square(self.vectors).sum(axis=1)
        kernel = np.exp(-_GAMMA * (squares - 2 * scaled @ self.vectors.T))
        scores: Floats = kernel @ self.coefficients - _RHO
        return scores


def _moments(grays: npt.NDArray[np.uint8]) -> Floats:
    """T × 2 scales × (2 + 4 neighbours × 3), from which the features follow; see `_Scale.of`."""
    height, width = grays.shape[1:]
    rows, columns = _halving(height), _halving(width)
    full = np.empty((height, width), np.float32)
    scales = _Scale(height, width), _Scale(height // 2, width // 2)
    moments = []
    for gray in grays:
        full[:] = gray
        half = _product(_product(rows, full), columns, cv2.GEMM_2_T)
        moments.append([scale.of(image) for scale, image in zip(scales, (full, half), strict=True)])
    return np.array(moments)


class _Scale:
    """Takes the moments of frames of one size.

    It works in its own memory: fresh arrays would be fresh pages from the system every time, and
    cost more than the arithmetic.
    """

    def __init__(self, height: int, width: int) -> None:
        self._normal, self._mean, self._work = np.empty((3, height, width), np.float32)
        self._around = np.empty((height + 2, width + 2), np.float32)
        self._chosen = np.empty((height, width), bool)

    def of(self, luma: Any) -> list[float]:
        """Moments of the normalised image and of its products with each neighbour.

        Of the image mean square and ratio; of a product the mean square of what is negative,
        that of what is positive, and the ratio. The ratio is (mean size)² over mean square,
        which tells the shape of a distribution.
        """
        normal = self._normalise(luma)
        square = cv2.norm(normal, cv2.NORM_L2SQR)
        moments = [square / normal.size, _ratio(normal, square)]
        cv2.copyMakeBorder(normal, 1, 1, 1, 1, cv2.BORDER_WRAP, dst=self._around)
        height, width = normal.shape
        for down, right in _SHIFTS:
            neighbour = self._around[1 - down :, 1 - right :][:height, :width]
            product = np.multiply(normal, neighbour, out=self._work)
            squares = []
            for sign in (np.less, np.greater):
                sign(product, 0, out=self._chosen)
                count = np.count_nonzero(self._chosen)
                squares.append(cv2.norm(product, cv2.NORM_L2SQR, self._chosen.view(np.uint8)))
                moments.append(squares[-1] / count if count else math.nan)
            moments.append(_ratio(product, sum(squares)))
        return moments

    def _normalise(self, luma: Any) -> Any:
        """(luma - mean) / (deviation + 1), both of a Gaussian window."""
        normal, mean, work = self._normal, self._mean, self._work
        _blur(luma, mean)
        _blur(np.multiply(luma, luma, out=normal), work)
        work -= np.multiply(mean, mean, out=normal)
        np.sqrt(np.abs(work, out=work), out=work)
        work += 1
        np.subtract(luma, mean, out=normal)
        return np.divide(normal, work, out=normal)


def _product(first: Any, second: Any, flags: int = 0) -> Any:
    # Of OpenCV, which stays on one thread here, and not NumPy's.
    return cv2.gemm(first, second, 1, None, 0, flags=flags)  # type: ignore[call-overload]


def _blur(image: Any, into: Any) -> None:
    # Not as rows and columns apart, which is faster: where an image is flat, the signs of the
    # products are those of rounding errors, and this order of summing gives piq's.
    cv2.filter2D(image, cv2.CV_32F, _gaussian(), dst=into, borderType=cv2.BORDER_CONSTANT)


def _ratio(values: Any, square: float) -> float:
    size = cv2.norm(values, cv2.NORM_L1)
    return size**2 / (square * values.size) if square else math.nan


@lru_cache(maxsize=8)
def _halving(size: int) -> Image:
    """Antialiased bicubic resizing to half the size, as a matrix of size // 2 × size."""
    import torch
    from piq.functional import imresize  # type: ignore[import-untyped]

    matrix: Image = imresize(torch.eye(size)[None, None], sizes=(size // 2, size))[0, 0].numpy()
    return matrix


@lru_cache(maxsize=1)
def _gaussian() -> Image:
    import torch
    from piq.functional import gaussian_filter

    kernel: Image = gaussian_filter(7, 7 / 6, dtype=torch.float32)[0].numpy()
    return kernel


def _features(moments: Floats) -> Floats:
    """T×2×14 moments → T×36 features: fits of generalised Gaussians, symmetric and not."""
    shapes, ratios = _gaussians()
    square, ratio, *products = np.moveaxis(moments, -1, 0)
    features = [shapes[_nearest(-1 / ratios, -1 / ratio)], square]
    for left, right, ratio in (products[at : at + 3] for at in range(0, 12, 3)):
        skew = np.sqrt(left / right)
        found = _nearest(ratios, ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2)
        mean = (np.sqrt(right) - np.sqrt(left)) * np.sqrt(ratios[found])
        features += [shapes[found], mean, left, right]
    return np.stack(features, axis=-1).reshape(len(moments), -1)


@lru_cache(maxsize=1)
def _gaussians() -> tuple[Floats, Floats]:
    """Shapes 0.2 to 10 of generalised Gaussians, and (mean size)² / mean square of each."""
    shapes = np.arange(200, 10001) / 1000
    first, second, third = (
        np.array([math.lgamma(order / shape) for shape in shapes]) for order in (1, 2, 3)
    )
    return shapes, np.exp(2 * second - first - third)


def _nearest(table: Floats, values: Floats) -> npt.NDArray[np.intp]:
    """Place of the nearest entry of an ascending table; of NaN, the last."""
    above = np.clip(np.searchsorted(table, values), 1, len(table) - 1)
    return above - (values - table[above - 1] <= table[above] - values)
