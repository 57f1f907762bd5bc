"""How a score falls with the strength of attacks, and with what happens to a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from equime_hub.reports.figures import ACCENT, COLUMN, INK, PALETTE, canvas, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = "osD^v"
_REST = "#7d7d7d"


@dataclass(frozen=True)
class Score:
    """One score.

    Attributes:
        value: In [0, 1].
        low: Lower end of its interval; None without.
        high: Upper end.
    """

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def error(self) -> tuple[float, float]:
        """How far the interval reaches below and above."""
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        return max(self.value - low, 0), max(high - self.value, 0)


@dataclass(frozen=True)
class Curve:
    """One attack.

    Attributes:
        name: Such as "PGD-10".
        points: Epsilon and score, by epsilon; clean clips are its start and not among them.
    """

    name: str
    points: tuple[tuple[float, Score], ...]


@dataclass(frozen=True)
class Dot:
    """One control or degradation; a control is set apart."""

    name: str
    score: Score
    control: bool


def draw(
    clean: Score,
    guessing: float,
    curves: Sequence[Curve],
    dots: Sequence[Dot],
    path: Path,
    *,
    unit: str,
    title: str = "",
) -> None:
    """Draw UF1 over epsilon, and beside it a line for each control and degradation.

    Bars are the intervals; the dashed line is the best that guessing gives.

    Args:
        clean: Of clips as they are.
        guessing: Best UF1 without looking.
        curves: Attacks.
        dots: The others.
        path: Its suffix is one of `figures.SUFFIXES`.
        unit: Of epsilon.
        title: Above the figure.

    Raises:
        ValueError: There is neither a curve nor a dot.
    """
    if not curves and not dots:
        raise ValueError("a figure of robustness needs an attack or a degradation")
    parts = [bool(curves), bool(dots)]
    height = max(2.0, 0.21 * (len(dots) + 1) + 0.7) + (0.2 if title else 0)
    with canvas(COLUMN * sum(parts), height) as figure:
        axes = list(figure.subplots(1, sum(parts), squeeze=False)[0])
        if curves:
            _curves(axes.pop(0), clean, guessing, curves, unit)
        if dots:
            _dots(axes.pop(0), clean, guessing, dots)
        if title:
            figure.suptitle(title, x=0.01, ha="left", weight="bold", size=8)
        save(figure, path)


def _curves(axis: Axes, clean: Score, guessing: float, curves: Sequence[Curve], unit: str) -> None:
    for number, curve in enumerate(curves):
        epsilons, scores = [0.0], [clean]
        for epsilon, score in curve.points:
            epsilons.append(epsilon)
            scores.append(score)
        errors = list(zip(*(score.error for score in scores), strict=True))
        axis.errorbar(
            epsilons, [score.value for score in scores], yerr=errors,
            color=PALETTE[number % len(PALETTE)], marker=_MARKERS[number % len(_MARKERS)],
            markersize=3.2, linewidth=1.2, elinewidth=0.6, capsize=1.5, capthick=0.6,
            label=curve.name, clip_on=False, zorder=3,
        )  # fmt: skip
    axis.axhline(guessing, color=_REST, linewidth=0.7, linestyle=(0, (4, 2)), label="guessing")
    axis.set_ylim(0, 1)
    axis.set_xlim(left=0)
    axis.set_xlabel(f"ε ({unit})")
    axis.set_ylabel("UF1")
    axis.set_title("Attacks", loc="left", weight="bold")
    axis.grid(axis="y", color="#e9ecef", linewidth=0.6)
    axis.legend(loc="upper right")


def _dots(axis: Axes, clean: Score, guessing: float, dots: Sequence[Dot]) -> None:
    rows = [Dot("clean", clean, control=False), *dots]
    for place, dot in enumerate(rows):
        colour = INK if not place else ACCENT if dot.control else PALETTE[0]
        axis.errorbar(
            dot.score.value, place, xerr=[[end] for end in dot.score.error], color=colour,
            marker="D" if dot.control else "o", markersize=3.4, elinewidth=0.7, capsize=1.5,
            capthick=0.7, clip_on=False, zorder=3,
        )  # fmt: skip
    axis.axvline(guessing, color=_REST, linewidth=0.7, linestyle=(0, (4, 2)))
    axis.axvline(clean.value, color=INK, linewidth=0.5, linestyle=":")
    axis.set_yticks(range(len(rows)), [dot.name for dot in rows])
    for label, dot in zip(axis.get_yticklabels(), rows, strict=True):
        label.set_color(ACCENT if dot.control else INK)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlim(0, 1)
    axis.set_xlabel("UF1")
    axis.set_title("Controls and degradations", loc="left", weight="bold")
    axis.grid(axis="x", color="#e9ecef", linewidth=0.6)
