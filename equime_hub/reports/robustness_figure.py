"""How a score falls with the strength of attacks, and with what happens to a video."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equime_hub.models.attacks import Attack
from equime_hub.reports.figures import ACCENT, COLUMN, INK, PALETTE, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equime_hub.evaluation.evaluate import MeanScore
    from equime_hub.robustness.measure import Condition, Robustness

_MARKERS = "osD^v"
_GUESSING: dict[str, Any] = {"color": "#7d7d7d", "linewidth": 0.7, "linestyle": (0, (4, 2))}


def draw(found: Robustness, path: Path, *, title: str = "") -> None:
    """Draw UF1 over epsilon, and beside it a line for each control and degradation.

    Bars are the intervals; the dashed line is the best that guessing gives.

    Args:
        found: With an attack or a degradation.
        path: Its suffix is one of `figures.SUFFIXES`.
        title: Above the figure.

    Raises:
        ValueError: There is neither.
    """
    attacks = [each for each in found.conditions if each.kind == "attack"]
    others = [each for each in found.conditions if each.kind in ("control", "degradation")]
    if not attacks and not others:
        raise ValueError("a figure of robustness needs an attack or a degradation")
    parts = [bool(attacks), bool(others)]
    height = max(2.0, 0.21 * (len(others) + 1) + 0.7) + (0.2 if title else 0)
    with canvas(COLUMN * sum(parts), height, path) as figure:
        axes = list(figure.subplots(1, sum(parts), squeeze=False)[0])
        if attacks:
            _attacks(axes.pop(0), found, attacks)
        if others:
            _others(axes.pop(0), found, others)
        if title:
            figure.suptitle(title, x=0.01, ha="left", weight="bold", size=8)


def _attacks(axis: Axes, found: Robustness, attacks: Sequence[Condition]) -> None:
    # The names of one attack differ in what stands behind the comma, which is epsilon.
    kinds = list(dict.fromkeys(each.name.partition(",")[0] for each in attacks))
    for number, kind in enumerate(kinds):
        own = [each for each in attacks if each.name.partition(",")[0] == kind]
        scores = [_uf1(each) for each in (found.clean, *own)]
        axis.errorbar(
            [0.0, *(each.done.epsilon for each in own if isinstance(each.done, Attack))],
            [score.mean for score in scores], yerr=[*zip(*map(_ends, scores), strict=True)],
            color=PALETTE[number % len(PALETTE)], marker=_MARKERS[number % len(_MARKERS)],
            markersize=3.2, linewidth=1.2, elinewidth=0.6, capsize=1.5, capthick=0.6,
            label=kind, clip_on=False, zorder=3,
        )  # fmt: skip
    axis.axhline(found.guessing, label="guessing", **_GUESSING)
    axis.set_ylim(0, 1)
    axis.set_xlim(left=0)
    axis.set_xlabel(f"ε ({found.unit})")
    axis.set_ylabel("UF1")
    axis.set_title("Attacks", loc="left", weight="bold")
    axis.grid(axis="y", color="#e9ecef", linewidth=0.6)
    axis.legend(loc="upper right")


def _others(axis: Axes, found: Robustness, others: Sequence[Condition]) -> None:
    rows = [found.clean, *others]
    for place, each in enumerate(rows):
        score, control = _uf1(each), each.kind == "control"
        axis.errorbar(
            score.mean, place, xerr=[[end] for end in _ends(score)],
            color=INK if not place else ACCENT if control else PALETTE[0],
            marker="D" if control else "o", markersize=3.4, elinewidth=0.7, capsize=1.5,
            capthick=0.7, clip_on=False, zorder=3,
        )  # fmt: skip
    axis.axvline(found.guessing, **_GUESSING)
    axis.axvline(found.clean.uf1, color=INK, linewidth=0.5, linestyle=":")
    axis.set_yticks(range(len(rows)), [each.name.partition(":")[0] for each in rows])
    for label, each in zip(axis.get_yticklabels(), rows, strict=True):
        label.set_color(ACCENT if each.kind == "control" else INK)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlim(0, 1)
    axis.set_xlabel("UF1")
    axis.set_title("Controls and degradations", loc="left", weight="bold")
    axis.grid(axis="x", color="#e9ecef", linewidth=0.6)


def _uf1(each: Condition) -> MeanScore:
    return each.part.scores["uf1"]


def _ends(score: MeanScore) -> tuple[float, float]:
    """How far the interval reaches below and above."""
    low = score.mean if score.low is None else score.low
    high = score.mean if score.high is None else score.high
    return max(score.mean - low, 0), max(high - score.mean, 0)
