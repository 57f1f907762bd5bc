"""Figures of a dataset, and what all figures share: colours, type, and how they are written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from equime_hub.files import written
from equime_hub.video.clip import Clip
from equime_hub.video.sampling import uniform
from equime_hub.video.timing import milliseconds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#1b1f24"
ACCENT = "#b3450b"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's colours, which colour-blind people tell apart."""

COLUMN = 3.5
"""Width of a paper's column, inches. Type is set for that size: 7 points, nothing below 6."""

SUFFIXES = (".png", ".svg", ".pdf")
"""What figures can be written as."""

_STYLE: dict[Any, Any] = {
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "svg.hashsalt": "equime",
}


@contextlib.contextmanager
def canvas(width: float, height: float) -> Iterator[Figure]:
    """An empty figure in our style, drawn without a screen; nothing of it outlives the block.

    Args:
        width: Inches.
        height: Inches.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), dpi=300, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure whole or not at all; the same figure gives the same bytes.

    Args:
        figure: Drawn inside `canvas`.
        path: Its suffix is one of `SUFFIXES`.

    Raises:
        ValueError: It is not.
    """
    import matplotlib

    if path.suffix not in SUFFIXES:
        raise ValueError(f"figures are {', '.join(SUFFIXES)}, got {path.name}")
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with written(path) as temporary, matplotlib.rc_context({"svg.hashsalt": "equime"}):
        figure.savefig(
            temporary, format=path.suffix[1:], facecolor="white", metadata=dates.get(path.suffix)
        )


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
        path: Its suffix is one of `SUFFIXES`.
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
        line[0].text(0.98, 0.58, row.title, ha="right", va="center", size=11, color=INK,
                     weight="bold")  # fmt: skip
        line[0].text(0.98, 0.38, row.subtitle, ha="right", va="center", size=8, color=INK)
        indices = row.onset + uniform(row.offset - row.onset + 1, columns)
        nearest = indices[np.argmin(np.abs(indices - row.apex))]
        for axis, index in zip(line[1:-1], indices, strict=True):
            axis.imshow(row.clip.frames[index])
            is_apex = index == nearest
            axis.set_title(
                f"{milliseconds(int(index) - row.onset, row.clip.fps):.0f} ms",
                size=7.5, pad=2.5, color=ACCENT if is_apex else INK,
                weight="bold" if is_apex else "normal",
            )  # fmt: skip
        change = _difference(row)
        line[-1].imshow(change, cmap="magma", vmin=0, vmax=max(10.0, float(change.max())))
        line[-1].set_title("|apex − onset|", size=7.5, pad=2.5, color=INK)
    for axis in axes.flat:
        axis.set_axis_off()
    figure.suptitle(title, size=12, color=INK, weight="bold", y=0.988, va="top")
    figure.subplots_adjust(left=0.0, right=0.995, top=0.93, bottom=0.01, wspace=0.04, hspace=0.17)
    save(figure, path)


def _difference(row: GridRow) -> npt.NDArray[np.float64]:
    """Absolute change of brightness from onset to apex, smoothed against noise, H×W."""
    import cv2

    first, last = (row.clip.frames[i].mean(axis=2) for i in (row.onset, row.apex))
    return np.asarray(cv2.GaussianBlur(np.abs(last - first), (0, 0), 1.2), np.float64)
