"""Brushes: coverage, bells, strokes and noise over the pixels of a face.

Colours are kept as light (the square of the sRGB value, near enough to linear), as planes 3×H×W,
and in double precision: the last bits of `exp` differ between processors, and only doubles keep
such a difference from reaching the bytes of the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from equime_hub import seeds
from equime_hub.builder.faces.drawing.look import CENTRE_V, Colour, Field, Look, place
from equime_hub.schema.records import Point


@dataclass(frozen=True)
class FaceGrid:
    """Where every pixel lies in the face's own frame (each field H×W).

    Attributes:
        look: Whose face.
        size: Side of the whole image in pixels.
        area: Rows and columns of the image that the fields cover.
        x: Upright distance from the image's midline.
        y: Upright height, 0 at the top.
        u: Distance from the face's midline.
        v: Height in the face's frame.
        side: |u|.
        radius: Distance from (0, `CENTRE_V`).
        angle: Direction from there, -π/2 at the top to π/2 at the chin, the same on both sides.
        grain: White noise of unit variance.
    """

    look: Look
    size: int
    area: tuple[slice, slice]
    x: Field
    y: Field
    u: Field
    v: Field
    side: Field
    radius: Field
    angle: Field
    grain: Field

    def part(
        self, image: Field, top: float, bottom: float, left: float = 0, right: float = 1
    ) -> tuple[FaceGrid, Field]:
        """The grid of a part of the image, and that part of fields ...×H×W over this grid.

        Both are views. The borders are fractions of the side.
        """
        rows, columns = (
            slice(
                max(round(first * self.size) - whole.start, 0),
                min(round(last * self.size), whole.stop) - whole.start,
            )
            for whole, first, last in zip(self.area, (top, left), (bottom, right), strict=True)
        )
        cut: dict[str, Any] = {
            name: field[rows, columns]
            for name, field in vars(self).items()
            if isinstance(field, np.ndarray)
        }
        cut["area"] = tuple(
            slice(whole.start + own.start, whole.start + own.stop)
            for whole, own in zip(self.area, (rows, columns), strict=True)
        )
        return replace(self, **cut), image[..., rows, columns]


def grid(look: Look, size: int) -> FaceGrid:
    """The grid of a whole image."""
    line = (np.arange(size) + 0.5) / size
    x, y = np.meshgrid(line - 0.5, line)
    c, s = np.cos(look.roll), np.sin(look.roll)
    down = c * (y - CENTRE_V) - s * x
    u = c * x + s * (y - CENTRE_V)
    side = np.abs(u)
    return FaceGrid(
        look=look,
        size=size,
        area=(slice(0, size), slice(0, size)),
        x=x,
        y=y,
        u=u,
        v=down + CENTRE_V,
        side=side,
        radius=np.sqrt(u * u + down * down),
        angle=np.arctan2(down, side),
        grain=noise(look, "grain", size, size),
    )


def polar(points: Sequence[Point], angle: Field) -> Field:
    """Radius, at given angles, of the smooth curve through the points of a right half."""
    p, mirror = np.array(points), np.array([-1.0, 1.0])
    p = np.concatenate([p[1:2] * mirror, p, p[-2:-1] * mirror])
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    s = np.linspace(0, 1, 12, endpoint=False)[:, None, None]
    # Catmull-Rom
    spline = b + 0.5 * s * (c - a + s * (2 * a - 5 * b + 4 * c - d + s * (3 * (b - c) + d - a)))
    dense = np.concatenate([spline.transpose(1, 0, 2).reshape(-1, 2), p[-2:-1]])
    across, down = np.maximum(dense[:, 0], 0), dense[:, 1] - CENTRE_V
    theta = np.maximum.accumulate(np.arctan2(down, across))
    return np.asarray(np.interp(angle, theta, np.sqrt(across * across + down * down)))


def light(colour: Colour) -> Field:
    """A colour as light, 3×1×1."""
    return np.asarray((planes(*colour) / 255) ** 2)


def planes(red: float, green: float, blue: float) -> Field:
    """Three factors as 3×1×1."""
    return np.array([red, green, blue], float)[:, None, None]


def over(image: Field, mask: Field, colour: Field) -> None:
    """Lay a colour over an image where the mask is, in place."""
    for plane, tone in zip(image, colour, strict=True):
        plane += mask * (tone - plane)


def darken(image: Field, mask: Field, red: float, green: float, blue: float) -> None:
    """Take these shares of light away where the mask is, in place."""
    for plane, share in zip(image, (red, green, blue), strict=True):
        plane *= 1 - share * mask


def edge(distance: Field, pixels: float) -> Field:
    """Coverage in [0, 1] of a pixel whose centre lies that far inside an edge."""
    return np.clip(distance * pixels + 0.5, 0, 1)


def bell(distance: Field, sigma: float) -> Field:
    """Gaussian of height 1."""
    return np.asarray(np.exp((-0.5 / sigma**2) * (distance * distance)))


def blob(f: FaceGrid, u: float, v: float, su: float, sv: float) -> Field:
    """Gaussian of height 1 at (±u, v): one on the midline, or one on each side."""
    return np.asarray(np.exp(-0.5 * (((f.side - u) / su) ** 2 + ((f.v - v) / sv) ** 2)))


def step(distance: Field, width: float) -> Field:
    """Smooth step from 0 to 1."""
    return np.asarray(0.5 + 0.5 * np.tanh(distance / width))


def blur(field: Field, sigma: float) -> Field:
    """Gaussian blur, sigma in pixels."""
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))


def enlarge(f: FaceGrid, field: Field) -> Field:
    """A coarse field over the whole image at the grid's resolution."""
    return np.asarray(cv2.resize(field, (f.size, f.size), interpolation=cv2.INTER_CUBIC)[f.area])


def strokes(
    f: FaceGrid, paths: Iterable[Sequence[Point]], tones: Iterable[float], thick: float = 1 / 512
) -> Field:
    """Antialiased lines through points (u, v), each of its own strength in [0, 1]."""
    layer = np.zeros((f.size, f.size), np.uint8)
    for path, tone in zip(paths, tones, strict=True):
        points = np.array([place(f.look, f.size, point) for point in path])
        whole = np.round(points * 16).astype(np.int32)
        width = max(1, round(thick * f.size))
        cv2.polylines(layer, [whole], False, round(255 * min(tone, 1)), width, cv2.LINE_AA, 4)
    return np.asarray(layer[f.area] / 255.0)


def noise(look: Look, part: str, rows: int, columns: int) -> Field:
    """White noise of unit variance that belongs to one part of one face."""
    return seeds.generator("drawn", part, look.seed).standard_normal((rows, columns))


def cloud(f: FaceGrid, part: str, cells: int) -> Field:
    """Smooth noise with `cells` cells a side of the image and about unit variance."""
    return enlarge(f, noise(f.look, part, cells, cells)) * 1.4


def lookup(texture: Field, across: Field, along: Field) -> Field:
    """Bilinear reading of a texture that repeats; its sides must be powers of two."""
    rows, columns = texture.shape
    i, j = np.floor(along), np.floor(across)
    fi, fj = along - i, across - j
    row, column = i.astype(np.intp) & (rows - 1), j.astype(np.intp) & (columns - 1)
    at = row * (columns + 1) + column
    flat = np.pad(texture, ((0, 1), (0, 1)), mode="wrap").ravel()
    corners = (flat.take(at + step) for step in (0, 1, columns + 1, columns + 2))
    top, top_next, low, low_next = corners
    top += (top_next - top) * fj
    low += (low_next - low) * fj
    return np.asarray(top + (low - top) * fi)
