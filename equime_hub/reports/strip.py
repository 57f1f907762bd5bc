"""Videos as strips: faces in a row, and below them how far they move, on one clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from equime_hub.reports.figures import ACCENT, INK, PALETTE, canvas, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

MARKS = {"onset": PALETTE[0], "apex": ACCENT, "offset": PALETTE[2]}
"""Moment → its colour."""

_WIDTH = 7.0
_QUIET = "#7a828c"
_RULE = "#c9ced4"
_SHADE = "#fbeee6"
_FLAT = 1.0
"""Per cent that the axis of motion shows at least, so that noise looks small."""


@dataclass(frozen=True, eq=False)
class Strip:
    """One video.

    Attributes:
        title: Such as the emotion.
        subtitle: Such as the file.
        pictures: N×S×S×3 uint8.
        times: N, when each is shown, in milliseconds.
        marks: Moment of `MARKS` → milliseconds.
        clock: T milliseconds; empty if nothing was measured.
        motion: T inter-ocular distances.
        chances: Class → probability; may be empty.
        notes: Sentences.
    """

    title: str
    subtitle: str
    pictures: npt.NDArray[np.uint8]
    times: Sequence[float]
    marks: dict[str, float] = field(default_factory=dict)
    clock: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    motion: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    chances: dict[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()


def draw(strips: Sequence[Strip], path: Path) -> None:
    """Draw one strip below the other.

    Args:
        strips: At least one.
        path: Its suffix is one of `figures.SUFFIXES`.

    Raises:
        ValueError: There is none, or another suffix.
    """
    if not strips:
        raise ValueError("a figure of strips needs a video")
    heights = [_height(strip) for strip in strips]
    with canvas(_WIDTH, sum(heights)) as figure:
        figure.set_layout_engine("none")
        blocks = figure.subfigures(len(strips), 1, squeeze=False, height_ratios=heights, hspace=0)
        for block, strip, height in zip(blocks.flat, strips, heights, strict=True):
            _block(block, strip, height)
        save(figure, path)


_HEAD, _FACES, _GAP, _CURVE, _FOOT, _NOTE = 0.43, 1.03, 0.28, 0.92, 0.44, 0.13
_LEFT, _RIGHT = 0.58, 0.12
"""Inches."""


def _height(strip: Strip) -> float:
    return _HEAD + _FACES + _GAP + _CURVE + _FOOT + _NOTE * len(strip.notes)


def _block(block: SubFigure, strip: Strip, height: float) -> None:
    def box(left: float, top: float, width: float, tall: float) -> Axes:
        """Axes at inches from the left upper corner."""
        return block.add_axes(
            (left / _WIDTH, 1 - (top + tall) / height, width / _WIDTH, tall / height)
        )

    inner = _WIDTH - _LEFT - _RIGHT
    head = box(_LEFT, 0.06, inner, _HEAD - 0.06)
    head.set_axis_off()
    head.set(xlim=(0, 1), ylim=(0, 1))
    name = head.text(0, 0.62, strip.title, size=10, weight="bold", va="center")
    head.annotate(f"  {strip.subtitle}", (1, 0.5), xycoords=name, size=6.5, color=_QUIET,
                  va="center", ha="left")  # fmt: skip
    _chances(head, strip)
    curve = box(_LEFT, _HEAD + _FACES + _GAP, inner, _CURVE)
    _curve(curve, strip)
    count = len(strip.pictures)
    slot = min(inner / count, _FACES + 0.06)
    side = min(slot - 0.06, _FACES - 0.16)
    start = _LEFT + (inner - slot * count) / 2
    for place, (picture, time) in enumerate(zip(strip.pictures, strip.times, strict=True)):
        left = start + place * slot + (slot - side) / 2
        axis = box(left, _HEAD + _FACES - side, side, side)
        _face(axis, picture, time, _mark(strip, time))
        _tie(block, curve, axis, time, _mark(strip, time))
    for line, note in enumerate(strip.notes):
        below = height - (_NOTE * (len(strip.notes) - line))
        block.text(_LEFT / _WIDTH, 1 - below / height, note, size=6, color=_QUIET, va="center")


def _mark(strip: Strip, time: float) -> str | None:
    """The moment at that time; the apex before the others."""
    names = (name for name in ("apex", "onset", "offset") if name in strip.marks)
    return next((name for name in names if abs(strip.marks[name] - time) < 1e-6), None)


def _chances(head: Axes, strip: Strip) -> None:
    """The likeliest classes as small bars at the right."""
    likely = sorted(strip.chances.items(), key=lambda pair: -pair[1])[:3]
    for row, (name, chance) in enumerate(likely):
        y = 0.86 - 0.32 * row
        head.barh(y, 0.09, 0.16, left=0.86, color="#eceff2", linewidth=0, clip_on=False)
        head.barh(y, 0.09 * chance, 0.16, left=0.86, color=ACCENT if not row else _RULE,
                  linewidth=0, clip_on=False)  # fmt: skip
        head.text(0.85, y, name, size=6, ha="right", va="center", color=INK if not row else _QUIET)
        head.text(0.96, y, f"{chance:.2f}", size=6, va="center", color=INK if not row else _QUIET)


def _face(axis: Axes, picture: npt.NDArray[np.uint8], time: float, mark: str | None) -> None:
    axis.imshow(picture, interpolation="antialiased")
    axis.set_xticks([])
    axis.set_yticks([])
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


def _curve(axis: Axes, strip: Strip) -> None:
    times: list[float] = [*strip.times]
    if len(strip.clock):
        times += [float(strip.clock[0]), float(strip.clock[-1])]
    first, last = min(times), max(times)
    axis.set_xlim(first, last if last > first else first + 1)
    axis.set_xlabel("time (ms)", labelpad=1.5)
    if not len(strip.motion):
        axis.set_yticks([])
        axis.spines["left"].set_visible(False)
        axis.text(0.5, 0.5, "no motion measured", transform=axis.transAxes, ha="center",
                  va="center", color=_QUIET)  # fmt: skip
        return
    ends = strip.marks.get("onset", first), strip.marks.get("offset", last)
    if "apex" in strip.marks:
        axis.axvspan(*ends, color=_SHADE, linewidth=0)
    style: dict[str, Any] = {"color": INK, "linewidth": 1.1, "solid_joinstyle": "round"}
    motion = 100 * strip.motion
    axis.plot(strip.clock, motion, clip_on=False, zorder=3, **style)
    low, high = float(motion.min()), float(motion.max())
    axis.set_ylim(min(0.0, low) - 0.06 * max(high, _FLAT), 1.12 * max(high, _FLAT))
    for name, time in strip.marks.items():
        height = float(np.interp(time, strip.clock, motion))
        axis.axvline(time, color=MARKS[name], linewidth=0.9, zorder=2)
        axis.plot(time, height, "o", color=MARKS[name], markersize=4.2, clip_on=False, zorder=4,
                  markeredgecolor="white", markeredgewidth=0.6)  # fmt: skip
    axis.axhline(0, color=_RULE, linewidth=0.5, zorder=1)
    axis.set_ylabel("motion (% of\neye distance)", labelpad=2)
    axis.locator_params(axis="y", nbins=4)
