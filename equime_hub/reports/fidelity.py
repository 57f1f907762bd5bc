"""How near sets of synthetic clips are to real ones, metric by metric.

After the EquiME supplement, section 3, which compares means. Here whole distributions are
compared, with intervals, and a metric is counted only where the comparison is sound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from equime_hub.errors import DatasetError
from equime_hub.progress import Progress
from equime_hub.reports.distances import Bootstrap, Distances, Estimate, Ints, distances
from equime_hub.reports.samples import METRICS, Metric, Sample
from equime_hub.reports.soundness import Caution, cautions


@dataclass(frozen=True)
class Summary:
    """One metric of one set.

    Attributes:
        n: Clips with a value.
        missing: Clips without.
        mean: Arithmetic mean.
        sd: Standard deviation with n - 1; None for one clip.
        median: Median.
    """

    n: int
    missing: int
    mean: float
    sd: float | None
    median: float


@dataclass(frozen=True)
class Comparison:
    """One metric of all sets that have it.

    Attributes:
        metric: Which.
        real: The real clips.
        synthetic: Name → the synthetic ones.
        distances: Name → how far they are from the real ones.
        sound: Whether it counts.
    """

    metric: Metric
    real: Summary
    synthetic: Mapping[str, Summary]
    distances: Mapping[str, Distances]
    sound: bool


@dataclass(frozen=True)
class Win:
    """Who is nearer to the real clips in one metric.

    Attributes:
        name: The set.
        clear: Its interval ends before that of every other begins.
    """

    name: str
    clear: bool


@dataclass(frozen=True)
class Fidelity:
    """The whole report.

    Attributes:
        real: Real clips.
        synthetic: The others.
        comparisons: One a metric that the real clips and at least one other set have.
        cautions: What a reader must know.
        bootstrap: How the intervals were made.
    """

    real: Sample
    synthetic: tuple[Sample, ...]
    comparisons: tuple[Comparison, ...]
    cautions: tuple[Caution, ...]
    bootstrap: Bootstrap


CRITERIA: dict[str, Callable[[Distances], Estimate]] = {
    "deviation of means": lambda d: _absolute(d.deviation),
    "Kolmogorov–Smirnov": lambda d: d.ks,
    "Wasserstein": lambda d: d.wasserstein,
}
"""What "nearer" can mean; the first is the supplement's."""


def compare(
    real: Sample,
    synthetic: Sequence[Sample],
    bootstrap: Bootstrap | None = None,
    progress: Progress | None = None,
) -> Fidelity:
    """Compare sets of synthetic clips with real ones.

    Args:
        real: Real clips.
        synthetic: At least one other set; all names differ.
        bootstrap: How intervals are made. People are drawn where they are known, else clips.
        progress: Called with metrics done and metrics in all.

    Raises:
        DatasetError: Two sets of one name, or no metric in common.
    """
    names = [sample.name for sample in (real, *synthetic)]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise DatasetError(
            f"Two sets are called {', '.join(double)}. Name them apart with NAME=PATH."
        )
    bootstrap = bootstrap or Bootstrap()
    found = cautions(real, synthetic)
    unsound = {key for caution in found for key in caution.unsound}
    shared = [m for m in METRICS if len(real.known(m))
              and any(len(other.known(m)) for other in synthetic)]  # fmt: skip
    if not shared:
        columns = "; ".join(
            f"{s.name}: {', '.join(s.values) or 'none'}" for s in (real, *synthetic)
        )
        raise DatasetError(f"{real.name} has no metric that another set has too ({columns}).")
    comparisons = []
    for done, metric in enumerate(shared):
        if progress:
            progress(done, len(shared))
        comparisons.append(
            _compare(metric, real, synthetic, bootstrap, sound=metric.key not in unsound)
        )
    if progress:
        progress(len(shared), len(shared))
    return Fidelity(real, tuple(synthetic), tuple(comparisons), tuple(found), bootstrap)


def nearest(comparison: Comparison, criterion: str) -> Win | None:
    """The set that is nearest to the real one in a metric.

    Args:
        comparison: The metric.
        criterion: Key of `CRITERIA`.

    Returns:
        None if fewer than two sets can be compared, or the nearest two are equally near.
    """
    found = {name: CRITERIA[criterion](d) for name, d in comparison.distances.items()}
    ranked = sorted((e.value, name) for name, e in found.items() if e.value is not None)
    if len(ranked) < 2 or math.isclose(ranked[0][0], ranked[1][0], abs_tol=1e-12):
        return None
    name = ranked[0][1]
    end = found[name].high
    starts = [found[other].low for _, other in ranked[1:]]
    return Win(name, all(end is not None and low is not None and end < low for low in starts))


def wins(fidelity: Fidelity, criterion: str, *, sound: bool) -> dict[str, int]:
    """Name → in how many metrics the set is nearest.

    Args:
        fidelity: A report.
        criterion: Key of `CRITERIA`.
        sound: Count only metrics whose comparison is sound.
    """
    counts = {sample.name: 0 for sample in fidelity.synthetic}
    for comparison in fidelity.comparisons:
        if (comparison.sound or not sound) and (win := nearest(comparison, criterion)):
            counts[win.name] += 1
    return counts


def _compare(
    metric: Metric,
    real: Sample,
    synthetic: Sequence[Sample],
    bootstrap: Bootstrap,
    *,
    sound: bool,
) -> Comparison:
    present = [sample for sample in synthetic if len(sample.known(metric))]
    found = {
        sample.name: distances(
            real.known(metric),
            sample.known(metric),
            bootstrap,
            reference_groups=_groups(real, metric),
            sample_groups=_groups(sample, metric),
        )
        for sample in present
    }
    summaries = {sample.name: _summary(sample, metric) for sample in present}
    return Comparison(metric, _summary(real, metric), summaries, found, sound)


def _groups(sample: Sample, metric: Metric) -> Ints | None:
    if sample.subjects is None:
        return None
    return sample.subjects[np.isfinite(sample.values[metric.key])]


def _summary(sample: Sample, metric: Metric) -> Summary:
    values = sample.known(metric)
    return Summary(
        n=len(values),
        missing=sample.size - len(values),
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)) if len(values) > 1 else None,
        median=float(np.median(values)),
    )


def _absolute(estimate: Estimate) -> Estimate:
    """Of a signed estimate; an interval that holds 0 begins there."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None:
        return Estimate(None if value is None else abs(value))
    return Estimate(abs(value), max(low, -high, 0.0), max(-low, high))
