from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from equime_hub.errors import VideoError
from equime_hub.video.flow import METHODS, flow, strain

SIDE = 96
INSIDE = (slice(16, -16), slice(16, -16))


def texture() -> npt.NDArray[np.uint8]:
    """Smooth noise, as skin has: something to follow everywhere."""
    rng = np.random.default_rng(3)
    rough = rng.uniform(0, 255, (SIDE, SIDE)).astype(np.float32)
    smooth = cv2.GaussianBlur(rough, (0, 0), 2.0)
    return np.asarray(cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX), np.uint8)  # type: ignore[call-overload]


def warped(matrix: list[list[float]]) -> npt.NDArray[np.uint8]:
    """The texture after pixel (x, y) went to `matrix` · (x, y, 1)."""
    return np.asarray(
        cv2.warpAffine(
            texture(),
            np.array(matrix),
            (SIDE, SIDE),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT,
        ),
        np.uint8,
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_shift_is_found_and_strains_nothing(method: str) -> None:
    found = flow(texture(), warped([[1, 0, 1.5], [0, 1, -0.75]]), method)
    assert found.shape == (SIDE, SIDE, 2)
    assert found.dtype == np.float32
    u, v = found[INSIDE].reshape(-1, 2).T
    assert np.median(u) == pytest.approx(1.5, abs=0.12)
    assert np.median(v) == pytest.approx(-0.75, abs=0.12)
    assert np.median(strain(found)[INSIDE]) < 0.01


@pytest.mark.parametrize("method", METHODS)
def test_a_stretch_is_strain(method: str) -> None:
    middle = (SIDE - 1) / 2
    found = flow(texture(), warped([[1.04, 0, -0.04 * middle], [0, 1, 0]]), method)
    slope = np.polyfit(np.arange(16, SIDE - 16), np.median(found[INSIDE][:, :, 0], axis=0), 1)[0]
    assert slope == pytest.approx(0.04, abs=0.006)
    assert np.median(strain(found)[INSIDE]) == pytest.approx(0.04, abs=0.012)


def test_strain_is_the_size_of_the_symmetric_gradient() -> None:
    y, x = np.mgrid[:12, :10].astype(np.float32)
    both = strain(np.dstack([0.03 * x, 0.04 * y]))
    assert both.dtype == np.float32
    assert np.allclose(both, 0.05)
    sheared = strain(np.dstack([0.02 * y, 0 * x]))
    assert np.allclose(sheared, 0.02 / np.sqrt(2))
    turned = strain(np.dstack([-0.1 * y, 0.1 * x]))
    assert np.allclose(turned, 0, atol=1e-6)


def test_refuses_what_has_no_flow() -> None:
    gray = texture()
    with pytest.raises(VideoError, match="farneback, dis, tvl1, got 'raft'"):
        flow(gray, gray, "raft")
    with pytest.raises(VideoError, match=r"of one size, got \(96, 96\) and \(96, 95\)"):
        flow(gray, gray[:, 1:])
    with pytest.raises(VideoError, match="gray frames H×W uint8"):
        flow(gray[..., None], gray[..., None])
    with pytest.raises(VideoError, match="of float64"):
        flow(gray / 255, gray / 255)  # type: ignore[arg-type]
