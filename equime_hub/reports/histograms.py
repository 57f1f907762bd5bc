"""Histograms with density curves, one panel a metric: figures 2 to 4 of the EquiME supplement."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from equime_hub.reports.distances import Floats
from equime_hub.reports.fidelity import shared
from equime_hub.reports.figures import COLUMN, INK, PALETTE, canvas, panels
from equime_hub.reports.samples import Metric, Sample
from equime_hub.tables import spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SUFFIXES = (".png", ".svg")
_BINS = 40
_LINES = ("-", "--", "-.", ":")
_PER_ROW = 2
_LETTERS = 60
"""How many stand beside each other in a column."""

_FAR = 30
"""Ratio of medians from which an axis is logarithmic."""

_PANEL = 1.2
"""Height of a panel, inches."""


def density(values: Floats) -> tuple[Floats, Floats]:
    """Gaussian kernel density of a sample, from its least to its largest value.

    Silverman's rule of thumb gives the bandwidth: 0.9 min(sd, IQR / 1.34) n^(-1/5). The curve
    ends where the values end: nothing is claimed where nothing was seen.

    Args:
        values: n ≥ 1 finite values.

    Returns:
        G places and the density at each; both empty for a constant.
    """
    sd = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    quartiles = float(np.subtract(*np.quantile(values, [0.75, 0.25]))) / 1.34
    bandwidth = 0.9 * (min(sd, quartiles) or sd) * len(values) ** -0.2
    span = float(np.ptp(values))
    if bandwidth <= 1e-9 * float(np.abs(values).max()):
        return np.empty(0), np.empty(0)
    # 20 bins a bandwidth stand for the values in them: exact to the width of a line, and quick.
    weights, edges = np.histogram(values, min(int(20 * span / bandwidth) + 1, 20_000))
    centres = ((edges[1:] + edges[:-1]) / 2)[weights > 0]
    places = np.linspace(values.min(), values.max(), 500)
    kernels = np.exp(-0.5 * ((places[:, None] - centres) / bandwidth) ** 2)
    scale = len(values) * bandwidth * np.sqrt(2 * np.pi)
    return places, kernels @ weights[weights > 0] / scale


def pages(samples: Sequence[Sample], folder: Path) -> None:
    """Draw a page a set, and one with all sets over each other.

    Args:
        samples: Real clips, then the others; all names differ.
        folder: Gets `histograms-NAME` for every set with a metric that the real clips and any
            other share, and `overlay`, as PNG and as SVG.
    """
    metrics = shared(samples)
    slugs = [_slug(sample.name) for sample in samples]
    for index, (sample, slug) in enumerate(zip(samples, slugs, strict=True)):
        if not any(len(sample.known(metric)) for metric in metrics):
            continue  # the report says what it lacks
        number = f"-{index}" if slugs.count(slug) > 1 else ""
        files = [folder / f"histograms-{slug}{number}{suffix}" for suffix in _SUFFIXES]
        with _page(metrics, [sample], files) as (figure, axes):
            figure.suptitle(_heading(sample, samples[0]), size=7)
            for metric, panel in axes.items():
                _single(panel, metric, sample, samples[0], _colour(index))
    files = [folder / f"overlay{suffix}" for suffix in _SUFFIXES]
    with _page(metrics, samples, files) as (figure, axes):
        for metric, panel in axes.items():
            _overlaid(panel, metric, samples)
        handles, labels = next(iter(axes.values())).get_legend_handles_labels()
        beside = _LETTERS // (max(map(len, labels)) + 6)
        figure.legend(handles, labels, loc="outside upper center", ncols=min(max(beside, 1), 3))


@contextlib.contextmanager
def _page(
    metrics: Sequence[Metric], samples: Sequence[Sample], files: Sequence[Path]
) -> Iterator[tuple[Figure, dict[Metric, Axes]]]:
    """An empty panel for every metric that any of the sets has."""
    found = [m for m in metrics if any(len(s.known(m)) for s in samples)]
    across = min(len(found), _PER_ROW)
    with canvas(COLUMN, _PANEL * -(-len(found) // across) + 0.3, *files) as figure:
        yield figure, dict(zip(found, panels(figure, len(found), across), strict=True))


def _heading(sample: Sample, real: Sample) -> str:
    words = f"{sample.name}, {sample.size:,} clips: mean\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}sd"
    if sample is not real:
        words += f", deviation from {real.name}"
    return "\n".join(textwrap.wrap(words, _LETTERS))


def _single(panel: Axes, metric: Metric, sample: Sample, real: Sample, colour: str) -> None:
    values = sample.known(metric)
    mean = float(values.mean())
    places, curve = density(values)
    if len(places):
        panel.hist(values, _BINS, density=True, color=colour, alpha=0.35, linewidth=0)
        panel.plot(places, curve, color=colour, linewidth=1.1)
    else:
        panel.axvline(mean, color=colour, alpha=0.35, linewidth=6)
    panel.axvline(mean, color=INK, linewidth=0.7, linestyle="--")
    title = spread(mean, float(values.std(ddof=1)) if len(values) > 1 else None)
    reference = float(real.known(metric).mean())
    if sample is not real and reference:
        title += f", {100 * (mean - reference) / abs(reference):+.0f} %"
    panel.set_title(title.replace("-", "\N{MINUS SIGN}"), size=6.5, pad=3)
    _label(panel, metric, "density")


def _overlaid(panel: Axes, metric: Metric, samples: Sequence[Sample]) -> None:
    known = [sample.known(metric) for sample in samples]
    medians = [float(np.median(values)) for values in known if len(values)]
    logarithmic = all((v > 0).all() for v in known) and max(medians) > _FAR * min(medians)
    for index, (sample, values) in enumerate(zip(samples, known, strict=True)):
        colour, line = _colour(index), _LINES[index % len(_LINES)]
        x, y = _shape(values, logarithmic=logarithmic)
        panel.plot(x, y, line, color=colour, linewidth=1.2, label=sample.name)
        panel.fill_between(x, y, color=colour, alpha=0.15, linewidth=0)
    if logarithmic:
        panel.set_xscale("log")
    panel.set_ylim(0, 1.08)
    _label(panel, metric, "density / peak")


def _shape(values: Floats, *, logarithmic: bool) -> tuple[Floats, Floats]:
    """Density over its peak; a line for a constant, nothing for nothing."""
    if not len(values):
        return values, values
    x, y = density(np.log10(values) if logarithmic else values)
    if not len(x):
        return values[[0, 0]], np.array([0.0, 1.0])
    return 10**x if logarithmic else x, y / y.max()


def _label(panel: Axes, metric: Metric, y: str) -> None:
    panel.set_xlabel(metric.label, labelpad=1.5)
    panel.set_ylabel(y, labelpad=2)
    panel.locator_params(axis="y", nbins=3)
    if panel.get_xscale() == "linear":
        panel.locator_params(axis="x", nbins=5)


def _colour(index: int) -> str:
    """Black for the real clips, then the palette."""
    return INK if index == 0 else PALETTE[(index - 1) % len(PALETTE)]


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
