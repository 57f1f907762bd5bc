"""The 17 action units as displacement fields on a located face.

What moves and which way follows FACS (Ekman & Friesen 1978; Ekman, Friesen & Hager 2002); how
far and over what extent is our choice, made by eye on portraits, for an intensity of 1. All
lengths are inter-ocular distances (IOD) in an aligned image: the origin lies between the eyes, x
points to the right, y to the chin.

Skin that stretches and shrinks is a sum of smooth bumps (`soft_field`). Where one part covers or
uncovers another, lids over the eye and lips over the mouth, a sum of bumps would squeeze the
iris or stretch the lips; those motions are given as edges that slide (`Opening`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from equime_hub.schema.records import Landmarks, Point
from equime_hub.schema.taxonomy import AU_INDEX, AU_NUMBERS

Array = npt.NDArray[np.float32]
SIDES = (-1, 1)


class Bump(NamedTuple):
    """A smooth push: `(dx, dy)` at (x, y), exactly 0 beyond `rx`, `up` and `down`."""

    x: float
    y: float
    rx: float
    up: float
    down: float
    dx: float
    dy: float


@dataclass(frozen=True)
class FaceFrame:
    """Landmarks in inter-ocular distances.

    Attributes:
        iod: Inter-ocular distance in pixels.
        origin: Middle between the eyes in pixels.
        brow: Height of the eyebrows (negative: above the eyes), left and right.
        nose: Tip of the nose.
        corners: Corners of the mouth, left and right.
        lips: Heights of the outer edges of upper and lower lip.
        chin: Lowest point of the chin.
        eye: Width and height of an eye opening.
    """

    iod: float
    origin: Point
    brow: tuple[float, float]
    nose: Point
    corners: tuple[Point, Point]
    lips: tuple[float, float]
    chin: Point
    eye: Point

    @classmethod
    def of(cls, face: Landmarks) -> FaceFrame:
        """The frame of an aligned face, whose eyes are level."""
        (lx, ly), (rx, ry) = face.left_eye, face.right_eye
        iod = float(np.hypot(rx - lx, ry - ly))
        origin = ((lx + rx) / 2, (ly + ry) / 2)

        def local(point: Point) -> Point:
            return (point[0] - origin[0]) / iod, (point[1] - origin[1]) / iod

        return cls(
            iod=iod,
            origin=origin,
            brow=(local(face.left_brow)[1], local(face.right_brow)[1]),
            nose=local(face.nose),
            corners=(local(face.mouth_left), local(face.mouth_right)),
            lips=(local(face.mouth_top)[1], local(face.mouth_bottom)[1]),
            chin=local(face.chin),
            eye=(face.eye_width / iod, face.eye_height / iod),
        )

    def grid(self, width: int, height: int) -> tuple[Array, Array]:
        """Coordinates of every pixel: x and y, each height×width."""
        x, y = (
            ((np.arange(side) - start) / self.iod).astype(np.float32)
            for side, start in zip((width, height), self.origin, strict=True)
        )
        return np.tile(x, (height, 1)), np.repeat(y[:, None], width, 1)


def bumps(frame: FaceFrame, unit: int) -> list[Bump]:
    """The smooth part of one action unit at intensity 1.

    Args:
        frame: The face.
        unit: FACS number, one of `AU_NUMBERS`.
    """
    upper, lower = frame.lips
    lid, canthus = frame.eye[1] / 2, 0.5 + frame.eye[0] / 2
    nx, ny = frame.nose
    cx, cy = frame.chin
    middle = (frame.corners[0][0] + frame.corners[1][0]) / 2
    pushes: list[Bump] = []
    for s, brow, (mx, my) in zip(SIDES, frame.brow, frame.corners, strict=True):
        pushes += {
            1: [Bump(s * 0.27, brow, 0.36, 0.6, 0.27, 0, -0.14)],
            2: [Bump(s * 0.76, brow + 0.03, 0.42, 0.6, 0.27, s * 0.02, -0.14)],
            4: [Bump(s * 0.32, brow, 0.46, 0.4, 0.26, -s * 0.10, 0.10)],
            5: [Bump(s * 0.5, -lid, 0.34, 0.2, 0.2, 0, -0.06)],
            6: [
                Bump(s * 0.58, 0.42, 0.45, 0.42, 0.45, 0, -0.06),
                Bump(s * canthus, 0.05, 0.25, 0.2, 0.3, -s * 0.02, 0),
            ],
            7: [Bump(s * 0.5, lid + 0.06, 0.34, 0.13, 0.26, 0, -0.03)],
            9: [
                Bump(nx + s * 0.17, ny - 0.05, 0.26, 0.5, 0.24, 0, -0.07),
                Bump(s * 0.25, brow, 0.3, 0.3, 0.25, -s * 0.01, 0.03),
            ],
            10: [Bump(middle + s * 0.2, upper, 0.36, 0.3, 0.2, 0, -0.07)],
            12: [
                Bump(mx, my, 0.5, 0.4, 0.42, s * 0.135, -0.14),
                Bump(s * 0.62, 0.6, 0.4, 0.36, 0.4, s * 0.005, -0.03),
            ],
            14: [Bump(mx + s * 0.03, my, 0.3, 0.26, 0.26, -s * 0.06, 0)],
            15: [Bump(mx, my + 0.02, 0.44, 0.3, 0.5, s * 0.04, 0.135)],
            20: [Bump(mx, my, 0.46, 0.36, 0.42, s * 0.12, 0.02)],
            23: [Bump(mx, my, 0.24, 0.2, 0.2, -s * 0.03, 0)],
        }.get(unit, [])
    pushes += {
        17: [Bump(cx, lower + 0.16, 0.55, 0.4, 0.5, 0, -0.08)],
        23: [
            Bump(middle, upper, 0.42, 0.2, 0.13, 0, 0.035),
            Bump(middle, lower, 0.42, 0.13, 0.2, 0, -0.04),
        ],
        26: [Bump(cx, cy - 0.15, 0.85, cy - 0.15 - upper + 0.1, 0.7, 0, 0.14)],
    }.get(unit, [])
    return pushes


def soft_field(frame: FaceFrame, x: Array, y: Array, intensity: Sequence[float]) -> Array:
    """Where skin goes: the smooth part of all action units together.

    Args:
        frame: The face.
        x: Coordinates from `FaceFrame.grid`.
        y: The same.
        intensity: 17 numbers in the order of `AU_NUMBERS`.

    Returns:
        2×H×W, dx and dy in IODs.
    """
    field = np.zeros((2, *x.shape), np.float32)
    for unit, strength in zip(AU_NUMBERS, intensity, strict=True):
        for bump in bumps(frame, unit) if strength else ():
            weight = np.float32(strength) * bump_weight(bump, x, y)
            field[0] += np.float32(bump.dx) * weight
            field[1] += np.float32(bump.dy) * weight
    return field


def bump_weight(bump: Bump, x: Array, y: Array) -> Array:
    """1 in the middle of a bump, smoothly 0 at its edge and beyond."""
    radius = np.where(y < bump.y, np.float32(bump.up), np.float32(bump.down))
    square = ((x - np.float32(bump.x)) / np.float32(bump.rx)) ** 2
    square += ((y - np.float32(bump.y)) / radius) ** 2
    weight: Array = np.clip(1 - square, 0, None) ** 2
    return weight


class Opening(NamedTuple):
    """How far edges have slid: lids in shares of the eye's height, lips in IODs."""

    upper_lid: float
    lower_lid: float
    upper_lip: float
    lower_lip: float

    @classmethod
    def of(cls, intensity: Sequence[float]) -> Opening:
        """Edges for 17 intensities in the order of `AU_NUMBERS`.

        A full blink (45) brings the upper lid down over the whole eye; tightening (7) and the
        raised cheek (6) push the lower lid up; parted lips (25) and the dropped jaw (26) open
        the mouth, mostly by the lower lip.
        """
        cheek, tight, part, jaw, blink = (intensity[AU_INDEX[n]] for n in (6, 7, 25, 26, 45))
        return cls(
            upper_lid=min(1.0, max(blink, 0.12 * tight)),
            lower_lid=min(0.5, 0.25 * tight + 0.1 * cheek + 0.06 * blink),
            upper_lip=0.03 * part,
            lower_lip=0.075 * part + 0.08 * jaw,
        )


def lid_layers(
    frame: FaceFrame, x: Array, y: Array, opening: Opening, pixel: float
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The lower and the upper lids, to be laid over the eyes in this order.

    The upper lid's skin stretches down over the eye, the lower lid's up; what they cover is
    gone, what they leave open does not move.

    Args:
        frame: The face.
        x: Points in IODs, of any shape.
        y: The same.
        opening: How far the lids have slid.
        pixel: Width over which an edge is blended, in IODs.

    Returns:
        Of each lid how far to look for its skin (dy, IODs), and where it covers the eye.
    """
    half = 0.58 * frame.eye[1]
    side = np.where(x < 0, np.float32(-0.5), np.float32(0.5))
    rim = half * np.clip(1 - ((x - side) / np.float32(0.54 * frame.eye[0])) ** 2, 0, None)
    brow = np.where(x < 0, np.float32(frame.brow[0]), np.float32(frame.brow[1]))
    crease = np.clip(brow + np.float32(0.05), -half - 0.13, -half - 0.03)
    cheek = half + 0.22
    lower = rim * (1 - 2 * opening.lower_lid)
    upper = np.minimum(rim * (2 * opening.upper_lid - 1), lower)
    stretch = (-rim - crease) / (upper - crease)
    from_above = np.minimum(crease + (y - crease) * stretch, -rim) - y
    stretch = (rim - cheek) / (lower - cheek)
    from_below = np.maximum(cheek + (y - cheek) * stretch, rim) - y
    return (
        (from_below, np.where(y < cheek, _above(lower, y, pixel), 0)),
        (from_above, np.where(y > crease, _above(y, upper, pixel), 0)),
    )


def lip_shift(
    frame: FaceFrame, x: Array, y: Array, opening: Opening, pixel: float
) -> tuple[Array, Array]:
    """How much higher to look for what the lips show, and how much of the mouth is seen.

    Args:
        frame: The face.
        x: Points in IODs, of any shape.
        y: The same.
        opening: How far the lips have slid.
        pixel: Width over which an edge is blended, in IODs.

    Returns:
        dy in IODs, and the share in [0, 1] of each point that lies inside the open mouth.
    """
    (left, left_y), (right, right_y) = frame.corners
    top, bottom = frame.lips
    across = (x - (left + right) / 2) / ((right - left) / 2)
    rim = np.clip(1 - across**2, 0, None)
    # A tall mouth shows teeth already; it opens at the lower lip, so that they stay in place.
    middle = max(top + 0.42 * (bottom - top), bottom - 0.125)
    ends = (left_y + right_y) / 2 + across * ((right_y - left_y) / 2)
    seam = ends + rim * (middle - ends)
    upper, lower = seam - opening.upper_lip * rim, seam + opening.lower_lip * rim
    above = opening.upper_lip * rim * _fade((upper - y) / 0.3)
    below = -opening.lower_lip * rim * _fade((y - lower) / 0.5)
    inside = np.clip(np.minimum(y + pixel / 2, lower) - np.maximum(y - pixel / 2, upper), 0, None)
    shift = np.where(y < upper, above, np.where(y > lower, below, seam - y))
    return shift, np.clip(inside / pixel, 0, 1)


def _above(a: Array, b: Array, pixel: float) -> Array:
    """1 where height a is above height b, 0 where it is below, blended over a pixel."""
    share: Array = np.clip((b - a) / np.float32(pixel) + np.float32(0.5), 0, 1)
    return share


def _fade(distance: Array) -> Array:
    """From 1 at 0 smoothly to 0 at 1 and beyond."""
    share: Array = np.clip(1 - distance * np.abs(distance), 0, 1) ** 2
    return share
