"""Follows a face from frame to frame by parametric Lucas–Kanade.

Gauss–Newton on all parameters together, with the slopes of the first frame throughout (Baker &
Matthews 2004), starting from the frame before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equime_hub.schema.records import Landmarks
from equime_hub.video.motion import model as mo
from equime_hub.video.motion.patch import Array, Patch
from equime_hub.video.threads import one_thread

Curve = npt.NDArray[np.float64]

STEPS = 8
CLOSE = 0.002
"""IODs of head motion, and tenths of intensity, below which a step is the last."""
WILD = 1.5
"""Intensity beyond which no fit may go, so that a frame that shows something else harms none."""
LOST = 0.5
"""Residual over what is left of the contrast above which a frame shows another face or none."""
SHUTTING = 0.25
"""Closure of the lids above which the eyes tell nothing else."""
ODD = 0.35
"""Residual in the eyes above which they do something that no unit does: look away, say."""


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """Parameters of every frame.

    Attributes:
        units: T×17 intensities against the first frame.
        head: T×6, see `model.head_fields`.
        seen: T, whether the face was found again.
        model: What it was followed with.
    """

    units: Curve
    head: Curve
    seen: npt.NDArray[np.bool_]
    model: mo.FaceModel


def follow(frames: npt.NDArray[np.uint8], landmarks: Landmarks) -> FaceTrack | None:
    """Fit the model to every frame.

    Args:
        frames: T×H×W×3 RGB or T×H×W gray.
        landmarks: Of the face in the first frame.

    Returns:
        None if there is no contrast to see motion by.

    Raises:
        VideoError: See `Patch`.
    """
    patch = Patch(landmarks, frames.shape[2], frames.shape[1])
    with one_thread():
        model = mo.build(patch, patch.reduced(frames[0]))
        if model is None:
            return None
        fit = np.zeros((len(frames), mo.PARAMETERS), np.float32)
        seen, clear = (np.ones(len(frames), bool) for _ in range(2))
        last = fit[0]
        for index, frame in enumerate(frames[1:], 1):
            fit[index], seen[index], clear[index] = _frame(patch, model, patch.reduced(frame), last)
            if seen[index]:
                last = fit[index]
    units = fit[:, : mo.UNITS].astype(np.float64)
    units[:, mo.BLINK] += fit[:, mo.SHUT]
    # A blink hides what the lids did just before and after, too.
    clear = np.convolve(~clear, np.ones(5))[2:-2] < 0.5
    clear[0] = True  # all else is measured against it
    for unit in range(mo.UNITS):
        good = seen if unit not in mo.EYE_UNITS or unit == mo.BLINK else seen & clear
        units[:, unit] = _bridged(units[:, unit], good)
    head = np.stack([_bridged(curve, seen) for curve in fit[:, mo.HEAD].T], axis=1)
    return FaceTrack(units, head, seen, model)


def _frame(
    patch: Patch, model: mo.FaceModel, image: Array, start: Array
) -> tuple[Array, bool, bool]:
    """Parameters of a frame, whether the face is there, and whether its eyes could be read."""
    fit, residual = _descend(patch, model, image, start, model.solver)
    seen = _size(residual[~model.eyes]) < LOST * float(1 + fit[mo.GAIN])
    closure = fit[mo.BLINK] + fit[mo.SHUT]
    clear = abs(closure) < SHUTTING and _size(residual[model.eyes]) < ODD
    if seen and not clear:
        eyes = fit[mo.EYE_UNITS]
        fit, _ = _descend(patch, model, image, start, model.without_eyes)
        fit[mo.EYE_UNITS] = eyes
    return fit, seen, clear


def _descend(
    patch: Patch, model: mo.FaceModel, image: Array, start: Array, solver: Array
) -> tuple[Array, Array]:
    fit, residual = start, model.first
    for _ in range(STEPS):
        right, down, drawn = (fit[: mo.GAIN] @ model.changes).reshape(3, -1)
        seen = patch.look(image, model.x + right, model.y + down).ravel()
        expected = (1 + fit[mo.GAIN]) * model.first + drawn + fit[mo.BIAS]
        residual = (seen - np.float32(model.mean)) / np.float32(model.contrast) - expected
        step = solver @ residual
        fit = fit - step
        np.clip(fit[: mo.GAIN], -WILD, WILD, out=fit[: mo.GAIN])
        head, units = np.abs(step[mo.HEAD]).max(), np.abs(step[: mo.SHUT]).max()
        if head < CLOSE and units < 25 * CLOSE:
            break
    return fit, residual


def _size(values: Array) -> float:
    return float(np.sqrt(values @ values / len(values)))


def _bridged(values: npt.NDArray[np.floating], good: npt.NDArray[np.bool_]) -> Curve:
    """A curve with its bad frames replaced by straight lines; the first frame is good."""
    index = np.arange(len(values))
    return np.interp(index, index[good], values[good].astype(np.float64))
