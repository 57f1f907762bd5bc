"""Who is in a dataset: gender, race and age of people and of clips (EquiME paper, figure 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from equime_hub.reports import clips
from equime_hub.reports.figures import COLUMN, INK, PALETTE, canvas
from equime_hub.schema import taxonomy as tx
from equime_hub.splits.assign import SPLITS
from equime_hub.tables import markdown

ALL = "all"
"""Name of what all splits hold together."""

UNKNOWN = "unknown"

ATTRIBUTES = {"gender": tx.GENDERS, "race": tx.RACES, "age_group": tx.AGE_GROUPS}
"""Column → its classes, in the order of the paper's figure."""

_MARKERS = dict(zip(SPLITS, "o^s", strict=True))


Count = dict[str, int]
"""How many different "people", and how many "clips" (rows)."""


def demographics(folder: Path) -> dict[str, Any]:
    """Count a dataset by its label files.

    Returns:
        The report for programs. `totals`: split, or `ALL` → all people and clips in it; each of
        `ATTRIBUTES`: class, or `UNKNOWN` → split, or `ALL` → how many, classes that nobody is in
        too; `ambiguous_people`: attribute → people whose clips do not agree, each of whom counts
        as what most of their clips say.

    Raises:
        DatasetError: It has none, or they cannot be read.
    """
    splits = clips.tables(folder, ["subject_id", *ATTRIBUTES])
    splits[ALL] = pa.concat_tables(splits.values())
    columns = {split: table.to_pydict() for split, table in splits.items()}
    tables: dict[str, dict[str, dict[str, Count]]] = {}
    ambiguous = {}
    for column, classes in ATTRIBUTES.items():
        everything = columns[ALL]
        of_person, ambiguous[column] = _people(everything["subject_id"], everything[column])
        tables[column] = {
            name: {
                split: {
                    "people": sum(of_person[who] == value for who in set(rows["subject_id"])),
                    "clips": rows[column].count(value),
                }
                for split, rows in columns.items()
            }
            for value, name in [*enumerate(classes), (None, UNKNOWN)]
        }
    totals = {
        split: {"people": len(set(rows["subject_id"])), "clips": len(rows["subject_id"])}
        for split, rows in columns.items()
    }
    return {"totals": totals, **tables, "ambiguous_people": ambiguous}


def _people(subjects: Sequence[str], values: Iterable[int | None]) -> tuple[dict[str, Any], int]:
    """Person → what most of their clips say, the first class if two are equal; None if none."""
    told: dict[str, Counter[int]] = {person: Counter() for person in subjects}
    for person, value in zip(subjects, values, strict=True):
        if value is not None:
            told[person][value] += 1
    return {
        person: min(votes, key=lambda v: (-votes[v], v)) if votes else None
        for person, votes in told.items()
    }, sum(len(votes) > 1 for votes in told.values())


def as_markdown(found: dict[str, Any]) -> str:
    """A table an attribute: people and clips with their shares, of all and by split."""
    totals = found["totals"]
    splits = [ALL, *(split for split in totals if split != ALL)]
    header = [f"{split} {unit}" for split in splits for unit in ("people", "clips")]
    parts = []
    for column in ATTRIBUTES:
        rows = [
            [name, *(cell for split in splits for cell in _cells(row[split], totals[split]))]
            for name, row in found[column].items()
        ]
        rows.append([ALL, *(f"{n:,}" for split in splits for n in totals[split].values())])
        parts.append(markdown([column.replace("_", " "), *header], rows))
    parts += [
        f"The clips of {people:,} people differ in {column.replace('_', ' ')}; each counts as what "
        "most of their clips say."
        for column, people in found["ambiguous_people"].items()
        if people
    ]
    return "\n\n".join(parts)


def _cells(count: Count, total: Count) -> list[str]:
    return [f"{number:,} ({_share(count, total, unit):.1f} %)" for unit, number in count.items()]


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw shares as bars, one panel an attribute; marks show the people of each split.

    Args:
        found: The counts.
        path: Its suffix is one of `figures.SUFFIXES`.
    """
    totals, tables = found["totals"], {column: found[column] for column in ATTRIBUTES}
    splits = [split for split in totals if split != ALL]
    sizes = [len(table) for table in tables.values()]
    with canvas(COLUMN, 0.19 * sum(sizes) + 1.1, path) as figure:
        panels = figure.subplots(len(sizes), 1, sharex=True, height_ratios=sizes)
        for panel, (column, table) in zip(panels, tables.items(), strict=True):
            places = np.arange(len(table))
            for unit, colour, shift in (("people", PALETTE[0], -0.2), ("clips", PALETTE[5], 0.2)):
                shares = [_share(row[ALL], totals[ALL], unit) for row in table.values()]
                panel.barh(places + shift, shares, 0.38, color=colour, label=unit)
                if unit == "people":
                    for place, share in zip(places, shares, strict=True):
                        panel.text(1.02, place, f"{share:.1f} %", va="center", size=6,
                                   transform=panel.get_yaxis_transform())  # fmt: skip
            if len(splits) > 1:
                for split in splits:
                    shares = [_share(row[split], totals[split]) for row in table.values()]
                    panel.plot(shares, places - 0.2, _MARKERS[split], color=INK, markersize=2.6,
                               markerfacecolor="white", markeredgewidth=0.6, clip_on=False,
                               label=f"people in {split}")  # fmt: skip
            panel.set_yticks(places, list(table))
            panel.tick_params(axis="y", length=0)
            panel.invert_yaxis()
            panel.set_xlim(left=0)
            panel.set_title(column.replace("_", " "), loc="left", weight="bold", pad=2)
            panel.text(1.02, 1.04, "people", size=6, transform=panel.transAxes)
        panels[-1].set_xlabel("share (%)", labelpad=1.5)
        handles, labels = panels[0].get_legend_handles_labels()
        bars = [labels.index(unit) for unit in ("people", "clips")]
        order = [*bars, *(i for i in range(len(labels)) if i not in bars)]
        figure.legend([handles[i] for i in order], [labels[i] for i in order],
                      loc="outside upper center", ncols=3)  # fmt: skip


def _share(count: Count, total: Count, unit: str = "people") -> float:
    """In percent."""
    return 100 * count[unit] / (total[unit] or 1)
