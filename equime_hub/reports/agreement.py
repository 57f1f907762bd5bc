"""Whether observers see what was intended: emotions as classes, AUs as on and off and by degree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from equime_hub.errors import DatasetError
from equime_hub.metrics.scores import confusion
from equime_hub.reports.clips import ClipLabels, labels
from equime_hub.schema.taxonomy import AU_NUMBERS, EMOTIONS
from equime_hub.tables import MISSING, markdown

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

_COLUMNS = (
    "clip_id", "accepted", "emotion", "emotion_observed", "emotion_observer",
    "au_apex", "au_observed", "au_observer",
)  # fmt: skip
_NAMED = 5
"""Clips without observation that are named in print; the JSON has all."""


def agreement(folder: Path, *, threshold: float = 0.2, rejected: bool = False) -> dict[str, Any]:
    """Compare the intended with the observed values of a dataset's labels.

    Args:
        folder: The dataset.
        threshold: Observed intensity from which an AU is on. The default is OpenFace's 1 of 5,
            where FACS begins to see it (A).
        rejected: Keep clips that failed a gate.

    Returns:
        The report for programs: plain values, null where a number is not defined. `emotions` and
        `action_units` hold one entry an observer. Kappa is Cohen's (1960), 0 by chance and 1 if
        perfect; recall is the share of the intended that are seen so, precision that of those
        seen so that are intended, correlation Pearson's of the intensities.

    Raises:
        DatasetError: No dataset there, an older schema, no clip left, or nothing observed.
    """
    everything = labels(folder, _COLUMNS)
    rows = [row for row in everything if rejected or row["accepted"]]
    if not rows:
        raise DatasetError(
            f"None of the {len(everything):,} clips of {folder} passed every gate. Keep the "
            "others with --rejected."
        )
    seen = [row for row in rows if None not in (row["emotion"], row["emotion_observed"])]
    read = [row for row in rows if None not in (row["au_apex"], row["au_observed"])]
    if not (seen or read):
        raise DatasetError(
            f"No observer has looked at the {len(rows):,} clips of {folder}. Ask one with: "
            f"equime observe {folder} --emotion deepface"
        )
    return {
        "clips": len(rows),
        "rejected": len(everything) - len(rows),
        "emotions": [_emotions(*group) for group in _by(seen, "emotion_observer")],
        "without_emotion": _others(rows, seen),
        "threshold": threshold,
        "action_units": [_units(*group, threshold) for group in _by(read, "au_observer")],
        "without_action_units": _others(rows, read),
    }


def as_markdown(found: dict[str, Any]) -> str:
    """What `agreement` found, for people."""
    rejected = found["rejected"]
    left_out = f" {rejected:,} more failed a gate and are left out." if rejected else ""
    parts = ["# Intended and observed", f"{found['clips']:,} clips.{left_out}", "## Emotions"]
    parts.append(_missing(found["clips"], found["without_emotion"], "emotion"))
    for emotions in found["emotions"]:
        parts += _emotion_tables(emotions)
    parts += ["## Action units", _missing(found["clips"], found["without_action_units"], "AUs")]
    for units in found["action_units"]:
        parts += _unit_table(units, found["threshold"])
    return "\n\n".join(parts)


def _by(rows: Iterable[ClipLabels], column: str) -> list[tuple[str, list[ClipLabels]]]:
    """Observer → its rows: what two tools say is never mixed."""
    groups: dict[str, list[ClipLabels]] = {}
    for row in rows:
        groups.setdefault(row[column] or "unknown", []).append(row)
    return sorted(groups.items())


def _others(rows: Sequence[ClipLabels], those: Sequence[ClipLabels]) -> list[str]:
    known = {row["clip_id"] for row in those}
    return [row["clip_id"] for row in rows if row["clip_id"] not in known]


def _emotions(observer: str, rows: Sequence[ClipLabels]) -> dict[str, Any]:
    intended = [row["emotion"] for row in rows]
    observed = [row["emotion_observed"] for row in rows]
    there = {*intended, *observed}
    classes = [*(e for e in EMOTIONS if e in there), *sorted(there.difference(EMOTIONS))]
    table, _ = confusion(intended, observed, classes)
    return {
        "observer": observer,
        "clips": len(rows),
        "accuracy": float(np.trace(table)) / len(rows),
        "kappa": _kappa(table),
        "confusion": {
            name: dict(zip(classes, line, strict=True))
            for name, line in zip(classes, table.tolist(), strict=True)
        },
        "classes": {name: _one_class(table, place) for place, name in enumerate(classes)},
    }


def _one_class(table: Counts, place: int) -> dict[str, Any]:
    """One class against all others."""
    both = int(table[place, place])
    intended, observed = int(table[place].sum()), int(table[:, place].sum())
    rest = int(table.sum()) - intended - observed + both
    return {
        "intended": intended,
        "observed": observed,
        "recall": _share(both, intended),
        "precision": _share(both, observed),
        "kappa": _kappa(np.array(((both, intended - both), (observed - both, rest)))),
    }


def _units(observer: str, rows: Sequence[ClipLabels], threshold: float) -> dict[str, Any]:
    # As they are stored, so that 0.2 is no less than 0.2.
    intended = np.array([row["au_apex"] for row in rows], np.float32)
    observed = np.array([row["au_observed"] for row in rows], np.float32)
    units = [
        _unit(f"AU {number}", intended[:, i], observed[:, i], threshold)
        for i, number in enumerate(AU_NUMBERS)
    ]
    units.append(_unit("all", intended.ravel(), observed.ravel(), threshold))
    return {"observer": observer, "clips": len(rows), "units": units}


def _unit(name: str, intended: Floats, observed: Floats, threshold: float) -> dict[str, Any]:
    on, seen = intended > 0, observed >= np.float32(threshold)
    both = int((on & seen).sum())
    varied = np.ptp(intended) > 0 and np.ptp(observed) > 0
    return {
        "name": name,
        "intended": int(on.sum()),
        "observed": int(seen.sum()),
        "both": both,
        "precision": _share(both, int(seen.sum())),
        "recall": _share(both, int(on.sum())),
        "correlation": float(np.corrcoef(intended, observed)[0, 1]) if varied else None,
    }


def _kappa(table: Counts) -> float | None:
    """Cohen's; None where chance alone is perfect."""
    total = int(table.sum())
    chance = float(table.sum(0) @ table.sum(1)) / total**2
    return None if chance == 1 else (float(np.trace(table)) / total - chance) / (1 - chance)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _missing(clips: int, without: Sequence[str], what: str) -> str:
    if not without:
        return f"Every clip has observed {what}."
    if len(without) == clips:
        return f"No clip has observed {what} to compare with."
    more = f", and {len(without) - _NAMED:,} more" if len(without) > _NAMED else ""
    return (
        f"{len(without):,} of {clips:,} clips have no observed {what} to compare with: "
        f"{', '.join(without[:_NAMED])}{more}."
    )


def _emotion_tables(found: dict[str, Any]) -> Iterator[str]:
    accuracy, kappa = _cells([found["accuracy"], found["kappa"]])
    yield f"### {found['observer']}"
    yield (
        f"{found['clips']:,} clips: accuracy {accuracy}, Cohen's kappa {kappa}. Rows are intended, "
        "columns observed."
    )
    classes, lines = found["classes"], found["confusion"]
    intended = [name for name, scores in classes.items() if scores["intended"]]
    yield markdown(["", *classes], [[name, *_cells(lines[name].values())] for name in intended])
    yield markdown(
        ["emotion", "intended", "observed", "recall", "precision", "kappa"],
        [[name, *_cells(scores.values())] for name, scores in classes.items()],
    )


def _unit_table(found: dict[str, Any], threshold: float) -> Iterator[str]:
    yield f"### {found['observer']}"
    yield (
        f"{found['clips']:,} clips. An AU is intended if its intensity is above 0, and observed "
        f"from {threshold:g} on (of 1). r is Pearson's correlation of the intensities."
    )
    yield markdown(
        ["", "intended", "observed", "both", "precision", "recall", "r"],
        [[unit["name"], *_cells([*unit.values()][1:], ",")] for unit in found["units"]],
    )


def _cells(values: Iterable[int | float | None], whole: str = "d") -> list[str]:
    """Numbers with three decimals, counts in the form `whole`."""
    return [
        MISSING if value is None else format(value, whole if isinstance(value, int) else ".3f")
        for value in values
    ]
