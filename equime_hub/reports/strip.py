"""Videos as strips: faces in a row, and below them how far they move, on one clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from equime_hub.reports.figures import ACCENT, INK, PALETTE, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from equime_hub.prediction.video import VideoReading

MARKS = {"onset": PALETTE[0], "apex": ACCENT, "offset": PALETTE[2]}
"""Moment → its colour."""

_WIDTH = 7.0
_QUIET = "#7a828c"
_RULE = "#c9ced4"
_SHADE = "#fbeee6"
_FLAT = 1.0
"""Per cent that the axis of motion shows at least, so that noise looks small."""


_LIKELY = 3
"""Classes that are shown with their probabilities."""
_HEAD, _FACES, _GAP, _CURVE, _FOOT, _NOTE = 0.43, 1.03, 0.28, 0.92, 0.44, 0.13
_LEFT, _RIGHT = 0.58, 0.12
"""Inches."""


def draw(videos: Sequence[VideoReading], path: Path) -> None:
    """Draw one strip below the other.

    Args:
        videos: At least one, read with pictures and without trouble.
        path: Its suffix is one of `figures.SUFFIXES`.

    Raises:
        ValueError: There is none, or another suffix.
    """
    if not videos:
        raise ValueError("a figure of strips needs a video")
    whole = _HEAD + _FACES + _GAP + _CURVE + _FOOT
    heights = [whole + _NOTE * len(video.notes) for video in videos]
    with canvas(_WIDTH, sum(heights), path) as figure:
        figure.set_layout_engine("none")
        blocks = figure.subfigures(len(videos), 1, squeeze=False, height_ratios=heights, hspace=0)
        for block, video, height in zip(blocks.flat, videos, heights, strict=True):
            _block(block, video, height)


def _block(block: SubFigure, video: VideoReading, height: float) -> None:
    def box(left: float, top: float, width: float, tall: float) -> Axes:
        """Axes at inches from the left upper corner."""
        return block.add_axes(
            (left / _WIDTH, 1 - (top + tall) / height, width / _WIDTH, tall / height)
        )

    assert video.pictures is not None
    told = {name: video.ms(getattr(video.moments, name)) for name in MARKS}
    marks = {name: time for name, time in told.items() if time is not None}
    inner = _WIDTH - _LEFT - _RIGHT
    head = box(_LEFT, 0.06, inner, _HEAD - 0.06)
    head.set_axis_off()
    head.set(xlim=(0, 1), ylim=(0, 1))
    title = video.emotion or video.kind or "no motion measured"
    name = head.text(0, 0.62, title, size=10, weight="bold", va="center")
    head.annotate(f"  {_subtitle(video)}", (1, 0.5), xycoords=name, size=6.5, color=_QUIET,
                  va="center", ha="left")  # fmt: skip
    _chances(head, video.probabilities)
    curve = box(_LEFT, _HEAD + _FACES + _GAP, inner, _CURVE)
    times = [float(video.clock[place]) for place in video.places]
    _curve(curve, video, times, marks)
    count = len(video.pictures)
    slot = min(inner / count, _FACES + 0.06)
    side = min(slot - 0.06, _FACES - 0.16)
    start = _LEFT + (inner - slot * count) / 2
    for place, (picture, time) in enumerate(zip(video.pictures, times, strict=True)):
        left = start + place * slot + (slot - side) / 2
        axis = box(left, _HEAD + _FACES - side, side, side)
        mark = _mark(marks, time)
        _face(axis, picture, time, mark)
        _tie(block, curve, axis, time, mark)
    for line, note in enumerate(video.notes):
        below = height - (_NOTE * (len(video.notes) - line))
        block.text(_LEFT / _WIDTH, 1 - below / height, note, size=6, color=_QUIET, va="center")


def _subtitle(video: VideoReading) -> str:
    width, height = video.size
    about = [video.path.name, f"{video.frames:,} frames", f"{video.fps:g} fps", f"{width}×{height}"]
    if video.emotion is not None and video.kind is not None:
        about.append(video.kind)
    return "   ".join(about)


def _mark(marks: Mapping[str, float], time: float) -> str | None:
    """The moment at that time; the apex before the others."""
    names = (name for name in ("apex", "onset", "offset") if name in marks)
    return next((name for name in names if abs(marks[name] - time) < 1e-6), None)


def _chances(head: Axes, probabilities: Mapping[str, float]) -> None:
    """The likeliest classes as small bars at the right."""
    likely = sorted(probabilities.items(), key=lambda pair: -pair[1])[:_LIKELY]
    for row, (name, chance) in enumerate(likely):
        y = 0.86 - 0.32 * row
        head.barh(y, 0.09, 0.16, left=0.86, color="#eceff2", linewidth=0, clip_on=False)
        bar, text = (_RULE, _QUIET) if row else (ACCENT, INK)
        head.barh(y, 0.09 * chance, 0.16, left=0.86, color=bar, linewidth=0, clip_on=False)
        head.text(0.85, y, name, size=6, ha="right", va="center", color=text)
        head.text(0.96, y, f"{chance:.2f}", size=6, va="center", color=text)


def _face(axis: Axes, picture: npt.NDArray[np.uint8], time: float, mark: str | None) -> None:
    axis.imshow(picture, interpolation="antialiased")
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set(visible=True, color=MARKS.get(mark or "", _RULE), linewidth=1.6 if mark else 0.5)
    text = f"{mark}  {time:,.0f} ms" if mark else f"{time:,.0f} ms"
    axis.set_title(text, size=6, pad=2.5, color=MARKS.get(mark or "", _QUIET),
                   weight="bold" if mark else "normal")  # fmt: skip


def _tie(block: SubFigure, curve: Axes, face: Axes, time: float, mark: str | None) -> None:
    """A thin line from a face down to its time on the curve."""
    from matplotlib.patches import ConnectionPatch

    line = ConnectionPatch(
        (0.5, 0), (time, 1), face.transAxes, curve.get_xaxis_transform(),
        color=MARKS.get(mark or "", _RULE), linewidth=0.9 if mark else 0.5, zorder=0,
    )  # fmt: skip
    block.add_artist(line)


def _curve(
    axis: Axes, video: VideoReading, shown: Sequence[float], marks: Mapping[str, float]
) -> None:
    clock = video.clock[slice(*video.window)] if video.motion is not None else np.zeros(0)
    times = [*shown, *(float(time) for time in clock[[0, -1]])] if len(clock) else shown
    first, last = min(times), max(times)
    axis.set_xlim(first, last if last > first else first + 1)
    axis.set_xlabel("time (ms)", labelpad=1.5)
    if video.motion is None:
        axis.set_yticks([])
        axis.spines["left"].set_visible(False)
        axis.text(0.5, 0.5, "no motion measured", transform=axis.transAxes, ha="center",
                  va="center", color=_QUIET)  # fmt: skip
        return
    ends = marks.get("onset", first), marks.get("offset", last)
    if "apex" in marks:
        axis.axvspan(*ends, color=_SHADE, linewidth=0)
    motion = 100 * video.motion.expression
    axis.plot(clock, motion, clip_on=False, zorder=3, color=INK, linewidth=1.1,
              solid_joinstyle="round")  # fmt: skip
    low, high = float(motion.min()), float(motion.max())
    axis.set_ylim(min(0.0, low) - 0.06 * max(high, _FLAT), 1.12 * max(high, _FLAT))
    for name, time in marks.items():
        height = float(np.interp(time, clock, motion))
        axis.axvline(time, color=MARKS[name], linewidth=0.9, zorder=2)
        axis.plot(time, height, "o", color=MARKS[name], markersize=4.2, clip_on=False, zorder=4,
                  markeredgecolor="white", markeredgewidth=0.6)  # fmt: skip
    axis.axhline(0, color=_RULE, linewidth=0.5, zorder=1)
    axis.set_ylabel("motion (% of\neye distance)", labelpad=2)
    axis.locator_params(axis="y", nbins=4)
