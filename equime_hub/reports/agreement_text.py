"""An agreement report as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from equime_hub.reports.agreement import Agreement, EmotionAgreement, UnitAgreement
from equime_hub.tables import markdown

_NAMED = 5
"""Clips without observation that are named in print; the JSON has all."""


def as_markdown(found: Agreement) -> str:
    """The report for people."""
    left_out = f" {found.rejected:,} more failed a gate and are left out." if found.rejected else ""
    parts = ["# Intended and observed", f"{found.clips:,} clips.{left_out}", "## Emotions"]
    parts += [_missing(found, found.without_emotion, "emotion")]
    for emotions in found.emotions:
        parts += _emotions(emotions)
    parts += ["## Action units", _missing(found, found.without_units, "AUs")]
    for units in found.units:
        parts += _units(units, found.threshold)
    return "\n\n".join(parts)


def as_json(found: Agreement) -> dict[str, Any]:
    """The report for programs: plain values, null where a number is not defined."""
    return {
        "clips": found.clips,
        "rejected": found.rejected,
        "emotions": [
            {
                "observer": by.observer,
                "clips": by.clips,
                "accuracy": by.accuracy,
                "kappa": by.kappa,
                "confusion": {
                    intended: dict(zip(by.classes, line.tolist(), strict=True))
                    for intended, line in zip(by.classes, by.table, strict=True)
                },
                "classes": {name: asdict(by.of(name)) for name in by.classes},
            }
            for by in found.emotions
        ],
        "without_emotion": list(found.without_emotion),
        "threshold": found.threshold,
        "action_units": [asdict(by) for by in found.units],
        "without_action_units": list(found.without_units),
    }


def _missing(found: Agreement, clips: Sequence[str], what: str) -> str:
    if not clips:
        return f"Every clip has observed {what}."
    if len(clips) == found.clips:
        return f"No clip has observed {what} to compare with."
    more = f", and {len(clips) - _NAMED:,} more" if len(clips) > _NAMED else ""
    return (
        f"{len(clips):,} of {found.clips:,} clips have no observed {what} to compare with: "
        f"{', '.join(clips[:_NAMED])}{more}."
    )


def _emotions(found: EmotionAgreement) -> Iterator[str]:
    yield f"### {found.observer}"
    yield (
        f"{found.clips:,} clips: accuracy {_number(found.accuracy)}, "
        f"Cohen's kappa {_number(found.kappa)}. Rows are intended, columns observed."
    )
    scores = {name: found.of(name) for name in found.classes}
    intended = [name for name in found.classes if scores[name].intended]
    lines = dict(zip(found.classes, found.table.tolist(), strict=True))
    yield markdown(["", *found.classes], [[name, *map(str, lines[name])] for name in intended])
    yield markdown(
        ["emotion", "intended", "observed", "recall", "precision", "kappa"],
        [
            [
                name,
                str(s.intended),
                str(s.observed),
                *map(_number, (s.recall, s.precision, s.kappa)),
            ]
            for name, s in scores.items()
        ],
    )


def _units(found: UnitAgreement, threshold: float) -> Iterator[str]:
    yield f"### {found.observer}"
    yield (
        f"{found.clips:,} clips. An AU is intended if its intensity is above 0, and observed from "
        f"{threshold:g} on (of 1). r is Pearson's correlation of the intensities."
    )
    yield markdown(
        ["", "intended", "observed", "both", "precision", "recall", "r"],
        [
            [s.name, f"{s.intended:,}", f"{s.observed:,}", f"{s.both:,}",
             *map(_number, (s.precision, s.recall, s.correlation))]
            for s in found.units
        ],
    )  # fmt: skip


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
