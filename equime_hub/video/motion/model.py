"""A linear model of how the first frame changes: action units, blink, head, light.

Smooth skin is moved (`action_fields.soft_field`). Lids and lips slide over what lies behind
them; what that changes in the first frame is drawn and added to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from equime_hub.schema.taxonomy import AU_INDEX, AU_NUMBERS
from equime_hub.video import action_fields as af
from equime_hub.video.motion.patch import Array, Patch

UNITS = len(AU_NUMBERS)
BLINK = AU_INDEX[45]
SHUT, HEAD, GAIN, BIAS = UNITS, slice(UNITS + 1, UNITS + 7), UNITS + 7, UNITS + 8
PARAMETERS = UNITS + 9
"""17 units (the blink as lids begin to close), lids shut, six of the head, gain and bias."""
EYE_UNITS = [AU_INDEX[unit] for unit in (5, 7, 45)] + [SHUT]
"""What only the eyes tell of."""

DRAWN = 0.3
"""Intensity at which lids and lips are drawn."""
RIDGE = 0.1
"""Weight of the prior that intensities are near 0. The residual is a tenth of the contrast at
worst, so this is a standard deviation of 0.3, MiE-X's largest intensity."""

Matrix = npt.NDArray[np.float64]


class FaceModel(NamedTuple):
    """The model of one face; N is the number of pixels of its patch.

    Attributes:
        x: Where they are, 1×N, IODs.
        y: The same.
        first: The first frame, N values in units of its contrast around 0.
        mean: Its mean in grey levels.
        contrast: Its standard deviation in grey levels.
        changes: Parameters but gain and bias × 3N: how far skin goes right and down, in IODs,
            and what is added to the first frame.
        solver: Parameters × N: residual → step of Gauss and Newton.
        without_eyes: The same, from pixels outside the eyes.
        eyes: Which pixels are eyes and lids, N.
        information: 17×17: what the pixels tell of the units, all else unknown.
        shown: 17×2×N: displacement at intensity 1, lids and lips included, IODs.
    """

    x: Array
    y: Array
    first: Array
    mean: float
    contrast: float
    changes: Array
    solver: Array
    without_eyes: Array
    eyes: npt.NDArray[np.bool_]
    information: Matrix
    shown: Array


def build(patch: Patch, image: Array) -> FaceModel | None:
    """The model of a face.

    Args:
        patch: Where it is.
        image: The first frame, from `Patch.reduced`.

    Returns:
        None if the patch has no contrast to see motion by.
    """
    plain = patch.look(image, patch.x, patch.y)
    mean, contrast = float(plain.mean()), float(plain.std())
    if contrast < 1:
        return None
    units = (_unit(patch, image, plain, index) for index in range(UNITS))
    skin, paint, shown = zip(*units, strict=True)
    shut, _ = _lids(patch, image, plain, af.Opening(1.0, 0.06, 0.0, 0.0))
    still = np.zeros((1, 2, *plain.shape), np.float32)
    moved = np.concatenate([np.stack(skin), still, head_fields(patch.x, patch.y)])
    drawn = np.zeros((GAIN, *plain.shape), np.float32)
    drawn[:UNITS] = paint
    drawn[SHUT] = shut - plain
    drawn /= contrast

    right, down = _slopes(patch, image) / np.float32(contrast)
    first = (plain.ravel() - mean) / np.float32(contrast)
    columns = np.empty((PARAMETERS, first.size), np.float32)
    columns[:GAIN] = (moved[:, 0] * right + moved[:, 1] * down - drawn)[:, 0]
    columns[GAIN], columns[BIAS] = -first, -1
    eyes = (shut != plain).ravel()
    ridge = np.diag(np.where(np.arange(PARAMETERS) <= SHUT, RIDGE, 0.0))
    normal = (columns @ columns.T).astype(np.float64) + ridge
    seen = columns * ~eyes
    rest = [i for i in range(PARAMETERS) if i not in EYE_UNITS]
    without_eyes = np.zeros_like(columns)
    blind = (seen @ seen.T).astype(np.float64) + ridge
    without_eyes[rest] = np.linalg.inv(blind[np.ix_(rest, rest)]) @ seen[rest]
    return FaceModel(
        x=patch.x,
        y=patch.y,
        first=first,
        mean=mean,
        contrast=contrast,
        changes=np.concatenate([moved, drawn[:, None]], axis=1).reshape(GAIN, -1),
        solver=(np.linalg.inv(normal) @ columns).astype(np.float32),
        without_eyes=without_eyes,
        eyes=eyes,
        information=_marginal(normal),
        shown=np.stack(shown)[:, :, 0],
    )


def _slopes(patch: Patch, image: Array) -> Array:
    """2×H×W: grey levels an IOD to the right and down."""
    step = np.float32(patch.pixel)
    right = patch.look(image, patch.x + step, patch.y) - patch.look(image, patch.x - step, patch.y)
    down = patch.look(image, patch.x, patch.y + step) - patch.look(image, patch.x, patch.y - step)
    return np.asarray(np.stack((right, down)) / (2 * step), np.float32)


def _unit(patch: Patch, image: Array, plain: Array, index: int) -> tuple[Array, Array, Array]:
    """One action unit at intensity 1: skin that moves, what is drawn, and both as seen."""
    strength = [0.0] * UNITS
    strength[index] = 1.0
    moved = af.soft_field(patch.face, patch.x, patch.y, strength)
    strength[index] = DRAWN
    opening = af.Opening.of(strength)
    drawn, shown = np.zeros_like(plain), moved.copy()
    for slides, draw in ((opening[:2], _lids), (opening[2:], _lips)):
        if any(slides):
            changed, down = draw(patch, image, plain, opening)
            drawn += (changed - plain) / np.float32(DRAWN)
            shown[1] += down / np.float32(DRAWN)
    return moved, drawn, shown


def _lids(patch: Patch, image: Array, plain: Array, opening: af.Opening) -> tuple[Array, Array]:
    """The first frame with its lids moved, and how far down they went, IODs."""
    changed, down = plain.copy(), np.zeros_like(plain)
    for layer in af.lid_layers(patch.face, patch.x, patch.y, opening, patch.pixel):
        shift, cover = (value.astype(np.float32) for value in layer)
        changed += cover * (patch.look(image, patch.x, patch.y + shift) - changed)
        down += cover * (-shift - down)
    return changed, down


def _lips(patch: Patch, image: Array, plain: Array, opening: af.Opening) -> tuple[Array, Array]:
    """The first frame with its lips apart, and how far down they went, IODs."""
    found = af.lip_shift(patch.face, patch.x, patch.y, opening, patch.pixel)
    shift, inside = (value.astype(np.float32) for value in found)
    changed = patch.look(image, patch.x, patch.y + shift)
    changed += inside * (np.float32(np.percentile(plain, 1)) - changed)
    return changed, -shift * (1 - inside)


def head_fields(x: Array, y: Array) -> Array:
    """The head's shift right, growth and shear of x, and the same of y: 6×2×H×W, IODs."""
    fields = np.zeros((6, 2, *x.shape), np.float32)
    for axis in (0, 1):
        fields[3 * axis : 3 * axis + 3, axis] = np.ones_like(x), x, y
    return fields


def _marginal(normal: Matrix) -> Matrix:
    """Information on the units when everything else is unknown (Schur complement)."""
    units, rest = slice(None, UNITS), slice(UNITS, None)
    cross = normal[units, rest]
    return np.asarray(normal[units, units] - cross @ np.linalg.solve(normal[rest, rest], cross.T))
