"""Confusion matrices as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equime_hub.reports.figures import COLUMN, INK, canvas, save


@dataclass(frozen=True)
class Panel:
    """One matrix.

    Attributes:
        title: Above it.
        labels: The C classes.
        counts: C×C clips, row = reference, column = prediction.
    """

    title: str
    labels: Sequence[str]
    counts: Sequence[Sequence[int]]


def draw(panels: Sequence[Panel], path: Path) -> None:
    """Draw confusion matrices, two beside each other.

    Colour is the share of the references of a row, so that rare classes show as much as frequent
    ones; the number is that of the clips, with the share in percent below it. Rows without
    references stay empty.

    Args:
        panels: One matrix each, all of the same classes.
        path: Its suffix is one of `figures.SUFFIXES`.
    """
    size = max(len(panel.labels) for panel in panels)
    across = min(2, len(panels))
    down = -(-len(panels) // across)
    side = max(COLUMN, 0.42 * size + 1.1)
    with canvas(side * across, (0.85 * side) * down) as figure:
        axes = figure.subplots(down, across, squeeze=False)
        for axis in axes.flat[len(panels) :]:
            axis.set_axis_off()
        for axis, panel in zip(axes.flat, panels, strict=False):
            counts = np.asarray(panel.counts, float)
            true = counts.sum(axis=1, keepdims=True)
            share = np.divide(counts, true, out=np.full_like(counts, np.nan), where=true > 0)
            axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
            for (row, column), part in np.ndenumerate(share):
                if np.isnan(part):
                    continue
                colour = "white" if part > 0.55 else INK
                axis.text(column, row - 0.09, f"{counts[row, column]:,.0f}", ha="center",
                          va="center", color=colour, size=7)  # fmt: skip
                axis.text(column, row + 0.2, f"{100 * part:.0f} %", ha="center", va="center",
                          color=colour, size=6)  # fmt: skip
            places = range(len(panel.labels))
            turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
            axis.set_xticks(places, panel.labels, **(turned if size > 4 else {}))
            axis.set_yticks(places, panel.labels)
            axis.tick_params(length=0)
            axis.spines[:].set_visible(False)
            axis.set_xlabel("prediction")
            axis.set_ylabel("reference")
            axis.set_title(panel.title, loc="left", weight="bold")
        save(figure, path)
