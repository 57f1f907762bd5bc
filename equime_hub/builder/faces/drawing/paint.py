"""Painting a face: backdrop, body, lit skin, eyes, brows, hair, one over the other."""

from __future__ import annotations

import numpy as np

from equime_hub import seeds
from equime_hub.builder.faces.drawing.hair import backdrop, behind, body, ears, hair, spectacles
from equime_hub.builder.faces.drawing.look import (
    BROW_OUTWARDS,
    Field,
    Look,
    brow_line,
    lids,
    outline,
    place,
)
from equime_hub.builder.faces.drawing.skin import skin
from equime_hub.builder.faces.drawing.tools import (
    Frame,
    bell,
    blur,
    darken,
    edge,
    frame,
    light,
    lookup,
    noise,
    over,
    polar,
    step,
    strokes,
)
from equime_hub.builder.spec import Image
from equime_hub.schema.records import Point

_FACE = (0.05, 0.96, 0.18, 0.82)
"""Top, bottom, left and right of what a face can cover."""
_IRIS = 0.0242
"""Radius of an iris: 12 mm across where the eyes are 63 mm apart."""


def paint(look: Look, size: int) -> Image:
    """The portrait, `size`×`size`×3; `look.landmarks` says where its parts are."""
    # glibc gives memory back, and faults it in again, above twice the largest block ever freed:
    # having freed one of 31 MiB (never touched) makes painting almost twice as fast.
    np.empty(31 << 20, np.uint8)
    f = frame(look, size)
    image = backdrop(f)
    behind(f, image)
    body(f, image)
    ears(f, image)
    _face(f.part(*_FACE), image[:, *f.window(*_FACE)])
    spectacles(f, image)
    hair(f, image)
    film = 1.2 * f.grain[::-1, ::-1]
    shown = np.empty((size, size, 3), np.uint8)
    for channel, plane in enumerate(image):
        values = 255 * np.sqrt(np.clip(plane, 0, 1)) + film
        shown[:, :, channel] = np.rint(np.clip(values, 0, 255))
    return shown


def _face(f: Frame, image: Field) -> None:
    face = skin(f)
    for side in (-1, 1):
        _eye(f, face, side)
    _lashes(f, face)
    _brows(f, face)
    over(image, edge(polar(outline(f.look), f.angle) - f.radius, f.size), face)


def _eye(f: Frame, face: Field, side: int) -> None:
    """One eye with its lids, in place."""
    look, n = f.look, f.size
    x, y = place(look, 1, (side * look.eye_x, look.eye_y))
    borders = (y + 0.5 - 0.07, y + 0.5 + 0.07, x + 0.5 - 0.10, x + 0.5 + 0.10)
    image, f = face[:, *f.window(*borders)], f.part(*borders)
    out, down = f.u * side - look.eye_x, f.v - look.eye_y
    t = out / (0.5 * look.eye_w)
    upper, lower = (down - lid for lid in lids(look, t))
    taper = np.clip(1.15 - np.abs(t) ** 3, 0, 1) * np.clip((1.25 - np.abs(t)) * 4, 0, 1)

    fold = upper + look.crease * (1 - 0.25 * t * t)
    depth = 0.30 if look.crease < 0.009 else 0.55
    shade = depth * bell(fold, 0.0028) * np.clip((1.2 - np.abs(t + 0.05)) * 2, 0, 1)
    shade += 0.18 * bell(fold + 0.006, 0.008) * taper + 0.12 * bell(lower - 0.012, 0.006) * taper
    darken(image, np.clip(shade, 0, 0.8), 0.85, 1, 1)
    rim = 0.35 * bell(lower - 0.0016, 0.0016) * taper
    over(image, rim, image * 0.75 + 0.25 * light((225, 160, 145)))

    opening = edge(upper, n) * edge(-lower, n) * np.clip((1.03 - np.abs(t)) * 14, 0, 1)
    over(image, opening, _eyeball(f, out * side, down, t, np.exp(-np.maximum(upper, 0) / 0.0065)))
    thick = 0.0022 + (0.0011 if look.woman else 0) + 0.0008 * look.makeup
    ends = np.clip((1.12 - np.abs(t)) * 6, 0, 1) * np.clip(0.75 + 0.35 * t, 0, 1)
    line = np.clip(1.05 * bell(upper + 0.0008, thick) * ends, 0, 0.93)
    over(image, line, light((34, 22, 18)))
    over(image, 0.30 * bell(lower, 0.0014) * taper, light((70, 40, 34)))


def _eyeball(f: Frame, u: Field, v: Field, t: Field, shadow: Field) -> Field:
    """White, iris, pupil and the light's reflection; `shadow` is the upper lid's."""
    look, n = f.look, f.size
    ball = light((228, 219, 210)) * (0.62 + 0.38 * np.clip(1 - t * t, 0, 1)) * (1 - 0.55 * shadow)
    over(ball, 0.75 * bell(t + 0.97, 0.10), light((205, 130, 118)))
    u, v = u / _IRIS, (v + 0.003) / _IRIS
    rho, turn = np.sqrt(u * u + v * v), np.arctan2(v, u) / (2 * np.pi)
    spokes = lookup(noise(look, "iris", 4, 128), turn * 128, rho * 2)
    tone = 0.88 + 0.16 * spokes + 0.40 * np.clip(v + 0.1 - 0.3 * look.light * u, -0.4, 1)
    tone = np.maximum(tone * (1 - 0.78 * step(rho - 0.90, 0.09)), 0.05) * (1 - 0.5 * shadow)
    tone *= 1 - 0.97 * edge(0.40 - rho, n * _IRIS)
    over(ball, blur(edge(1 - rho, n * _IRIS), 0.7 * n / 512), light(look.iris) * tone)
    for across, down, radius, strength in ((0.33, -0.36, 0.18, 0.95), (-0.30, 0.38, 0.09, 0.25)):
        spot = np.sqrt((u - look.light * across) ** 2 + (v - down) ** 2)
        over(ball, strength * edge(radius - spot, n * _IRIS), light((255, 255, 255)))
    return ball


def _lashes(f: Frame, face: Field) -> None:
    look = f.look
    rng = seeds.generator("drawn", "lashes", look.seed)
    paths: list[list[Point]] = []
    tones: list[float] = []
    count = 34 if look.woman else 22
    for side in np.repeat((-1, 1), count):
        t = float(rng.uniform(-0.75, 1.0))
        upper, lower = (float(lid[0]) for lid in lids(look, np.array([t])))
        length = (0.008 + 0.006 * (t + 0.7)) * (1.2 if look.woman else 0.7) * rng.uniform(0.7, 1.1)
        u, lean = look.eye_x + 0.5 * look.eye_w * t, length * (0.20 + 0.65 * t)
        curl = [
            (q, look.eye_y + upper - length * (0.75 * q - 0.15 * q * (1 - q)))
            for q in (0, 0.35, 0.7, 1.0)
        ]
        paths.append([(side * (u + lean * q**1.3), v) for q, v in curl])
        tones.append(0.75)
        if t > -0.4:
            v = look.eye_y + lower
            ends = (0.1, 0.8)
            paths.append([(side * (u + 0.3 * lean * q), v + 0.3 * length * q) for q in ends])
            tones.append(0.3 if look.woman else 0.15)
    over(face, strokes(f, paths, tones) * (0.75 if look.woman else 0.55), light((30, 20, 16)))


def _brows(f: Frame, face: Field) -> None:
    look = f.look
    rng = seeds.generator("drawn", "brows", look.seed)
    count = int(190 * (0.7 + 12 * look.brow_thick))
    side = np.repeat((-1, 1), count)
    t, off = rng.uniform(-1, 1, 2 * count), rng.uniform(-1, 1, 2 * count)
    half = look.brow_thick * np.where(t < 0.1, 1, 1 - 0.80 * (t - 0.1) / 0.9)
    u, v = look.eye_x + BROW_OUTWARDS + look.brow_w * t, brow_line(look, t) + off * half
    slope = np.clip(0.05 + 0.95 * t, -0.9, 0.55) - 0.3 * off
    length = rng.uniform(0.012, 0.020, 2 * count) * np.where(t > 0.6, 0.7, 1)
    q = np.array([-0.4, 0.1, 0.6])[:, None]
    hairs = np.stack([side * (u + 0.8 * length * q), v + length * q * (slope + 0.1 * q)], axis=-1)
    drawn = strokes(
        f, hairs.transpose(1, 0, 2).tolist(), rng.uniform(0.35, 0.9, 2 * count).tolist()
    )

    ends = np.linspace(-0.92, 0.92, 24)
    line = list(
        zip(look.eye_x + BROW_OUTWARDS + look.brow_w * ends, brow_line(look, ends), strict=True)
    )
    pieces = [[(s * a, b) for a, b in line[k : k + 2]] for s in (-1, 1) for k in range(23)]
    fade = np.clip(1 - (ends[:-1] - 0.3), 0.3, 1).tolist() * 2
    soft = blur(strokes(f, pieces, fade, 1.5 * look.brow_thick), 0.006 * f.size)
    over(face, 0.62 * soft, light(look.brow))
    over(face, 0.85 * drawn, light(look.brow) * 0.6)
