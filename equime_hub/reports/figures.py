"""Figures of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from equime_hub.files import written
from equime_hub.video.clip import Clip
from equime_hub.video.sampling import uniform

_INK = "#1b1f24"
_ACCENT = "#b3450b"


@dataclass(frozen=True)
class GridRow:
    """One clip of a transfer grid.

    Attributes:
        title: Shown beside it, such as the emotion.
        subtitle: Shown under the title, such as the FACS code.
        clip: All frames.
        onset: First frame shown.
        apex: Frame of the strongest expression.
        offset: Last frame shown.
    """

    title: str
    subtitle: str
    clip: Clip
    onset: int
    apex: int
    offset: int


def transfer_grid(rows: Sequence[GridRow], path: Path, *, columns: int = 7, title: str) -> None:
    """Draw clips as rows of evenly spaced frames, as figure 1 of the EquiME supplement does.

    A last column shows where the apex differs from the onset, because a micro-expression is
    hard to see in a still.

    Args:
        rows: One clip each.
        path: PNG, SVG or PDF, by its suffix.
        columns: Frames a row, evenly spaced from onset to offset.
        title: Above the figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.35 * (columns + 2.1), 1.52 * len(rows) + 0.75), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        len(rows), columns + 2, squeeze=False,
        gridspec_kw={"width_ratios": [0.9, *([1.0] * columns), 1.0]},
    )  # fmt: skip
    for line, row in zip(axes, rows, strict=True):
        line[0].text(0.98, 0.58, row.title, ha="right", va="center", size=11, color=_INK,
                     weight="bold")  # fmt: skip
        line[0].text(0.98, 0.38, row.subtitle, ha="right", va="center", size=8, color=_INK)
        indices = row.onset + uniform(row.offset - row.onset + 1, columns)
        nearest = indices[np.argmin(np.abs(indices - row.apex))]
        for axis, index in zip(line[1:-1], indices, strict=True):
            axis.imshow(row.clip.frames[index])
            is_apex = index == nearest
            axis.set_title(
                f"{1000 * (index - row.onset) / row.clip.fps:.0f} ms",
                size=7.5, pad=2.5, color=_ACCENT if is_apex else _INK,
                weight="bold" if is_apex else "normal",
            )  # fmt: skip
        change = _difference(row)
        line[-1].imshow(change, cmap="magma", vmin=0, vmax=max(10.0, float(change.max())))
        line[-1].set_title("|apex − onset|", size=7.5, pad=2.5, color=_INK)
    for axis in axes.flat:
        axis.set_axis_off()
    figure.suptitle(title, size=12, color=_INK, weight="bold", y=0.988, va="top")
    figure.subplots_adjust(left=0.0, right=0.995, top=0.93, bottom=0.01, wspace=0.04, hspace=0.17)
    with written(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], facecolor="white")


def _difference(row: GridRow) -> npt.NDArray[np.float64]:
    """Absolute change of brightness from onset to apex, smoothed against noise, H×W."""
    import cv2

    first, last = (row.clip.frames[i].mean(axis=2) for i in (row.onset, row.apex))
    return np.asarray(cv2.GaussianBlur(np.abs(last - first), (0, 0), 1.2), np.float64)
