"""Who is in a dataset, beside who is in the one of the EquiME paper."""

from __future__ import annotations

from collections.abc import Mapping

from equime_hub.cards.statistics import Statistics, Table
from equime_hub.cards.text import cross_table, share
from equime_hub.schema import taxonomy as tx
from equime_hub.tables import compact

PAPER: Mapping[str, Mapping[str, float]] = {
    "gender": {"woman": 55.6, "man": 44.4},
    "age group": {
        "under 20": 0.05, "20-30": 55.4, "31-40": 34.7, "41-50": 8.2, "51-60": 1.6, "over 60": 0.06,
    },
    "race": {
        "asian": 8.9, "black": 4.4, "indian": 0.9, "latino hispanic": 7.3, "middle eastern": 3.7,
        "white": 74.8,
    },
}  # fmt: skip
"""Per cent of the clips of EquiME's authors (paper, figure 2)."""

PAPER_20_TO_40 = 90.1
"""Per cent of them that show somebody from 20 to 40 (paper, section 3)."""


def values(statistics: Statistics) -> dict[str, object]:
    """What the card says about people."""
    return {
        "who": _who(statistics),
        "images_as_people": any(tx.IMAGES_AS_PEOPLE in source for source, _ in statistics.sources),
        "uneven": _uneven(statistics),
        "emotions_by": "\n\n".join(
            _emotions_by(name, table)
            for name, table in statistics.emotions_by.items()
            if set().union(*table.values()) - {"unknown"}
        ),
    }


def _uneven(statistics: Statistics) -> str:
    """How uneven the groups are, here and in the paper; empty if nothing is known."""
    race, age = _shares(statistics, "race"), _shares(statistics, "age group")
    told = []
    if race:
        here = share(race.get("white", 0), sum(race.values()))
        told.append(
            f"{PAPER['race']['white']} % of the clips of the EquiME paper show somebody apparently "
            f"white; here it is {here}."
        )
    if age:
        here = share(age.get("20-30", 0) + age.get("31-40", 0), sum(age.values()))
        told.append(
            f"{PAPER_20_TO_40} % of the paper's show somebody from 20 to 40 years old; here it is "
            f"{here}."
        )
    return " ".join((*told, "Score every group by itself.")) if told else ""


def _emotions_by(name: str, table: Table) -> str:
    first, *others = table.values()
    if any(row != first for row in others):
        return cross_table(f"emotion by {name}", table)
    alike = ", ".join(f"{group}: {clips:,}" for group, clips in first.items())
    return f"Clips by {name}, the same for every emotion: {alike}."


def _shares(statistics: Statistics, attribute: str) -> dict[str, int]:
    """Group → clips, without those whose group is unknown."""
    table = statistics.groups[attribute]
    return {group: sum(row.values()) for group, row in table.items() if group != "unknown"}


def _who(statistics: Statistics) -> str:
    splits = list(statistics.splits)
    rows = []
    for attribute, table in statistics.groups.items():
        known = _shares(statistics, attribute)
        if not known:
            continue
        shares = {
            group: (share(known.get(group, 0), sum(known.values())), f"{paper:g} %")
            for group, paper in PAPER[attribute].items()
        } | ({"unknown": ("", "")} if "unknown" in table else {})
        for group, told in shares.items():
            counts = [table.get(group, {}).get(split, 0) for split in splits]
            rows.append([attribute, group, *(f"{n:,}" for n in (*counts, sum(counts))), *told])
    header = ("attribute", "group", *splits, "all", "share", "EquiME paper")
    return compact(header, rows, left=2) if rows else ""
