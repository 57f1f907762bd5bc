"""How near sets of synthetic clips are to real ones, metric by metric.

After the EquiME supplement, section 3, which compares means. Here whole distributions are
compared, with intervals, and a metric is counted only where the comparison is sound.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from equime_hub.errors import DatasetError
from equime_hub.progress import Progress, watched
from equime_hub.reports.distances import Bootstrap, Bootstrapped, Distances, Ints, distances
from equime_hub.reports.samples import METRICS, Metric, Sample
from equime_hub.reports.soundness import cautions
from equime_hub.tables import markdown, number, spread

CRITERIA = {
    "deviation of means": "deviation_percent",
    "Kolmogorov–Smirnov": "ks",
    "Wasserstein": "wasserstein",
}
"""What "nearer" can mean, by a field of `Distances`; the first is the supplement's."""

_NOT_COUNTED = "†"
_METRICS = {metric.key: metric for metric in METRICS}


def compare(
    real: Sample,
    synthetic: Sequence[Sample],
    bootstrap: Bootstrap | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compare sets of synthetic clips with real ones.

    Args:
        real: Real clips.
        synthetic: At least one other set; all names differ.
        bootstrap: How intervals are made. People are drawn where they are known, else clips.
        progress: Called with metrics done and metrics in all.

    Returns:
        The report for programs: plain values, null where a number is not defined. `metrics` has
        one entry a metric that the real clips and at least one other set have; it is `sound` if
        its comparison counts. `closest` tells in how many of them each set is nearest to the real
        one, by `CRITERIA`.

    Raises:
        DatasetError: Two sets of one name, or no metric in common.
    """
    samples = (real, *synthetic)
    names = [sample.name for sample in samples]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise DatasetError(
            f"Two sets are called {', '.join(double)}. Name them apart with NAME=PATH."
        )
    bootstrap = bootstrap or Bootstrap()
    told = cautions(real, synthetic)
    unsound = {key for caution in told for key in caution.unsound}
    common = shared(samples)
    if not common:
        columns = "; ".join(f"{s.name}: {', '.join(s.values) or 'none'}" for s in samples)
        raise DatasetError(f"{real.name} has no metric that another set has too ({columns}).")
    metrics = {
        metric.key: {
            "unit": metric.unit,
            "sound": metric.key not in unsound,
            **_compared(metric, real, synthetic, bootstrap),
        }
        for metric in watched(common, progress)
    }
    sound = [metric for metric in metrics.values() if metric["sound"]]
    return {
        "real": real.name,
        "sets": {sample.name: _set(sample) for sample in samples},
        "metrics": metrics,
        "closest": {
            criterion: {
                "metrics": _wins(metrics.values(), names[1:], criterion),
                "sound_metrics": _wins(sound, names[1:], criterion),
            }
            for criterion in CRITERIA
        },
        "cautions": [vars(caution) for caution in told],
        "bootstrap": vars(bootstrap),
    }


def shared(samples: Sequence[Sample]) -> list[Metric]:
    """Metrics that the first of the sets and any other have."""
    real, *others = samples
    return [m for m in METRICS if len(real.known(m)) and any(len(s.known(m)) for s in others)]


def as_markdown(found: dict[str, Any]) -> str:
    """What `compare` found, for people."""
    sets, metrics = found["sets"], found["metrics"]
    names = [name for name in sets if name != found["real"]]
    parts = [
        f"# Fidelity of {' and '.join(names)} to {found['real']}",
        _sets(found),
        "## Metrics",
        _metrics(found),
        *([] if all(m["sound"] for m in metrics.values()) else [f"{_NOT_COUNTED} not counted"]),
        *_closer(found, names),
    ]
    if found["cautions"]:
        parts += ["## Cautions", "\n".join(f"- {caution['text']}" for caution in found["cautions"])]
    return "\n\n".join([*parts, "## Method", _method(Bootstrap(**found["bootstrap"]))])


def _compared(
    metric: Metric, real: Sample, synthetic: Sequence[Sample], bootstrap: Bootstrap
) -> dict[str, Any]:
    """One metric of all sets that have it."""
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
    return {
        "real": _summary(real, metric),
        "synthetic": {
            sample.name: {
                **_summary(sample, metric),
                **{name: vars(each) for name, each in found[sample.name]._asdict().items()},
            }
            for sample in present
        },
        "closest": {criterion: _nearest(found, field) for criterion, field in CRITERIA.items()},
    }


def _groups(sample: Sample, metric: Metric) -> Ints | None:
    if sample.subjects is None:
        return None
    return sample.subjects[np.isfinite(sample.values[metric.key])]


def _summary(sample: Sample, metric: Metric) -> dict[str, Any]:
    values = sample.known(metric)
    return {
        "n": len(values),
        "missing": sample.size - len(values),
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
        "median": float(np.median(values)),
    }


def _nearest(found: Mapping[str, Distances], field: str) -> dict[str, Any] | None:
    """The set with the least distance, and whether that is clear.

    It is if the interval ends before that of every other begins. None if fewer than two sets can
    be compared, or the nearest two are equally near.
    """
    sizes = {name: _absolute(getattr(each, field)) for name, each in found.items()}
    ranked = sorted((each.value, name) for name, each in sizes.items() if each.value is not None)
    # Distances that are equal may differ in their last bits.
    if len(ranked) < 2 or math.isclose(ranked[0][0], ranked[1][0], abs_tol=1e-12):
        return None
    name = ranked[0][1]
    end = sizes[name].high
    starts = [sizes[other].low for _, other in ranked[1:]]
    clear = all(end is not None and low is not None and end < low for low in starts)
    return {"name": name, "clear": clear}


def _absolute(estimate: Bootstrapped) -> Bootstrapped:
    """Of a signed estimate; an interval that holds 0 begins there."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None:
        return Bootstrapped(None if value is None else abs(value))
    return Bootstrapped(abs(value), max(low, -high, 0.0), max(-low, high))


def _wins(metrics: Iterable[dict[str, Any]], names: list[str], criterion: str) -> dict[str, int]:
    nearest = (metric["closest"][criterion] for metric in metrics)
    won = Counter(win["name"] for win in nearest if win)
    return {name: won[name] for name in names}


def _set(sample: Sample) -> dict[str, Any]:
    return {
        "clips": sample.size,
        "people": None if sample.subjects is None else len(np.unique(sample.subjects)),
        **{name: getattr(sample, name)
           for name in ("rejected", "emotions", "fps", "frame_sizes", "columns")},
    }  # fmt: skip


def _sets(found: dict[str, Any]) -> str:
    return markdown(
        ("set", "emotions", "frame size", "clips", "people", "frames/s"),
        [
            (
                name + (" (real)" if name == found["real"] else ""),
                ", ".join(each["emotions"]) or "unknown",
                ", ".join(f"{w} × {h}" for w, h in each["frame_sizes"]) or "unknown",
                f"{each['clips']:,}",
                "unknown" if each["people"] is None else f"{each['people']:,}",
                ", ".join(f"{fps:g}" for fps in each["fps"]) or "unknown",
            )
            for name, each in found["sets"].items()
        ],
        left=3,
    )


def _metrics(found: dict[str, Any]) -> str:
    rows: list[tuple[str, ...]] = []
    for key, metric in found["metrics"].items():
        mark = "" if metric["sound"] else f" {_NOT_COUNTED}"
        title, real = _METRICS[key].label + mark, f"{found['real']} (real)"
        rows.append((title, real, *_numbers(metric["real"]), "", "", ""))
        for name, values in metric["synthetic"].items():
            distances = (
                _interval(values["deviation_percent"], "{:+.1f}".format, " %"),
                _interval(values["ks"], "{:.3f}".format),
                _interval(values["wasserstein"], number),
            )
            rows.append(("", name, *_numbers(values), *distances))
    header = ("metric", "set", "n", "mean ± sd", "median", "deviation of mean", "KS", "Wasserstein")
    return markdown(header, rows, left=2)


def _numbers(summary: dict[str, Any]) -> tuple[str, str, str]:
    return f"{summary['n']:,}", spread(summary["mean"], summary["sd"]), number(summary["median"])


def _interval(estimate: dict[str, Any], form: Callable[[float], str], unit: str = "") -> str:
    if estimate["value"] is None:
        return "not defined"
    value = form(estimate["value"]) + unit
    if estimate["low"] is None:
        return value
    return f"{value} [{form(estimate['low'])}, {form(estimate['high'])}]"


def _closer(found: dict[str, Any], names: list[str]) -> Iterator[str]:
    if len(names) < 2:
        return
    yield "## In how many metrics each set is nearest to the real one"
    metrics = found["metrics"]
    sound = sum(metric["sound"] for metric in metrics.values())
    which = {"metrics": f"all {len(metrics)}"}
    if sound < len(metrics):
        which["sound_metrics"] = f"{sound} sound"
    rows = [
        (criterion, label, *map(str, counts[key].values()))
        for criterion, counts in found["closest"].items()
        for key, label in which.items()
    ]
    yield markdown(("by", "of the metrics", *names), rows, left=2)
    wins = {key: metric["closest"]["Wasserstein"] for key, metric in metrics.items()}
    if close := [_METRICS[key].title for key, win in wins.items() if win and not win["clear"]]:
        yield f"By Wasserstein, the intervals of the nearest two overlap in: {', '.join(close)}."


def _method(how: Bootstrap) -> str:
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
