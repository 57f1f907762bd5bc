"""Confusion matrices as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from equime_hub.reports.figures import COLUMN, INK, canvas, panels

Matrix = Sequence[Sequence[int]]
"""C×C clips, row = reference, column = prediction."""


def draw(matrices: Sequence[tuple[str, Matrix]], classes: Sequence[str], path: Path) -> None:
    """Draw confusion matrices, two beside each other.

    Colour is the share of the references of a row, so that rare classes show as much as frequent
    ones; the number is that of the clips, with the share in percent below it. Rows without
    references stay empty.

    Args:
        matrices: Titles, and what stands below them.
        classes: The C classes.
        path: Its suffix is one of `figures.SUFFIXES`.
    """
    across = min(2, len(matrices))
    down = -(-len(matrices) // across)
    side = max(COLUMN, 0.42 * len(classes) + 1.1)
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if len(classes) > 4 else {}
    with canvas(side * across, (0.85 * side) * down, path) as figure:
        axes = panels(figure, len(matrices), across)
        for axis, (title, matrix) in zip(axes, matrices, strict=True):
            counts = np.asarray(matrix, float)
            true = counts.sum(axis=1, keepdims=True)
            share = np.divide(counts, true, out=np.full_like(counts, np.nan), where=true > 0)
            axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
            for (row, column), part in np.ndenumerate(share):
                if np.isnan(part):
                    continue
                style = {"ha": "center", "va": "center", "color": "white" if part > 0.55 else INK}
                axis.text(column, row - 0.09, f"{counts[row, column]:,.0f}", size=7, **style)
                axis.text(column, row + 0.2, f"{100 * part:.0f} %", size=6, **style)
            axis.set_xticks(range(len(classes)), classes, **turned)
            axis.set_yticks(range(len(classes)), classes)
            axis.tick_params(length=0)
            axis.spines[:].set_visible(False)
            axis.set(xlabel="prediction", ylabel="reference")
            axis.set_title(title, loc="left", weight="bold")
