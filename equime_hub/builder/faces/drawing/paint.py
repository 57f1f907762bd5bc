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
    lip_edges,
    outline,
    place,
)
from equime_hub.builder.faces.drawing.tools import (
    FaceGrid,
    bell,
    blob,
    blur,
    cloud,
    darken,
    edge,
    enlarge,
    grid,
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
    f = grid(look, size)
    image = backdrop(f)
    behind(f, image)
    body(f, image)
    ears(f, image)
    _face(*f.part(image, *_FACE))
    spectacles(f, image)
    hair(f, image)
    film = 1.2 * f.grain[::-1, ::-1]
    shown = np.empty((size, size, 3), np.uint8)
    for channel, plane in enumerate(image):
        values = 255 * np.sqrt(np.clip(plane, 0, 1)) + film
        shown[:, :, channel] = np.rint(np.clip(values, 0, 255))
    return shown


def _face(f: FaceGrid, image: Field) -> None:
    face = _skin(f)
    for side in (-1, 1):
        _eye(f, face, side)
    _lashes(f, face)
    _brows(f, face)
    over(image, edge(polar(outline(f.look), f.angle) - f.radius, f.size), face)


def _eye(f: FaceGrid, face: Field, side: int) -> None:
    """One eye with its lids, in place."""
    look, n = f.look, f.size
    x, y = place(look, 1, (side * look.eye_x, look.eye_y))
    borders = (y + 0.5 - 0.07, y + 0.5 + 0.07, x + 0.5 - 0.10, x + 0.5 + 0.10)
    f, image = f.part(face, *borders)
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


def _eyeball(f: FaceGrid, u: Field, v: Field, t: Field, shadow: Field) -> Field:
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


def _lashes(f: FaceGrid, face: Field) -> None:
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


def _brows(f: FaceGrid, face: Field) -> None:
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


# --- the skin: a relief under a soft light, with pores, flush, lines, lips and beard --------------


def _skin(f: FaceGrid) -> Field:
    """The lit face without eyes, brows and hair, 3×H×W; what lies off the face means nothing."""
    look, n = f.look, f.size
    fine = n / 512
    small = grid(look, max(n // 2, 1))
    rough = _relief(small)
    z = blur(enlarge(f, rough), 1.5 * fine)
    hollow = enlarge(f, blur(rough, 0.022 * small.size) - rough)
    pores = blur(f.grain, 0.8 * fine + 0.2) - blur(f.grain, 2.2 * fine + 0.2)
    mottle = cloud(f, "mottle", 90)
    crease = blur(strokes(f, *_creases(look), thick=2 / 512), 1.1 * fine)

    z += (0.00030 + 0.00015 * look.lines) * pores + 0.00004 * mottle - 0.0030 * crease
    # fair skin is bright: it shows the same grey levels with fainter blotches
    blotches = (0.055 - 0.00017 * look.skin[1]) * cloud(f, "blotches", 170)
    albedo = light(look.skin) * (1 + 0.028 * pores + 0.018 * mottle + blotches)
    _flush(f, albedo)
    darken(albedo, crease, 0.26, 0.38, 0.40)
    shine = np.full_like(z, 0.5) + 0.9 * blob(f, 0, look.nose_y - 0.012, 0.016, 0.03)
    _lips(f, albedo, z, shine)
    darken(albedo, np.clip(hollow * 42, -0.25, 0.6), 0.50, 0.70, 0.72)
    nostril = blob(f, look.nose_w * 0.44, look.nose_y + 0.0275, look.nose_w * 0.19, 0.0046)
    darken(albedo, np.clip(1.1 * nostril, 0, 1), 0.72, 0.84, 0.84)
    return _lit(f, z, albedo, shine * (1 + 0.4 * pores))


def _relief(f: FaceGrid) -> Field:
    """Height towards the viewer, without the fine lines."""
    look, v, side = f.look, f.v, f.side
    ex, ey, tip, my, nw = look.eye_x, look.eye_y, look.nose_y, look.mouth_y, look.nose_w
    rho = np.minimum(f.radius / polar(outline(look), f.angle), 1)
    z = 0.30 * np.sqrt(1 - rho**2.3)
    z += (0.010 if look.woman else 0.015) * blob(f, ex - 0.01, look.brow_y - 0.004, 0.07, 0.024)
    z -= 0.026 * blob(f, ex - 0.014, ey - 0.006, 0.058, 0.034)
    z += 0.019 * blob(f, ex, ey, 0.042, 0.027)
    z -= 0.007 * blob(f, ex - 0.01, ey + 0.056, 0.05, 0.018) * (0.6 + look.lines)
    z += 0.018 * blob(f, 0.155, 0.595, 0.058, 0.050)
    z -= 0.012 * blob(f, 0.19, 0.72, 0.05, 0.05) * (0.6 + 0.6 * look.lines)
    # the nose's underside curves up towards its wings
    height = np.interp(
        v + 7 * side * side,
        (0.40, ey - 0.01, ey + 0.05, tip - 0.04, tip - 0.01, tip + 0.012, tip + 0.034, tip + 0.05),
        np.array((0.0, 0.014, 0.028, 0.047, 0.054, 0.048, 0.012, 0.0)) * look.nose_z,
    )
    width = np.interp(v, (ey, tip - 0.045, tip, tip + 0.04), (0.022, 0.025, 0.48 * nw, 0.034))
    z += height * np.exp(-0.5 * (f.u / width) ** 2)
    z += 0.020 * blob(f, 0, tip + 0.002, 0.36 * nw, 0.019)
    z += 0.034 * blob(f, 0.74 * nw, tip + 0.009, 0.24 * nw, 0.0145)
    z += 0.016 * blob(f, 0, my, look.mouth_w * 0.8, 0.045)
    z -= 0.005 * blob(f, 0, my - look.lip_up - 0.018, 0.010, 0.015)
    z -= 0.015 * blob(f, 0, my + look.lip_low + 0.022, 0.055, 0.013)
    z += 0.018 * blob(f, 0, look.chin_y - 0.055, 0.05, 0.03)
    z -= 0.008 * blob(f, look.mouth_w + 0.012, my + 0.004, 0.016, 0.020)
    fold = 0.045 + (look.mouth_w - 0.025) * np.clip((v - tip) / (my - tip), 0, 1.3) ** 0.8
    reach = step(v - tip + 0.005, 0.02) * step(my + 0.03 - v, 0.03)
    swell = step(side - fold, 0.010) * bell(side - fold, 0.06)
    return np.asarray(z + (0.003 + 0.006 * look.lines) * swell * reach)


def _creases(look: Look) -> tuple[list[list[Point]], list[float]]:
    """Lines of age and of the nose's wings as strokes, and their strengths."""
    rng = seeds.generator("drawn", "creases", look.seed)
    age, found = look.lines, list[tuple[float, list[Point]]]()

    def add(tone: float, u: Field, v: Field) -> None:
        found.append((tone, [(float(a), float(b)) for a, b in zip(u, v, strict=True)]))

    t = np.linspace(-1, 1, 25)
    for k in range(4):
        half, shift, phase = rng.uniform(0.09, 0.15), rng.normal(0, 0.012), rng.uniform(0, 6)
        wobble = 0.003 * np.sin(3 * t + phase) + 0.0012 * np.sin(11 * t + 2 * phase)
        v = look.brow_y - 0.055 - 0.028 * k + 0.008 * t * t + wobble
        add((age - 0.30) * rng.uniform(0.5, 1.0), shift + half * t, v)
    q = np.linspace(0, 1, 16)
    drop, lean = look.mouth_y - look.nose_y - 0.012, look.mouth_w - look.nose_w + 0.012
    for s in (-1, 1):
        for k in range(4):
            turn, length = (k - 1.4) * 0.32 + rng.normal(0, 0.06), rng.uniform(0.028, 0.05)
            u = look.eye_x + 0.62 * look.eye_w + length * q * np.cos(turn)
            v = look.eye_y + 0.007 * (k - 0.8) + length * q * np.sin(turn) + 0.006 * q * q
            add((age - 0.28) * rng.uniform(0.5, 0.95), s * u, v)
        for below, tone in ((0.040, 0.5 * age), (0.058, 0.45 * (age - 0.35))):
            v = look.eye_y + below - 0.013 * t * t - 0.004 * t
            add(tone, s * (look.eye_x - 0.012 + 0.046 * t), v)
        u = look.nose_w + 0.010 + lean * q**0.65
        add(0.08 + 0.50 * age, s * u, look.nose_y + 0.006 + drop * q)
        add(
            0.55 * (age - 0.45),
            s * (look.mouth_w + 0.008 + 0.008 * q),
            look.mouth_y + 0.012 + 0.05 * q,
        )
        add(0.6 * (age - 0.35), s * (0.022 - 0.006 * q), look.brow_y + 0.03 - 0.05 * q)
        arc = np.linspace(-1.15, 1.0, 16)
        u = 0.74 * look.nose_w + 0.27 * look.nose_w * np.cos(arc)
        add(0.42, s * u, look.nose_y + 0.010 + 0.021 * np.sin(arc))
    shown = [(tone, path) for tone, path in found if tone > 0.04]
    return [path for _, path in shown], [tone for tone, _ in shown]


def _flush(f: FaceGrid, albedo: Field) -> None:
    """Blood, tired eyes, freckles and make-up, in place."""
    look = f.look
    flush = 0.9 * blob(f, 0.160, 0.60, 0.06, 0.05) + 0.7 * blob(f, 0, look.nose_y, 0.045, 0.03)
    flush += 0.3 * blob(f, 0, look.chin_y - 0.05, 0.05, 0.03)
    flush *= (1 + 0.7 * look.makeup) * (1 + 0.12 * cloud(f, "patches", 14))
    darken(albedo, flush, -0.04, 0.12, 0.11)
    tired = blob(f, look.eye_x - 0.012, look.eye_y + 0.034, 0.042, 0.016)
    darken(albedo, tired * (0.10 + 0.18 * look.lines), 0.8, 1.0, 0.85)
    shade = look.makeup * blob(f, look.eye_x + 0.006, look.eye_y - 0.032, 0.05, 0.016)
    darken(albedo, shade, 0.25, 0.40, 0.34)
    if look.freckles > 0:
        spots = np.clip(cloud(f, "freckles", 190) - 1.3, 0, 1) * look.freckles
        spots *= np.clip(1.6 * blob(f, 0.11, 0.58, 0.10, 0.07), 0, 1)
        darken(albedo, spots, 0.22, 0.36, 0.42)


def _lips(f: FaceGrid, albedo: Field, z: Field, shine: Field) -> None:
    """Lips, and the beard around them, in place."""
    look, n = f.look, f.size
    z, shine = (f.part(each, look.mouth_y - 0.2, 1)[1] for each in (z, shine))
    f, albedo = f.part(albedo, look.mouth_y - 0.2, 1)
    t = f.u / look.mouth_w
    top, line, bottom = lip_edges(look, t)
    within = np.clip((1 - np.abs(t)) * 12, 0, 1)
    lips = blur(edge(f.v - top, n) * edge(bottom - f.v, n) * within, n / 512)
    above = np.clip((f.v - top) / np.maximum(line - top, 1e-3), 0, 1)
    below = np.clip((f.v - line) / np.maximum(bottom - line, 1e-3), 0, 1)
    bulge = np.where(f.v < line, 0.7 * np.sin(np.pi * above), np.sin(np.pi * below))
    wrinkle = lookup(noise(look, "lips", 4, 256), t * 45 + 128, (f.v - top) * 40)
    z += 0.0075 * lips * bulge + 0.0003 * lips * wrinkle
    shine += 0.7 * lips
    rim = bell(f.v - top, 0.005) * within + 0.6 * bell(f.v - bottom - 0.004, 0.006) * within
    darken(albedo, rim * (1 - lips), -0.05, -0.05, -0.05)
    over(albedo, 0.9 * lips, light(look.lip) * (1 + 0.05 * wrinkle) * (0.80 + 0.24 * below))
    if look.beard > 0:
        _beard(f, albedo, lips)
    parting = bell(f.v - line, 0.0022) * np.clip((1.03 - np.abs(t)) * 25, 0, 1)
    darken(albedo, 0.85 * parting, 0.80, 0.94, 0.94)


def _beard(f: FaceGrid, albedo: Field, lips: Field) -> None:
    look = f.look
    cheek = look.mouth_y - 0.070 + 0.36 * np.maximum(0.83 * look.cheek_w - f.side, 0)
    area = step(f.v - cheek, 0.020)
    area = np.maximum(area, blob(f, 0.05, look.mouth_y - look.lip_up - 0.018, 0.05, 0.013))
    area *= 1 - np.clip(1.6 * blur(lips, 2.0 * f.size / 512), 0, 1)
    texture = noise(look, "beard", 32, 512)
    down = (f.v - 0.5) * 90
    hairs = lookup(texture, f.u * (300 + 170 * f.v) + 256, down)
    hairs = hairs + 0.7 * lookup(texture, f.u * 190 + 77, down * 0.5)
    full = np.clip(look.beard * 1.5 - 0.35, 0, 1)
    amount = area * (look.beard * (0.42 + 0.16 * hairs) + full * (0.28 + 0.12 * hairs))
    over(albedo, np.clip(amount, 0, 0.94), light(look.brow) * (1.15 + 0.35 * hairs))


def _lit(f: FaceGrid, z: Field, albedo: Field, shine: Field) -> Field:
    """Soft key light from one side above, fill from the other, red bleeding light, highlights."""
    gx, gy = np.zeros_like(z), np.zeros_like(z)
    gx[:, 1:-1] = (z[:, 2:] - z[:, :-2]) * (0.5 * f.size)
    gy[1:-1] = (z[2:] - z[:-2]) * (0.5 * f.size)
    nz = 1 / np.sqrt(1 + gx * gx + gy * gy)
    nx, ny = -f.look.light * gx * nz, -gy * nz
    key = 0.58 * nx - 0.44 * ny + 0.70 * nz
    fill = np.maximum(0.65 * nz - 0.75 * nx - 0.05 * ny, 0)
    gloss = np.maximum(0.29 * nx - 0.23 * ny + 0.93 * nz, 0)
    for _ in range(5):
        gloss *= gloss
    gloss *= 0.10 * shine
    out = np.empty_like(albedo)
    for c, (wrap, warm, cool) in enumerate(
        zip((0.45, 0.28, 0.22), (1.05, 1, 0.95), (0.94, 1, 1.07), strict=True)
    ):
        lit = np.maximum(key + wrap, 0) * (1 / (1 + wrap))
        out[c] = albedo[c] * (1.0 * warm * lit * lit + 0.20 * cool * fill + 0.10) + gloss
    return out
