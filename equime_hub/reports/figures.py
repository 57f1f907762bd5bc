"""What all figures share: colours, type, and how they are written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from equime_hub.files import written

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

_STYLE = Path(__file__).with_name("figures.mplstyle")


@contextlib.contextmanager
def canvas(width: float, height: float, *paths: Path) -> Iterator[Figure]:
    """An empty figure in our style, drawn without a screen and written when the block ends.

    Nothing of the style outlives the block, and nothing is written if it fails.

    Args:
        width: Inches.
        height: Inches.
        paths: Where to write it; see `save`.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(fname=_STYLE):
        figure = Figure(figsize=(width, height), dpi=300, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        for path in paths:
            save(figure, path)


def panels(figure: Figure, count: int, across: int, **how: Any) -> npt.NDArray[Any]:
    """Axes in rows of `across`; what the last row has too many stays empty.

    Args:
        figure: From `canvas`.
        count: How many to draw on.
        across: Of a row.
        how: For `Figure.subplots`.
    """
    axes = figure.subplots(-(-count // across), across, squeeze=False, **how).ravel()
    for axis in axes[count:]:
        axis.set_axis_off()
    return np.asarray(axes[:count])


def save(figure: Figure, path: Path) -> None:
    """Write a figure whole or not at all; the same figure gives the same bytes.

    Args:
        figure: What was drawn.
        path: Its suffix is one of `SUFFIXES`.

    Raises:
        ValueError: It is not.
    """
    import matplotlib

    if path.suffix not in SUFFIXES:
        raise ValueError(f"figures are {', '.join(SUFFIXES)}, got {path.name}")
    # The day of drawing is left out, and ids of parts come from the salt, not from chance.
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with written(path) as temporary, matplotlib.rc_context({"svg.hashsalt": "equime"}):
        figure.savefig(
            temporary, format=path.suffix[1:], facecolor="white", metadata=dates.get(path.suffix)
        )
