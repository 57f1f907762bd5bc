"""How near sets of synthetic clips are to real ones, metric by metric.

After the EquiME supplement, section 3, which compares means. Here whole distributions are
compared, with intervals, and a metric is counted only where the comparison is sound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from equime_hub.errors import DatasetError
from equime_hub.progress import Progress, watched
from equime_hub.reports.distances import Bootstrap, Bootstrapped, Distances, Ints, distances
from equime_hub.reports.samples import METRICS, Metric, Sample
from equime_hub.reports.soundness import Caution, cautions
from equime_hub.tables import markdown, number, spread


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


class Win(NamedTuple):
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


CRITERIA: dict[str, Callable[[Distances], Bootstrapped]] = {
    "deviation of means": lambda d: _absolute(d.deviation),
    "Kolmogorov–Smirnov": lambda d: d.ks,
    "Wasserstein": lambda d: d.wasserstein,
}
"""What "nearer" can mean; the first is the supplement's."""

_NOT_COUNTED = "†"
_KEYS = ("deviation_percent", "ks", "wasserstein")
"""Names of `Distances` in the JSON."""


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
    comparisons = tuple(
        _compare(metric, real, synthetic, bootstrap, sound=metric.key not in unsound)
        for metric in watched(shared, progress)
    )
    return Fidelity(real, tuple(synthetic), comparisons, tuple(found), bootstrap)


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


def as_markdown(fidelity: Fidelity) -> str:
    """The report for people."""
    names = " and ".join(sample.name for sample in fidelity.synthetic)
    parts = [
        f"# Fidelity of {names} to {fidelity.real.name}",
        _sets(fidelity),
        "## Metrics",
        _metrics(fidelity),
        *([] if all(c.sound for c in fidelity.comparisons) else [f"{_NOT_COUNTED} not counted"]),
        *_closer(fidelity),
        *_cautions(fidelity),
        "## Method",
        _method(fidelity),
    ]
    return "\n\n".join(parts)


def as_json(fidelity: Fidelity) -> dict[str, Any]:
    """The report for programs: plain values, null where a number is not defined."""
    return {
        "real": fidelity.real.name,
        "sets": {sample.name: _set(sample) for sample in (fidelity.real, *fidelity.synthetic)},
        "metrics": {c.metric.key: _comparison(c) for c in fidelity.comparisons},
        "closest": {
            criterion: {
                "metrics": wins(fidelity, criterion, sound=False),
                "sound_metrics": wins(fidelity, criterion, sound=True),
            }
            for criterion in CRITERIA
        },
        "cautions": [{"text": c.text, "unsound": list(c.unsound)} for c in fidelity.cautions],
        "bootstrap": vars(fidelity.bootstrap),
    }


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


def _absolute(estimate: Bootstrapped) -> Bootstrapped:
    """Of a signed estimate; an interval that holds 0 begins there."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None:
        return Bootstrapped(None if value is None else abs(value))
    return Bootstrapped(abs(value), max(low, -high, 0.0), max(-low, high))


def _sets(fidelity: Fidelity) -> str:
    return markdown(
        ("set", "emotions", "frame size", "clips", "people", "frames/s"),
        [
            (
                sample.name + (" (real)" if sample is fidelity.real else ""),
                ", ".join(sample.emotions) or "unknown",
                ", ".join(f"{w} × {h}" for w, h in sample.frame_sizes) or "unknown",
                f"{sample.size:,}",
                "unknown" if (people := _people(sample)) is None else f"{people:,}",
                ", ".join(f"{fps:g}" for fps in sample.fps) or "unknown",
            )
            for sample in (fidelity.real, *fidelity.synthetic)
        ],
        left=3,
    )


def _metrics(fidelity: Fidelity) -> str:
    rows: list[tuple[str, ...]] = []
    for comparison in fidelity.comparisons:
        mark = "" if comparison.sound else f" {_NOT_COUNTED}"
        title = comparison.metric.label + mark
        rows.append((title, f"{fidelity.real.name} (real)", *_numbers(comparison.real), "", "", ""))
        for name, summary in comparison.synthetic.items():
            found = comparison.distances[name]
            distances = (
                _interval(found.deviation, "{:+.1f}".format, " %"),
                _interval(found.ks, "{:.3f}".format),
                _interval(found.wasserstein, number),
            )
            rows.append(("", name, *_numbers(summary), *distances))
    header = ("metric", "set", "n", "mean ± sd", "median", "deviation of mean", "KS", "Wasserstein")
    return markdown(header, rows, left=2)


def _numbers(summary: Summary) -> tuple[str, str, str]:
    return f"{summary.n:,}", spread(summary.mean, summary.sd), number(summary.median)


def _interval(estimate: Bootstrapped, form: Callable[[float], str], unit: str = "") -> str:
    if estimate.value is None:
        return "not defined"
    value = form(estimate.value) + unit
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{form(estimate.low)}, {form(estimate.high)}]"


def _closer(fidelity: Fidelity) -> Iterator[str]:
    if len(fidelity.synthetic) < 2:
        return
    yield "## In how many metrics each set is nearest to the real one"
    sound = sum(c.sound for c in fidelity.comparisons)
    rows = []
    for criterion in CRITERIA:
        for label, only in ((f"all {len(fidelity.comparisons)}", False), (f"{sound} sound", True)):
            if only and sound == len(fidelity.comparisons):
                continue
            counts = wins(fidelity, criterion, sound=only)
            rows.append((criterion, label, *(str(counts[s.name]) for s in fidelity.synthetic)))
    names = (sample.name for sample in fidelity.synthetic)
    yield markdown(("by", "of the metrics", *names), rows, left=2)
    if close := [c.metric.title for c in fidelity.comparisons if _close(c)]:
        yield f"By Wasserstein, the intervals of the nearest two overlap in: {', '.join(close)}."


def _close(comparison: Comparison) -> bool:
    win = nearest(comparison, "Wasserstein")
    return win is not None and not win.clear


def _cautions(fidelity: Fidelity) -> Iterator[str]:
    if fidelity.cautions:
        yield "## Cautions"
        yield "\n".join(f"- {caution.text}" for caution in fidelity.cautions)


def _method(fidelity: Fidelity) -> str:
    how = fidelity.bootstrap
    text = (
        "Deviation of means is (synthetic - real) / |real|. KS is the largest difference of the "
        "two distribution functions, in [0, 1]. Wasserstein is how far values must be moved on "
        "average, in the metric's unit. Standard deviations are with n - 1."
    )
    if not how.draws:
        return text
    return text + (
        f" In brackets: {100 * how.level:g} % percentile intervals of {how.draws:,} bootstrap "
        f"draws, seed {how.seed}, of people where they are known and else of clips. Close to zero "
        "they lie too high, because two draws always differ."
    )


def _people(sample: Sample) -> int | None:
    return None if sample.subjects is None else len(np.unique(sample.subjects))


def _set(sample: Sample) -> dict[str, Any]:
    return {
        "clips": sample.size,
        "people": _people(sample),
        "rejected": sample.rejected,
        "emotions": list(sample.emotions),
        "fps": list(sample.fps),
        "frame_sizes": [list(size) for size in sample.frame_sizes],
        "columns": dict(sample.columns),
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "unit": comparison.metric.unit,
        "sound": comparison.sound,
        "real": vars(comparison.real),
        "synthetic": {
            name: {
                **vars(summary),
                **dict(zip(_KEYS, map(vars, comparison.distances[name]), strict=True)),
            }
            for name, summary in comparison.synthetic.items()
        },
        "closest": {
            criterion: win and win._asdict()
            for criterion in CRITERIA
            for win in [nearest(comparison, criterion)]
        },
    }
