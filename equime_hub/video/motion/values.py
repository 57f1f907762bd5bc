"""What is known of a clip's motion, and what it is called."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equime_hub.video.timing import milliseconds

Curve = npt.NDArray[np.float64]

KINDS = ("static", "head only", "exaggerated", "too long", "micro-like")


@dataclass(frozen=True)
class Thresholds:
    """Where one kind of motion ends and another begins.

    Attributes:
        peak_to_noise: Height of the peak over the noise of its curve, below which there is no
            expression, and no times are given. Clips without one reach 10 (`benchmarks/motion.py`;
            encoded too hard, at crf 26, a few reach 14).
        amplitude: Inter-ocular distances below which nothing moves; the same benchmark reads up
            to 0.005 where nothing does, and from 0.01 on in clips planned by default.
        leak: Share of the head's motion that may be left over as an expression; ours, for heads
            that turn in depth, which the model does not know.
        exaggerated: Inter-ocular distances above which an expression is no subtle one; ours,
            half as much again as MiE-X's largest intensity (0.3) gives on drawn people.
        duration_ms: Onset to offset above which an expression is no micro-expression: the
            field's 500 ms (Yan et al. 2013) and the quarter by which an estimate may be off.
        returned: Share of the motion that must be undone at the end of the clip; ours.
        head: Inter-ocular distances of head motion from which it is worth a name; ours.
        seen: Share of frames in which the face must be found again; ours.
    """

    peak_to_noise: float = 12.0
    amplitude: float = 0.007
    leak: float = 0.1
    exaggerated: float = 0.085
    duration_ms: float = 625.0
    returned: float = 0.5
    head: float = 0.01
    seen: float = 0.5

    def move(self, amplitude: float, peak_to_noise: float, head_motion: float, seen: float) -> bool:
        """Whether there is an expression, by the attributes of `Motion` with these names."""
        least = max(self.amplitude, self.leak * head_motion)
        sure = peak_to_noise >= self.peak_to_noise and seen >= self.seen
        return amplitude >= least and sure


DEFAULT = Thresholds()


@dataclass(frozen=True, eq=False)
class Motion:
    """How a face moves. Lengths are inter-ocular distances; None is "cannot be told".

    Attributes:
        fps: Frames per second of the scene.
        expression: T, the expression's farthest point along its way; 0 at rest, `amplitude` at
            the apex.
        brow: T, root mean square of how far the region has gone along its way at the apex.
        eye: The same.
        mouth: The same.
        head: T, root mean square motion of the face as a whole against the first frame.
        units: T×17 intensities in the order of `AU_NUMBERS`, 0 at rest (the blink: as in the
            first frame); what moves least is least certain.
        apex_units: 17 intensities at the apex, at least 0; the blink is none of the expression
            and always 0.
        amplitude: Largest motion of any point of the face at the apex.
        peak_to_noise: `amplitude` over the noise of `expression`.
        onset_frame: Last frame of rest; None also if the clip begins later.
        apex_frame: Frame of the strongest expression.
        offset_frame: First frame of rest again; None also if the clip ends before.
        fwhm_ms: Full width at half maximum of `expression`; None also if it is cut off.
        returned: Share of the amplitude that is undone in the last frame, in [0, 1].
        head_motion: Largest value of `head`.
        seen: Share of frames in which the face of the first one was found again.
    """

    fps: float
    expression: Curve
    brow: Curve
    eye: Curve
    mouth: Curve
    head: Curve
    units: Curve
    apex_units: tuple[float, ...]
    amplitude: float
    peak_to_noise: float
    onset_frame: int | None
    apex_frame: int | None
    offset_frame: int | None
    fwhm_ms: float | None
    returned: float | None
    head_motion: float
    seen: float

    @property
    def duration_ms(self) -> float | None:
        """From onset to offset."""
        if self.onset_frame is None or self.offset_frame is None:
            return None
        return milliseconds(self.offset_frame - self.onset_frame, self.fps)


def classify(motion: Motion, thresholds: Thresholds = DEFAULT) -> str:
    """Name the motion of a clip.

    A duration that is cut off counts as far as it is seen.

    Returns:
        One of `KINDS`.
    """
    read = (motion.amplitude, motion.peak_to_noise, motion.head_motion, motion.seen)
    if not thresholds.move(*read):
        return "head only" if motion.head_motion >= thresholds.head else "static"
    if motion.amplitude > thresholds.exaggerated:
        return "exaggerated"
    first = motion.onset_frame or 0
    last = len(motion.expression) - 1 if motion.offset_frame is None else motion.offset_frame
    lasts = milliseconds(last - first, motion.fps)
    returns = motion.returned is not None and motion.returned >= thresholds.returned
    return "micro-like" if returns and lasts <= thresholds.duration_ms else "too long"
