"""What a drawn face looks like: its measures and colours, and the curves that follow from them.

Lengths are fractions of the image side. The face's own frame has u = 0 on its midline, positive
to the right of the image, and v = 0 at the top; it is the image's frame turned by the head's roll
around (0, `CENTRE_V`). The measures follow the alignment of CelebA-HQ and FFHQ: eyes at
(0.375, 0.4725) and (0.625, 0.4725), mouth at (0.5, 0.745).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equime_hub.schema.records import Landmarks, Point

Field = npt.NDArray[np.float64]
Colour = tuple[float, float, float]
"""sRGB, 0 to 255."""

CENTRE_V = 0.52
BROW_OUTWARDS = 0.006
"""How much farther out the middle of a brow lies than the middle of its eye."""


@dataclass(frozen=True)
class Look:
    """Everything that is drawn of one person.

    Attributes:
        seed: Of pores, strands and all else that is only texture.
        woman: Drives lashes, brow ridge and neck.
        skin: Skin in full light.
        lip: Lips in full light.
        iris: Iris in full light.
        hair: Hair on the head.
        brow: Brows and beard.
        cloth: Clothing.
        backdrop: Studio background where it is lit.
        style: A key of `hair.STYLES`.
        volume: How far the hair stands out above the head.
        hairline: How far the hairline has receded.
        wave: 0 for straight hair, 1 for wavy.
        eye_x: Distance of an eye's centre from the midline.
        eye_y: Height of the eyes' centres.
        eye_w: Width of an eye's opening.
        eye_h: Its height.
        eye_tilt: How far its outer corner lies above its middle.
        crease: Distance of the lid's fold from its edge.
        brow_y: Height of the brows' ends, roughly.
        brow_w: Half a brow's length.
        brow_thick: Half its thickness.
        brow_arch: How far it rises.
        nose_y: Height of the tip of the nose.
        nose_w: Half the nose's width.
        nose_z: How far it stands out, 1 on average.
        mouth_y: Height of the mouth's corners.
        mouth_w: Half the mouth's width.
        lip_up: Height of the upper lip.
        lip_low: Height of the lower lip.
        chin_y: Lowest point of the chin.
        chin_w: Half the chin's width.
        jaw_w: Half the face's width at the angle of the jaw.
        cheek_w: The same at the cheekbones.
        temple_w: The same at the temples.
        roll: Turn of the head in radians, clockwise as seen.
        light: -1 if the light comes from the left of the image, 1 if from the right.
        lines: Age lines, 0 none to 1 deep.
        beard: 0 none, 0.2 shadow, 0.5 stubble, 1 full.
        freckles: 0 to 1.
        makeup: 0 to 1.
        glasses: Colour of the frame, or None.
    """

    seed: int
    woman: bool
    skin: Colour
    lip: Colour
    iris: Colour
    hair: Colour
    brow: Colour
    cloth: Colour
    backdrop: Colour
    style: str
    volume: float
    hairline: float
    wave: float
    eye_x: float
    eye_y: float
    eye_w: float
    eye_h: float
    eye_tilt: float
    crease: float
    brow_y: float
    brow_w: float
    brow_thick: float
    brow_arch: float
    nose_y: float
    nose_w: float
    nose_z: float
    mouth_y: float
    mouth_w: float
    lip_up: float
    lip_low: float
    chin_y: float
    chin_w: float
    jaw_w: float
    cheek_w: float
    temple_w: float
    roll: float
    light: float
    lines: float
    beard: float
    freckles: float
    makeup: float
    glasses: Colour | None


def brow_line(look: Look, t: Field) -> Field:
    """Middle of a brow (v) over t in [-1, 1], inner to outer end."""
    return np.asarray(look.brow_y - look.brow_arch * (0.25 - ((t - 0.20) / 1.2) ** 2))


def lids(look: Look, t: Field) -> tuple[Field, Field]:
    """Edges of the upper and lower lid (v from the eye's centre) over t in [-1, 1], inner to outer.

    The two are half `eye_h` above and below the centre where the opening is highest.
    """
    t = np.clip(t, -1, 1)
    axis = 0.08 * look.eye_h - look.eye_tilt * t
    bow, sag = t + 0.10 * (1 - t * t), t - 0.06 * (1 - t * t)
    upper = axis - 0.58 * look.eye_h * np.maximum(1 - bow * bow, 0) ** 0.72
    lower = axis + 0.42 * look.eye_h * np.maximum(1 - sag * sag, 0) ** 0.8
    return upper, lower


def lip_edges(look: Look, t: Field) -> tuple[Field, Field, Field]:
    """Upper edge, parting and lower edge of the closed mouth (v) over t in [-1, 1]."""
    t = np.clip(np.abs(t), 0, 1)
    middle, wing, end = np.exp(-((t / 0.16) ** 2)), np.exp(-(((t - 0.45) / 0.25) ** 2)), t**8
    upper = look.mouth_y - look.lip_up * (1 - 0.16 * middle) * (1 - t**1.9) ** 1.1 / 0.84
    line = look.mouth_y + (0.0060 + 0.0020 * middle - 0.0010 * wing) * (1 - end)
    lower = look.mouth_y + look.lip_low * np.sqrt(1 - t * t) * (1 - 0.25 * t * t)
    return np.minimum(upper, line), line, np.maximum(lower, line)


def outline(look: Look) -> Sequence[Point]:
    """Right half of the face's outline, from the top of the skull to the chin."""
    low = 0.73
    return (
        (0, 0.085),
        (0.12, 0.100),
        (0.212, 0.160),
        (look.temple_w - 0.004, 0.26),
        (look.temple_w + 0.006, 0.36),
        (look.cheek_w, 0.48),
        (look.cheek_w * 0.95, 0.59),
        (look.jaw_w, low),
        (0.5 * (look.jaw_w + look.chin_w) + 0.010, 0.5 * (low + look.chin_y) + 0.026),
        (look.chin_w, look.chin_y - 0.015),
        (0, look.chin_y),
    )


def place(look: Look, size: int, point: Point) -> Point:
    """A point (u, v) of the face's frame in pixels of the image."""
    c, s = float(np.cos(look.roll)), float(np.sin(look.roll))
    u, v = point[0], point[1] - CENTRE_V
    return (0.5 + c * u - s * v) * size - 0.5, (CENTRE_V + s * u + c * v) * size - 0.5


def landmarks(look: Look, size: int) -> Landmarks:
    """Where the parts of the face are in an image of the given side."""
    middle = np.zeros(1)
    top, _, bottom = (float(edge[0]) for edge in lip_edges(look, middle))
    brow_x, brow_v = look.eye_x + BROW_OUTWARDS, float(brow_line(look, middle)[0])

    def at(u: float, v: float) -> Point:
        return place(look, size, (u, v))

    return Landmarks(
        left_eye=at(-look.eye_x, look.eye_y),
        right_eye=at(look.eye_x, look.eye_y),
        left_brow=at(-brow_x, brow_v),
        right_brow=at(brow_x, brow_v),
        nose=at(0, look.nose_y),
        mouth_left=at(-look.mouth_w, look.mouth_y),
        mouth_right=at(look.mouth_w, look.mouth_y),
        mouth_top=at(0, top),
        mouth_bottom=at(0, bottom),
        chin=at(0, look.chin_y),
        eye_width=look.eye_w * size,
        eye_height=look.eye_h * size,
    )
