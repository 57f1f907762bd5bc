"""What the columns of a dataset mean, and who says what stands in them."""

from __future__ import annotations

from collections.abc import Mapping

from equime_hub.cards.statistics import Statistics
from equime_hub.cards.text import joined
from equime_hub.schema.features import GROUPS, Column, columns
from equime_hub.schema.taxonomy import ACTION_UNITS
from equime_hub.tables import compact

_CLAIMANTS: Mapping[str, tuple[str, ...]] = {
    "`source_dataset`": ("identity", "declared_gender", "declared_age", "declared_race"),
    "the build": ("video", "images"),
    "`label_source`": ("labels",),
    "`au_source`": ("action units",),
    "`apex_source`": ("time",),
    "`demographics_source`": ("demographics",),
    "`generator`": ("generation",),
    "measured": ("quality",),
    "the plan": (
        "clip_id", "counterfactual_of", "intervention", "prompt", "negative_prompt", "seed",
    ),
    "the gates": ("accepted", "rejection_reason"),
    "`emotion_observer`": ("emotion_observed", "emotion_observed_score", "emotion_observer"),
    "`au_observer`": ("au_observed", "au_observer"),
}  # fmt: skip
CLAIMED = {name: who for who, names in _CLAIMANTS.items() for name in names}
"""Column, or else its group → who claims its values: another column, or a step of the build."""


def values(statistics: Statistics) -> dict[str, str]:
    """What the card says about columns."""
    empty = [f"`{name}`" for name, rows in statistics.filled.items() if not rows]
    return {
        "columns": _columns(statistics),
        "empty": joined(empty),
        "claims": _claims(statistics),
        "action_units": compact(
            ("AU", "name", "muscle", "what one sees"),
            ((str(u.number), u.name, u.muscle, u.phrase) for u in ACTION_UNITS),
            left=4,
        ),
    }


def _columns(statistics: Statistics) -> str:
    """Without columns that are null everywhere, or of a config that is not there."""
    rows = []
    known = {column for config in statistics.configs for column in columns(config)}
    for group, of_group in GROUPS.items():
        there = [c for c in of_group if c in known and statistics.filled.get(c.name, 1)]
        for c in there:
            who = CLAIMED.get(c.name, CLAIMED.get(group, ""))
            first = group if c is there[0] else ""
            rows.append((first, f"`{c.name}`", _type(c), c.description, who))
    return compact(("group", "column", "values", "meaning", "who says so"), rows, left=5)


def _type(column: Column) -> str:
    if column.names:
        return ", ".join(column.names)
    return f"{column.length} × {column.dtype}" if column.length else column.dtype


def _claims(statistics: Statistics) -> str:
    rows = [
        (f"`{column}`", who, f"{clips:,}")
        for column, said in statistics.claims.items()
        if set(said) != {"nobody"}
        for who, clips in said.items()
    ]
    return compact(("column", "says", "clips"), rows, left=2) if rows else ""
