"""Where action units move an aligned face: 14 regions, and one that only the head moves.

He et al. publish neither number nor place of the regions of their recogniser. Their spotting paper
has 14 "based on action units"; ours are 14 too, placed by hand where `video.action_fields` has the
units' motion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from equime_hub.video.locate import canonical

Array = npt.NDArray[np.float32]


class Region(NamedTuple):
    """A soft ellipse: a Gaussian around (x, y) with the deviations `dx` and `dy`.

    Lengths are inter-ocular distances; (0, 0) lies between the eyes, y points to the chin.
    `units` are the FACS numbers of those that move it most.
    """

    units: tuple[int, ...]
    x: float
    y: float
    dx: float
    dy: float


def _both(name: str, region: Region) -> dict[str, Region]:
    """A region of the left of the image, and its mirror image."""
    return {f"{name}_left": region, f"{name}_right": region._replace(x=-region.x)}


REGIONS: dict[str, Region] = {
    **_both("inner_brow", Region((1, 4), -0.27, -0.32, 0.14, 0.12)),
    **_both("outer_brow", Region((2,), -0.74, -0.28, 0.15, 0.12)),
    **_both("eye", Region((5, 7, 45), -0.50, 0.03, 0.18, 0.13)),
    **_both("cheek", Region((6,), -0.58, 0.42, 0.18, 0.16)),
    "nose": Region((9,), 0.0, 0.50, 0.18, 0.14),
    **_both("mouth_corner", Region((12, 14, 15, 20), -0.42, 1.10, 0.14, 0.14)),
    "upper_lip": Region((10, 23, 25), 0.0, 0.96, 0.22, 0.08),
    "lower_lip": Region((17, 23, 25, 26), 0.0, 1.28, 0.22, 0.08),
    "chin": Region((17, 26), 0.0, 1.55, 0.22, 0.14),
}
NOSE_BRIDGE = Region((), 0.0, 0.08, 0.10, 0.08)
"""Moves with the head, and with no action unit."""


def weights(regions: Sequence[Region], side: int) -> Array:
    """How much each pixel of an aligned face counts in the mean of each region.

    Args:
        regions: R of them.
        side: Pixels of the square in which the eyes are where `video.locate.canonical` has them.

    Returns:
        R×side×side, each region's sum is 1.
    """
    face = canonical(side, side)
    unit = face.right_eye[0] - face.left_eye[0]
    x = (np.arange(side) - (side - 1) / 2) / unit
    y = (np.arange(side) - face.left_eye[1]) / unit
    # The distances are reduced by the smallest, so that no region is lost between large pixels.
    across, down = (
        np.exp(-0.5 * (squares - squares.min(1, keepdims=True)))
        for squares in (
            np.stack([((x - region.x) / region.dx) ** 2 for region in regions]),
            np.stack([((y - region.y) / region.dy) ** 2 for region in regions]),
        )
    )
    soft = down[:, :, None] * across[:, None, :]
    return np.asarray(soft / soft.sum((1, 2), keepdims=True), np.float32)
