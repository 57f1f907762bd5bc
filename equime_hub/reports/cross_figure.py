"""Figures of a cross-evaluation, drawn of plain values: EquiME's Figures 4, 5a and 5b.

A score that a constant predictor gets is hatched or hollow, and the constant predictor itself is
in every figure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from equime_hub.reports.figures import COLUMN, INK, PALETTE, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GREY = "#8b949e"
_MARKERS = "osD^vP"
_FLOOR: dict[str, Any] = {"color": INK, "linewidth": 0.9, "linestyle": (0, (2, 1))}
_TURNED: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}


Values = Sequence[Sequence[float | None]]
"""Rows × test sets, in [0, 1]; None is missing, NaN stays empty."""
Flags = Sequence[Sequence[bool]]
Words = Sequence[Sequence[str]]


def heat_map(
    rows: Sequence[tuple[str, str]],
    tests: Sequence[str],
    panels: Mapping[str, Values],
    path: Path,
    *,
    constant: Flags,
    remarks: Words,
    grey: Collection[str] = (),
) -> None:
    """Draw scores as a matrix, one panel a score.

    Args:
        rows: Model and training set of each row, those of a model together.
        tests: The test sets.
        panels: What stands above each, and its values; at least one.
        path: Its suffix is one of `figures.SUFFIXES`.
        constant: Which cells are of a constant predictor, as many rows and columns.
        remarks: A word under each number, or "".
        grey: Panels of which more is not better, as of a mean confidence.
    """
    # At 6 points a letter is about 0.05 inches wide.
    left = 0.055 * (max(len(train) for _, train in rows) + max(len(m) for m, _ in rows)) + 0.35
    panel_width = max(0.42 * len(tests), 0.055 * max(map(len, panels))) + 0.12
    turned = len(tests) * 0.055 * max(map(len, tests)) > 0.9 * panel_width
    starts = [at for at, (model, _) in enumerate(rows) if not at or rows[at - 1][0] != model]
    with canvas(left + panel_width * len(panels), 0.235 * len(rows) + 0.95, path) as figure:
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, (title, values) in zip(axes, panels.items(), strict=True):
            _cells(axis, values, constant, remarks, merit=title not in grey)
            axis.set_xticks(range(len(tests)), tests, **(_TURNED if turned else {}))
            axis.tick_params(length=0)
            axis.spines[:].set_visible(False)
            axis.set_title(title, loc="left", weight="bold")
            for place in starts[1:]:
                axis.axhline(place - 0.5, color=INK, linewidth=0.6)
        axes[0].set_yticks(range(len(rows)), [train for _, train in rows])
        offset = -0.055 * (max(len(train) for _, train in rows) + 1.5) * 72
        for place in starts:
            axes[0].annotate(
                rows[place][0], (0, place), (offset, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", ha="right", va="center", size=6, weight="bold",
            )  # fmt: skip
        legend = "hatched: a constant predictor; –: missing"
        figure.supxlabel(legend, size=6, color=INK, x=0.99, ha="right")


def _cells(axis: Axes, given: Values, constant: Flags, remarks: Words, *, merit: bool) -> None:
    import matplotlib
    from matplotlib.patches import Rectangle

    shades = matplotlib.colormaps["Blues" if merit else "Greys"]
    values = np.array([[np.nan if v is None else v for v in row] for row in given], float)
    # What is no merit must not be what the eye goes to.
    brightest = 1.0 if merit else 2.5
    axis.imshow(values, cmap=shades, vmin=0, vmax=brightest, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            axis.text(column, row, "–" if given[row][column] is None else "", ha="center",
                      va="center", size=6)  # fmt: skip
            continue
        dark = value / brightest > 0.55
        if constant[row][column]:
            axis.add_patch(
                Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, hatch="////",
                          edgecolor="white" if dark else _GREY, linewidth=0, alpha=0.6)
            )  # fmt: skip
        number = f"{value:.3f}".removeprefix("0")
        axis.text(
            column, row, f"{number}\n{remarks[row][column]}".strip(), ha="center",
            va="center", size=6, linespacing=0.95, color="white" if dark else INK,
            bbox={"facecolor": shades(value / brightest), "linewidth": 0, "pad": 0.6},
        )  # fmt: skip


class ScoreDot(NamedTuple):
    """One score of the figure of consistency.

    Attributes:
        train: Training set.
        model: Model.
        test: Test set.
        score: In [0, 1].
        floor: That of the constant predictor on the test set.
        constant: It is one.
    """

    train: str
    model: str
    test: str
    score: float
    floor: float
    constant: bool


def consistency(dots: Sequence[ScoreDot], score: str, path: Path) -> None:
    """Draw the scores of every training set, their mean and their standard deviation.

    Args:
        dots: At least one.
        score: Name of the score.
        path: Its suffix is one of `figures.SUFFIXES`.
    """
    trains = list(dict.fromkeys(dot.train for dot in dots))
    models = list(dict.fromkeys(dot.model for dot in dots))
    tests = list(dict.fromkeys(dot.test for dot in dots))
    with canvas(max(COLUMN, 0.75 * len(trains) + 1.6), 2.5, path) as figure:
        axis = figure.subplots()
        for place, train in enumerate(trains):
            own = [dot for dot in dots if dot.train == train]
            for number, dot in enumerate(own):
                # Means stand in the middle, so that dots lie beside them.
                x = place + 0.12 + 0.3 * (number + 1) / (len(own) + 1)
                colour = _colour(models, dot.model)
                axis.plot([x - 0.035, x + 0.035], [dot.floor] * 2, color=_GREY, linewidth=1.1)
                axis.plot(
                    x, dot.score, _MARKERS[tests.index(dot.test) % len(_MARKERS)], color=colour,
                    markersize=4, markerfacecolor="white" if dot.constant else colour,
                    markeredgewidth=0.9,
                )  # fmt: skip
            values = [dot.score for dot in own]
            sd = np.std(values, ddof=1) if len(values) > 1 else 0.0
            axis.errorbar(
                place - 0.08, np.mean(values), sd, fmt="_", color=INK, markersize=9, capsize=2.5,
                linewidth=0.9,
            )  # fmt: skip
            spread = f"sd {sd:.3f}" if len(values) > 1 else "one score"
            axis.annotate(
                spread, (place, 1.0), (0, 2), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha="center", size=6,
            )  # fmt: skip
        axis.set_xticks(range(len(trains)), trains)
        axis.set(xlim=(-0.5, len(trains) - 0.4), ylim=(0, 1), xlabel="trained on", ylabel=score)
        _marks(axis, models, tests, any(dot.constant for dot in dots))


def _marks(axis: Axes, models: Sequence[str], tests: Sequence[str], constant: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def mark(marker: str, colour: str, label: str, **more: Any) -> Line2D:
        return Line2D([], [], marker=marker, color=colour, linestyle="none", label=label, **more)

    signs = [_MARKERS[place % len(_MARKERS)] for place in range(len(tests))]
    handles = [
        *(Patch(color=_colour(models, name), label=name) for name in models),
        *(mark(s, INK, f"on {t}", markersize=4) for s, t in zip(signs, tests, strict=True)),
        mark("_", _GREY, "constant predictor", markersize=6, markeredgewidth=1.1),
        *[mark("o", INK, "is constant", markersize=4, markerfacecolor="white")] * constant,
        Line2D([], [], color=INK, linewidth=0.9, label="mean ± sd"),
    ]
    axis.figure.legend(
        handles=handles, loc="outside right upper", handletextpad=0.6, handlelength=1.2
    )


class ScoreBar(NamedTuple):
    """One score of one cell, with one set of classes.

    Attributes:
        group: Model, and what else tells the cell.
        classes: Number of classes, in words.
        value: In [0, 1]; None is missing.
        low: Lower end of its interval; None without.
        high: Upper end.
        floor: That of the constant predictor; None where there is none, as for a confidence.
        constant: It is one.
    """

    group: str
    classes: str
    value: float | None
    low: float | None
    high: float | None
    floor: float | None
    constant: bool


def class_sets(panels: Sequence[tuple[str, Sequence[ScoreBar]]], path: Path) -> None:
    """Draw the same cells with several sets of classes beside each other, as Figure 4 does.

    Args:
        panels: Name of a score and its bars, those of a group together.
        path: Its suffix is one of `figures.SUFFIXES`.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    groups = list(dict.fromkeys(bar.group for bar in panels[0][1]))
    sets = list(dict.fromkeys(bar.classes for bar in panels[0][1]))
    width = 0.8 / len(sets)
    with canvas(max(2 * COLUMN, 0.9 * len(panels) * len(groups) * width), 2.3, path) as figure:
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, (title, bars) in zip(axes, panels, strict=True):
            for bar in bars:
                if bar.value is None:
                    continue
                x = groups.index(bar.group) + (sets.index(bar.classes) + 0.5) * width - 0.4
                axis.bar(
                    x, bar.value, 0.9 * width, color=_colour(sets, bar.classes),
                    hatch="////" if bar.constant else None, edgecolor="white", linewidth=0,
                )  # fmt: skip
                if bar.low is not None and bar.high is not None:
                    axis.plot([x, x], [bar.low, bar.high], color=INK, linewidth=0.8)
                if bar.floor is not None:
                    ends = [x - 0.45 * width, x + 0.45 * width]
                    axis.plot(ends, [bar.floor] * 2, **_FLOOR)
            axis.set_xticks(range(len(groups)), groups, **_TURNED)
            axis.tick_params(axis="x", length=0)
            axis.set_ylim(0, 1)
            axis.set_title(title, loc="left", weight="bold")
        handles = [
            *(Patch(color=_colour(sets, name), label=name) for name in sets),
            Line2D([], [], label="constant predictor", **_FLOOR),
            Patch(facecolor=_GREY, edgecolor="white", hatch="////", label="is constant"),
        ]
        figure.legend(handles=handles, loc="outside upper right", ncols=len(handles))


def _colour(names: Sequence[str], name: str) -> str:
    return PALETTE[names.index(name) % len(PALETTE)]
