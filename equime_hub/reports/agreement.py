"""Whether observers see what was intended: emotions as classes, AUs as on and off and by degree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from equime_hub.errors import DatasetError
from equime_hub.metrics.scores import confusion
from equime_hub.reports.clips import ClipLabels, labels
from equime_hub.schema.taxonomy import AU_NUMBERS, EMOTIONS
from equime_hub.tables import markdown

Counts = npt.NDArray[np.int64]

_COLUMNS = (
    "clip_id", "accepted", "emotion", "emotion_observed", "emotion_observer",
    "au_apex", "au_observed", "au_observer",
)  # fmt: skip
_NAMED = 5
"""Clips without observation that are named in print; the JSON has all."""


@dataclass(frozen=True, eq=False)
class EmotionAgreement:
    """Intended and observed emotions of n clips.

    Attributes:
        observer: Tool and version.
        classes: The C classes that are intended or observed.
        table: C×C clips, row = intended, column = observed.
    """

    observer: str
    classes: tuple[str, ...]
    table: Counts

    @property
    def clips(self) -> int:
        """Number of clips."""
        return int(self.table.sum())

    @property
    def accuracy(self) -> float:
        """Share of the clips seen as intended."""
        return float(np.trace(self.table)) / self.clips

    @property
    def kappa(self) -> float | None:
        """Cohen's (1960): 0 is agreement by chance, 1 is perfect; None if chance is perfect."""
        return _kappa(self.table)

    def of(self, name: str) -> EmotionScores:
        """One class against all others."""
        i, table = self.classes.index(name), self.table
        both = int(table[i, i])
        intended, observed = int(table[i].sum()), int(table[:, i].sum())
        rest = self.clips - intended - observed + both
        pair = np.array(((both, intended - both), (observed - both, rest)))
        return EmotionScores(
            intended, observed, _share(both, intended), _share(both, observed), _kappa(pair)
        )


class EmotionScores(NamedTuple):
    """One emotion.

    Attributes:
        intended: Clips.
        observed: Clips.
        recall: Share of the intended that are seen so; None if there are none.
        precision: Share of those seen so that are intended; None if there are none.
        kappa: Cohen's, of this emotion against all others.
    """

    intended: int
    observed: int
    recall: float | None
    precision: float | None
    kappa: float | None


class UnitScores(NamedTuple):
    """One AU, or all.

    Attributes:
        name: "AU 12", or "all".
        intended: Values above 0.
        observed: Values of at least the threshold.
        both: Values that are both.
        precision: Share of the observed that are intended; None if there are none.
        recall: Share of the intended that are observed; None if there are none.
        correlation: Pearson's, of the intensities; None if either is the same everywhere.
    """

    name: str
    intended: int
    observed: int
    both: int
    precision: float | None
    recall: float | None
    correlation: float | None


@dataclass(frozen=True)
class UnitAgreement:
    """Intended and observed AUs of n clips.

    Attributes:
        observer: Tool and version.
        clips: n.
        units: The 17 AUs, and all their values together.
    """

    observer: str
    clips: int
    units: tuple[UnitScores, ...]


@dataclass(frozen=True)
class Agreement:
    """What observers say of a dataset.

    Attributes:
        clips: All that are looked at.
        rejected: Clips that failed a gate and are left out.
        threshold: Observed intensity from which an AU is on.
        emotions: One entry an observer.
        units: One entry an observer.
        without_emotion: Clips whose emotion nobody observed, or that have none to compare with.
        without_units: The same for AUs.
    """

    clips: int
    rejected: int
    threshold: float
    emotions: tuple[EmotionAgreement, ...]
    units: tuple[UnitAgreement, ...]
    without_emotion: tuple[str, ...]
    without_units: tuple[str, ...]


def agreement(folder: Path, *, threshold: float = 0.2, rejected: bool = False) -> Agreement:
    """Compare the intended with the observed values of a dataset's labels.

    Args:
        folder: The dataset.
        threshold: Observed intensity from which an AU is on. The default is OpenFace's 1 of 5,
            where FACS begins to see it (A).
        rejected: Keep clips that failed a gate.

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
    return Agreement(
        clips=len(rows),
        rejected=len(everything) - len(rows),
        threshold=threshold,
        emotions=tuple(_emotions(*group) for group in _by(seen, "emotion_observer")),
        units=tuple(_units(*group, threshold) for group in _by(read, "au_observer")),
        without_emotion=_others(rows, seen),
        without_units=_others(rows, read),
    )


def as_markdown(found: Agreement) -> str:
    """The report for people."""
    left_out = f" {found.rejected:,} more failed a gate and are left out." if found.rejected else ""
    parts = ["# Intended and observed", f"{found.clips:,} clips.{left_out}", "## Emotions"]
    parts.append(_missing(found, found.without_emotion, "emotion"))
    for emotions in found.emotions:
        parts += _emotion_tables(emotions)
    parts += ["## Action units", _missing(found, found.without_units, "AUs")]
    for units in found.units:
        parts += _unit_table(units, found.threshold)
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
                "classes": {name: by.of(name)._asdict() for name in by.classes},
            }
            for by in found.emotions
        ],
        "without_emotion": list(found.without_emotion),
        "threshold": found.threshold,
        "action_units": [
            {**vars(by), "units": [unit._asdict() for unit in by.units]} for by in found.units
        ],
        "without_action_units": list(found.without_units),
    }


def _by(rows: Iterable[ClipLabels], column: str) -> list[tuple[str, list[ClipLabels]]]:
    """Observer → its rows: what two tools say is never mixed."""
    groups: dict[str, list[ClipLabels]] = {}
    for row in rows:
        groups.setdefault(row[column] or "unknown", []).append(row)
    return sorted(groups.items())


def _others(rows: Sequence[ClipLabels], those: Sequence[ClipLabels]) -> tuple[str, ...]:
    known = {row["clip_id"] for row in those}
    return tuple(row["clip_id"] for row in rows if row["clip_id"] not in known)


def _emotions(observer: str, rows: Sequence[ClipLabels]) -> EmotionAgreement:
    intended = [row["emotion"] for row in rows]
    observed = [row["emotion_observed"] for row in rows]
    there = {*intended, *observed}
    classes = [*(e for e in EMOTIONS if e in there), *sorted(there.difference(EMOTIONS))]
    return EmotionAgreement(observer, tuple(classes), confusion(intended, observed, classes)[0])


def _units(observer: str, rows: Sequence[ClipLabels], threshold: float) -> UnitAgreement:
    # As they are stored, so that 0.2 is no less than 0.2.
    intended = np.array([row["au_apex"] for row in rows], np.float32)
    observed = np.array([row["au_observed"] for row in rows], np.float32)
    scores = [
        _unit(f"AU {number}", intended[:, i], observed[:, i], threshold)
        for i, number in enumerate(AU_NUMBERS)
    ]
    everything = _unit("all", intended.ravel(), observed.ravel(), threshold)
    return UnitAgreement(observer, len(rows), (*scores, everything))


def _unit(
    name: str,
    intended: npt.NDArray[np.float32],
    observed: npt.NDArray[np.float32],
    threshold: float,
) -> UnitScores:
    on, seen = intended > 0, observed >= np.float32(threshold)
    both = int((on & seen).sum())
    varied = np.ptp(intended) > 0 and np.ptp(observed) > 0
    return UnitScores(
        name=name,
        intended=int(on.sum()),
        observed=int(seen.sum()),
        both=both,
        precision=_share(both, int(seen.sum())),
        recall=_share(both, int(on.sum())),
        correlation=float(np.corrcoef(intended, observed)[0, 1]) if varied else None,
    )


def _kappa(table: npt.NDArray[np.int64]) -> float | None:
    total = int(table.sum())
    chance = float(table.sum(0) @ table.sum(1)) / total**2
    return None if chance == 1 else (float(np.trace(table)) / total - chance) / (1 - chance)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


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


def _emotion_tables(found: EmotionAgreement) -> Iterator[str]:
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
        [[name, *map(str, s[:2]), *map(_number, s[2:])] for name, s in scores.items()],
    )


def _unit_table(found: UnitAgreement, threshold: float) -> Iterator[str]:
    yield f"### {found.observer}"
    yield (
        f"{found.clips:,} clips. An AU is intended if its intensity is above 0, and observed from "
        f"{threshold:g} on (of 1). r is Pearson's correlation of the intensities."
    )
    yield markdown(
        ["", "intended", "observed", "both", "precision", "recall", "r"],
        [
            [name, *(f"{count:,}" for count in counts), *map(_number, shares)]
            for name, *counts, shares in ((*s[:4], s[4:]) for s in found.units)
        ],
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
