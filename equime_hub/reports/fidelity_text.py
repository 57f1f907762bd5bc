"""A fidelity report as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from equime_hub.reports.distances import Estimate
from equime_hub.reports.fidelity import CRITERIA, Comparison, Fidelity, Summary, nearest, wins
from equime_hub.reports.samples import Sample
from equime_hub.tables import markdown, number, spread

_NOT_COUNTED = "†"


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


def _interval(estimate: Estimate, form: Callable[[float], str], unit: str = "") -> str:
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
    wins = {criterion: nearest(comparison, criterion) for criterion in CRITERIA}
    return {
        "unit": comparison.metric.unit,
        "sound": comparison.sound,
        "real": vars(comparison.real),
        "synthetic": {
            name: {
                **vars(summary),
                "deviation_percent": vars(comparison.distances[name].deviation),
                "ks": vars(comparison.distances[name].ks),
                "wasserstein": vars(comparison.distances[name].wasserstein),
            }
            for name, summary in comparison.synthetic.items()
        },
        "closest": {criterion: win and vars(win) for criterion, win in wins.items()},
    }
