"""What surrounds a face: hair, ears, neck, clothes, spectacles and the studio backdrop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equime_hub.builder.faces.drawing.look import Field
from equime_hub.builder.faces.drawing.tools import (
    FaceGrid,
    bell,
    blur,
    cloud,
    darken,
    edge,
    light,
    lookup,
    noise,
    over,
    planes,
    polar,
    step,
)
from equime_hub.files import beside
from equime_hub.schema.records import Point

_OUTLINES: dict[str, list[Point]] = beside(__file__, "outlines.json")
"""Outlines of hair and of the skin it leaves free: points (u, v) of their right halves, from the
top round to below the chin."""


@dataclass(frozen=True)
class Style:
    """A haircut.

    Attributes:
        outer: Outline of the hair, one of `_OUTLINES`.
        inner: Edge of the skin it leaves free, likewise.
        around: Strands in a turn round the head; many where they run outwards.
        outwards: Strands from the inner to the outer edge; many where they run round the head.
        curls: Cells a side of curly texture; 0 for strands.
        soft: Width of the inner edge.
        cover: How much of the skin it hides, in [0, 1].
        below: Height from which on it grows, for the bald.
    """

    outer: str
    inner: str
    around: float
    outwards: float
    curls: int = 0
    soft: float = 0.010
    cover: float = 1.0
    below: float = -1.0

    @property
    def falls(self) -> bool:
        """Whether it falls over the ears and behind the neck."""
        return self.inner in ("draped", "fringed")


STYLES = {name: Style(**fields) for name, fields in beside(__file__, "styles.json").items()}


def hair(f: FaceGrid, image: Field) -> None:
    """Hair in front of the face, in place."""
    look, style, n = f.look, STYLES[f.look.style], f.size
    if not style.falls:
        f, image = f.part(image, 0, 0.66)
    outer, inner = _reach(f) - f.radius, f.radius - _opening(f)
    texture = _strands(f, inner / np.maximum(outer + inner, 0.02))
    rough = 0.004 if style.outer == "round" else 0.0012
    free = inner + 0.005 * texture
    mask = style.cover * edge(outer + rough * texture, n / 3) * edge(free / style.soft, 1)
    if style.cover < 1:
        mask = np.clip(mask * (1 + 0.22 * texture), 0, 1) * step(f.v - style.below, 0.04)
    darken(image, blur(mask, 0.014 * n), 0.34, 0.40, 0.40)
    rho = np.clip(f.radius / (f.radius + outer), 0, 1)
    turn = look.light * np.tanh(f.u / 0.2)
    form = 0.40 + 0.75 * np.sqrt(1 - rho * rho * rho) + 0.16 * turn - 0.25 * (f.v - 0.3)
    form *= 1 - 0.45 * np.exp(-np.maximum(inner, 0) / 0.02)
    if style.falls and style.inner != "fringed":
        form *= 1 - 0.5 * bell(f.u, 0.004) * (f.v < 0.3)
    gloss = bell(rho - 0.78, 0.085) * bell(f.v - 0.19, 0.10) * (0.75 + 0.35 * turn)
    gloss = gloss * (0.3 if style.curls else 1) * np.clip(0.6 + 0.5 * texture, 0, 2)
    colour = light(look.hair)
    tone = np.maximum(form, 0.12) * np.maximum(1 + 0.34 * texture, 0.15)
    over(image, mask, colour * tone + 0.13 * gloss * (0.25 + np.sqrt(colour)))


def _reach(f: FaceGrid) -> Field:
    """Radius of the hair's outline."""
    outer = STYLES[f.look.style].outer
    lift = (0 if outer == "shaved" else f.look.volume) * np.clip(0.35 - np.sin(f.angle), 0, 1)
    ripple = 0.010 * f.look.wave * np.sin(f.v * 42 + f.look.seed % 7) * step(f.v - 0.3, 0.1)
    return np.asarray(polar(_OUTLINES[outer], f.angle) + lift + ripple)


def _opening(f: FaceGrid) -> Field:
    """Radius of the edge of the free skin."""
    inner = STYLES[f.look.style].inner
    lifted = [
        (u, v - f.look.hairline * float(np.exp(-((u / 0.2) ** 2)))) for u, v in _OUTLINES[inner]
    ]
    return polar(lifted, f.angle)


def _strands(f: FaceGrid, depth: Field) -> Field:
    """Texture of unit variance or so; `depth` is 0 at the inner and 1 at the outer edge."""
    look, style = f.look, STYLES[f.look.style]
    if style.curls:
        curls = cloud(f, "curls", style.curls)
        return np.asarray(0.34 * curls + 0.30 * cloud(f, "curls of curls", 44))
    turn = np.where(f.u < 0, -np.pi - f.angle, f.angle)
    wave = look.wave * (np.sin(f.v * 38 + look.seed % 7) + 0.5 * np.sin(f.v * 71 + f.u * 9))
    across = turn * style.around + (depth + 0.09 * wave) * style.outwards + 512
    if style.inner == "fringed":
        across, along = f.u * 230 + 3 * wave + 512, f.v * 9
    elif style.falls:
        along = f.angle * 6 + 3 * np.sign(f.u)
    else:
        along = f.radius * 22
    clumps = noise(look, "clumps", 32, 256)
    fine = 0.50 * lookup(noise(look, "strands", 32, 1024), across, along)
    return np.asarray(fine + 0.55 * lookup(clumps, across * 0.22, along * 0.5))


def behind(f: FaceGrid, image: Field) -> None:
    """Hair behind the neck or on top of the head, in place."""
    look, style, n = f.look, STYLES[f.look.style], f.size
    if style.falls:
        texture = lookup(noise(look, "back", 16, 256), f.u * 200 + 128, f.v * 8)
        mask = edge(_reach(f) - f.radius + 0.003 * texture, n / 3)
        over(image, mask, light(look.hair) * np.maximum(0.36 + 0.14 * texture, 0.05))
    if look.style == "tied":
        f, image = f.part(image, 0, 0.2, 0.3, 0.7)
        inside = 0.085 - np.sqrt(f.u**2 + ((f.v - 0.085) * 1.15) ** 2)
        texture = lookup(noise(look, "bun", 16, 256), inside * 900, np.arctan2(f.v, f.u) * 3)
        tone = np.maximum(0.5 + 0.2 * texture + 6 * inside, 0.1)
        over(image, edge(inside, n / 2), light(look.hair) * tone)


def ears(f: FaceGrid, image: Field) -> None:
    """Ears, in place; the face is laid over their roots."""
    look, n = f.look, f.size
    f, image = f.part(image, 0.4, 0.7)
    v = f.v - 0.535
    u = f.side - look.cheek_w + 0.006 + 0.12 * (v - 0.04)
    ring = np.sqrt((u / 0.036) ** 2 + (v / np.where(v < 0, 0.078, 0.088)) ** 2)
    tone = 0.62 + 0.2 * look.light * np.sign(f.u) - 0.8 * v + 0.16 * bell(ring - 0.86, 0.09)
    tone -= 0.30 * bell(ring - 0.62, 0.10) + 0.22 * bell(ring - 1.02, 0.08)
    tone -= 0.30 * bell(u - 0.002, 0.014)
    colour = light(look.skin) * planes(1.03, 0.84, 0.80) * (1 + 0.02 * f.grain)
    over(image, edge((1 - ring) * 0.036, n), colour * np.maximum(tone, 0.08))


def body(f: FaceGrid, image: Field) -> None:
    """Neck and clothes, in place; they stand upright whatever the head does."""
    look, n = f.look, f.size
    f, image = f.part(image, 0.6, 1)
    patches = 0.03 * cloud(f, "neck", 24)
    half = (0.160 if look.woman else 0.192) + 0.35 * np.maximum(f.y - 0.88, 0) ** 1.1
    across, side = np.clip(f.x / half, -1, 1), np.abs(f.x)
    tone = 0.60 * np.sqrt(1 - 0.92 * across**2) + 0.24 * look.light * across + 0.06
    tone += 0.05 * bell(side - 0.075 - 0.3 * (1 - f.y), 0.016)
    tone *= 1 - 0.55 * step(look.chin_y + 0.045 - f.y - 0.25 * side, 0.030)
    colour = light(look.skin) * planes(1.0, 0.90, 0.87) * (1 + patches + 0.02 * f.grain)
    over(image, edge(half - side, n), colour * np.maximum(tone, 0.05))
    drop = 0.050 + 0.012 * (look.seed % 4)
    collar = np.sqrt((f.x / (half + 0.012)) ** 2 + ((f.y - 0.905) / drop) ** 2) - 1
    slope = f.y - 0.895 - 0.20 * np.maximum(side - 0.15, 0) - 1.2 * np.maximum(side - 0.30, 0) ** 2
    folds = lookup(noise(look, "folds", 8, 32), side * 26 + f.y * 12, f.y * 8)
    tone = 0.70 + 0.38 * look.light * f.x + 0.06 * folds + 0.045 * f.grain
    tone *= 1 - 0.35 * bell(slope, 0.012) - 0.30 * bell(collar - 0.20, 0.035)
    over(image, 0.5 * bell(collar, 0.12) * edge(slope, n), 0 * colour)
    mask = edge(slope, n) * np.maximum(edge(collar * drop, n), edge(side - half, n))
    over(image, mask, light(look.cloth) * np.maximum(tone, 0.05))


def backdrop(f: FaceGrid) -> Field:
    """A paper wall with a soft spot of light, 3×H×W."""
    spot = np.exp(-(((f.x - 0.22 * f.look.light) / 0.55) ** 2 + ((f.y - 0.42) / 0.6) ** 2))
    paper = 0.42 + 0.75 * spot + 0.03 * cloud(f, "backdrop", 6)
    return np.asarray(light(f.look.backdrop) * paper)


def spectacles(f: FaceGrid, image: Field) -> None:
    """Glasses and their shadow, in place."""
    look, n = f.look, f.size
    if look.glasses is None:
        return
    v, out = f.v - look.eye_y - 0.012, f.side - look.eye_x
    lens = np.maximum(np.abs(out / 0.092) ** 3 + np.abs(v / 0.066) ** 3, 1e-6) ** (1 / 3)
    far = 1e3 * np.maximum(out - look.cheek_w + look.eye_x, 0)
    arm = np.abs(v + 0.020) + 1e3 * np.maximum(0.088 - out, 0) + far
    bridge = np.abs(v + 0.018 - 3 * f.side**2) + 1e3 * np.maximum(f.side - 0.036, 0)
    distance = np.minimum(np.abs(lens - 1) * 0.075, np.minimum(arm, bridge))
    rim = edge(0.0040 - distance, n)
    darken(image, blur(np.roll(rim, round(0.012 * n), axis=0), 0.006 * n), 0.26, 0.30, 0.30)
    image += 0.010 * (lens < 1)
    over(image, rim, light(look.glasses) * (1 + 0.6 * bell(distance, 0.0015)))
