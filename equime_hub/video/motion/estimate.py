"""From the parameters of every frame to the motion of a clip."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from equime_hub.errors import VideoError
from equime_hub.schema.records import Landmarks
from equime_hub.video.motion.model import BLINK, UNITS, head_fields
from equime_hub.video.motion.patch import Array
from equime_hub.video.motion.pulse import FEWEST, Pulse, find
from equime_hub.video.motion.track import FaceTrack, follow
from equime_hub.video.motion.values import DEFAULT, Motion, Thresholds
from equime_hub.video.timing import exact

Curve = npt.NDArray[np.float64]

REGIONS = {"brow": (-0.75, -0.12), "eye": (-0.12, 0.3), "mouth": (0.65, 1.6)}
"""Heights of the regions in inter-ocular distances from between the eyes."""
SHORTEST_MS = 40.0
"""No expression is shorter: Ekman & Friesen's (1969) lower bound of 1/25 s."""
NOISE_FLOOR = 0.0005
"""Noise of a curve, in inter-ocular distances, where too few frames or too clean ones show
less: about what coding alone leaves."""
SLACK = 0.2
"""Share of the rise, or of the fall, that may be found beyond the clip while the expression still
begins, or ends, with it."""


def estimate(
    frames: npt.NDArray[np.uint8],
    fps: float,
    landmarks: Landmarks,
    thresholds: Thresholds = DEFAULT,
) -> Motion:
    """Measure the motion of a clip with one expression.

    Action units and head are fitted together against the first frame, so the head's motion is
    not taken for an expression. If there are several expressions, the most visible counts.

    Args:
        frames: T×H×W×3 RGB or T×H×W gray, uint8, T >= 2; decoded, not those before encoding.
        fps: Frames per second of the scene.
        landmarks: Of the face in the first frame, in pixels of the frames.
        thresholds: `Thresholds.move` decides whether times are given.

    Raises:
        VideoError: Frames of another form, a rate that is none, or landmarks of no face.
    """
    _check(frames, fps)
    track = follow(frames, landmarks)
    if track is None:
        return _nothing(len(frames), fps)
    pulse = _pulse(track, fps)
    amounts, shape = _shown(pulse, len(frames))
    few = len(frames) < FEWEST
    units = track.units if few else track.units - _rest(track.units, shape)
    amplitude = float(np.hypot(*np.tensordot(amounts, track.model.shown, 1)).max())
    expression = amplitude * _along(units, amounts, track.model.information)
    ratio = amplitude / (NOISE_FLOOR if few else _noise(expression - amplitude * shape))
    head = _sizes(track.head, head_fields(track.model.x, track.model.y).reshape(6, -1))
    head_motion, seen = float(head.max()), float(track.seen.mean())
    moves = thresholds.move(amplitude, ratio, head_motion, seen)
    timed = moves and not few
    smooth = _smooth(expression, min(pulse.rise, pulse.fall) / 8)
    apex = min(max(0, round(pulse.apex)), len(frames) - 1)
    return Motion(
        fps=fps,
        expression=expression,
        **_regions(track, units, shape),
        head=head,
        units=units,
        apex_units=tuple(amounts.tolist()),
        amplitude=amplitude,
        peak_to_noise=ratio,
        onset_frame=_onset(pulse) if timed else None,
        apex_frame=apex if timed else None,
        offset_frame=_offset(pulse, len(frames)) if timed else None,
        fwhm_ms=_width(smooth, apex, fps) if timed else None,
        returned=float(np.clip(1 - smooth[-1] / smooth[apex], 0, 1)) if moves else None,
        head_motion=head_motion,
        seen=seen,
    )


def _check(frames: npt.NDArray[np.uint8], fps: float) -> None:
    colour = frames.ndim == 4 and frames.shape[3] == 3
    if frames.dtype != np.uint8 or not (colour or frames.ndim == 3) or len(frames) < 2:
        raise VideoError(
            "Motion needs at least two frames, T×H×W×3 or T×H×W uint8, got "
            f"shape {frames.shape} and type {frames.dtype}. Decode the clip with `codec.decode`."
        )
    exact(fps)  # refuses a rate that is none


def _nothing(count: int, fps: float) -> Motion:
    """The motion of frames that show nothing."""
    flat: Any = np.zeros(count)
    curves = dict.fromkeys(("expression", "head", *REGIONS), flat)
    return Motion(fps=fps, units=np.zeros((count, UNITS)), apex_units=(0.0,) * UNITS, **curves)


def _pulse(track: FaceTrack, fps: float) -> Pulse:
    """The expression: of all units but the blink, which comes and goes by itself."""
    parts = [unit for unit in range(UNITS) if unit != BLINK]
    information = track.model.information[np.ix_(parts, parts)]
    shortest = max(3.0, SHORTEST_MS * fps / 1000)
    pulse = find(track.units[:, parts], information, shortest)
    return pulse._replace(amounts=np.insert(pulse.amounts, BLINK, 0.0))


def _shown(pulse: Pulse, count: int) -> tuple[Curve, Curve]:
    """The amounts by which the units change within the clip, and the course, from 0 to 1.

    What a pulse promises outside the clip is not counted.
    """
    shape = pulse.shape(count)
    low, high = float(shape.min()), float(shape.max())
    return pulse.amounts * (high - low), (shape - low) / max(high - low, 1e-9)


def _rest(units: Curve, shape: Curve) -> Curve:
    """What each unit reads where the pulse is 0; the blink stays as it is."""
    centred = shape - shape.mean()
    slope = centred @ units / max(float(centred @ centred), 1e-9)
    rest = units.mean(axis=0) - slope * shape.mean()
    rest[BLINK] = 0
    return np.asarray(rest)


def _along(units: Curve, amounts: Curve, information: Curve) -> Curve:
    """How much of `amounts` each frame shows, by the least noisy mean of the units."""
    weights = information @ amounts
    return np.asarray(units @ weights / max(float(amounts @ weights), 1e-9))


def _noise(rest: Curve) -> float:
    """Standard deviation, by the median: a second expression or a jump is no noise."""
    return max(1.4826 * float(np.median(np.abs(rest - np.median(rest)))), NOISE_FLOOR)


def _sizes(parameters: Curve, fields: Array) -> Curve:
    """Root mean square over the pixels of the motion that each frame's parameters make."""
    gram = 2 * (fields @ fields.T).astype(np.float64) / fields.shape[1]
    squares = np.einsum("ti,ij,tj->t", parameters, gram, parameters)
    return np.asarray(np.sqrt(squares.clip(0)))


def _regions(track: FaceTrack, units: Curve, shape: Curve) -> dict[str, Curve]:
    """How far each region goes along its own way at the apex."""
    still = units.copy()
    still[:, BLINK] = 0
    way = (shape - shape.mean()) @ still
    heights = track.model.y.ravel()
    curves = {}
    for name, (top, bottom) in REGIONS.items():
        fields = track.model.shown[:, :, (heights >= top) & (heights < bottom)].reshape(UNITS, -1)
        gram = 2 * fields.astype(np.float64) @ fields.T / fields.shape[1]
        along = gram @ way
        curves[name] = still @ along / max(float(np.sqrt(way @ along)), 1e-9)
    return curves


def _onset(pulse: Pulse) -> int | None:
    """None if it is surely before the clip."""
    return max(0, round(pulse.onset)) if pulse.onset > -SLACK * pulse.rise else None


def _offset(pulse: Pulse, count: int) -> int | None:
    """None if it is surely after the clip."""
    inside = pulse.offset < count - 1 + SLACK * pulse.fall
    return min(count - 1, round(pulse.offset)) if inside else None


def _smooth(curve: Curve, deviation: float) -> Curve:
    """A curve under a Gaussian window that leaves its ends where they are."""
    reach = int(np.ceil(3 * deviation)) + 1
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(deviation, 0.3)) ** 2)
    padded = np.pad(curve, reach, "edge")
    return np.convolve(padded, window / window.sum(), "valid")


def _width(curve: Curve, apex: int, fps: float) -> float | None:
    """Full width at half the height of the apex in milliseconds; None if cut off."""
    low = np.flatnonzero(curve < curve[apex] / 2)
    before, after = low[low < apex], low[low > apex]
    if not len(before) or not len(after):
        return None
    ends = []
    for inner, outer in ((before[-1] + 1, before[-1]), (after[0] - 1, after[0])):
        share = (curve[inner] - curve[apex] / 2) / (curve[inner] - curve[outer])
        ends.append(inner + share * (outer - inner))
    return float(1000 * (ends[1] - ends[0]) / fps)
