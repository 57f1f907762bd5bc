"""Tables of label columns, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from equime_hub.schema import taxonomy as tx
from equime_hub.schema.features import COLUMNS
from equime_hub.video import timing

Table = dict[str, dict[str, int]]
"""Row name → column name, such as a split → clips."""


@dataclass(frozen=True)
class Spread:
    """How some numbers lie; quartiles are interpolated linearly.

    Attributes:
        n: How many are known.
        mean: Of those.
        sd: Standard deviation (n − 1); None for a single one.
        least: The smallest.
        quartiles: First quartile, median, third quartile.
        largest: The largest.
    """

    n: int
    mean: float
    sd: float | None
    least: float
    quartiles: tuple[float, float, float]
    largest: float


def spread(values: Iterable[float]) -> Spread | None:
    """How numbers lie; None if there are none."""
    numbers = np.fromiter(values, np.float64)
    if not numbers.size:
        return None
    least, *quartiles, largest = (float(q) for q in np.quantile(numbers, (0, 0.25, 0.5, 0.75, 1)))
    return Spread(
        n=numbers.size,
        mean=float(numbers.mean()),
        sd=float(numbers.std(ddof=1)) if numbers.size > 1 else None,
        least=least,
        quartiles=(quartiles[0], quartiles[1], quartiles[2]),
        largest=largest,
    )


def milliseconds(table: pa.Table) -> list[float]:
    """From onset to offset of every clip that has both and a frame rate."""
    columns = (table[name].to_pylist() for name in ("onset_frame", "offset_frame", "fps"))
    return [
        timing.milliseconds(offset - onset, fps)
        for onset, offset, fps in zip(*columns, strict=True)
        if None not in (onset, offset, fps)
    ]


def counted(table: pa.Table, *names: str) -> dict[tuple[Any, ...], int]:
    """Values of some columns → rows, in the order of the values; None comes first."""
    values = zip(*(table[name].to_pylist() for name in names), strict=True)
    return dict(
        sorted(
            Counter(values).items(),
            key=lambda item: [(value is not None, value) for value in item[0]],
        )
    )


def cross(tables: dict[str, pa.Table], column: str, names: tuple[str, ...]) -> Table:
    """Class × split; classes without a clip are left out."""
    counts = {split: Counter(table[column].to_pylist()) for split, table in tables.items()}
    rows: Table = {}
    for value, name in [*enumerate(names), (None, "unknown")]:
        row = {split: counts[split][value] for split in counts}
        if any(row.values()):
            rows[name] = row
    return rows


def emotions_by(table: pa.Table, column: str, names: tuple[str, ...]) -> Table:
    """Emotion × group; groups and emotions without a clip are left out."""
    groups = dict(enumerate(names)) | {None: "unknown"}
    pairs = Counter(zip(table["emotion"].to_pylist(), table[column].to_pylist(), strict=True))
    there = [value for value in groups if any(group == value for _, group in pairs)]
    emotions = [e for e in range(len(tx.EMOTIONS)) if any(emotion == e for emotion, _ in pairs)]
    return {tx.EMOTIONS[e]: {groups[value]: pairs[e, value] for value in there} for e in emotions}


def rejections(tables: dict[str, pa.Table]) -> Table:
    """Reason of rejection × split."""
    counts = {
        split: Counter(table["rejection_reason"].drop_null().to_pylist())
        for split, table in tables.items()
    }
    reasons = sorted(set().union(*counts.values()))
    return {reason: {split: counts[split][reason] for split in counts} for reason in reasons}


def claims(table: pa.Table, column: str) -> dict[str, int]:
    """Who is named in a column → clips; "nobody" where it is null."""
    names = next(c.names for c in COLUMNS if c.name == column)
    counts = Counter(table[column].to_pylist())
    said = sorted(
        (names[value] if names else value, n) for value, n in counts.items() if value is not None
    )
    return dict(said) | ({"nobody": counts[None]} if counts[None] else {})
