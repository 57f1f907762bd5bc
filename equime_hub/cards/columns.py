"""What the columns of a dataset mean, and who says what stands in them."""

from __future__ import annotations

from collections.abc import Mapping

from equime_hub.cards.statistics import Statistics
from equime_hub.cards.text import joined
from equime_hub.schema.features import GROUPS, Column, columns
from equime_hub.schema.taxonomy import ACTION_UNITS
from equime_hub.tables import compact

CLAIMED: Mapping[str, str] = {
    "identity": "`source_dataset`",
    "video": "the build",
    "images": "the build",
    "labels": "`label_source`",
    "action units": "`au_source`",
    "time": "`apex_source`",
    "demographics": "`demographics_source`",
    "generation": "`generator`",
    "quality": "measured",
    "clip_id": "the plan",
    "counterfactual_of": "the plan",
    "intervention": "the plan",
    "declared_gender": "`source_dataset`",
    "declared_age": "`source_dataset`",
    "declared_race": "`source_dataset`",
    "prompt": "the plan",
    "negative_prompt": "the plan",
    "seed": "the plan",
    "accepted": "the gates",
    "rejection_reason": "the gates",
    "emotion_observed": "`emotion_observer`",
    "emotion_observed_score": "`emotion_observer`",
    "emotion_observer": "`emotion_observer`",
    "au_observed": "`au_observer`",
    "au_observer": "`au_observer`",
}
"""Column, or else its group → who claims its values: another column, or a step of the build."""


def values(statistics: Statistics) -> dict[str, str]:
    """What the card says about columns."""
    empty = [f"`{name}`" for name, rows in statistics.filled.items() if not rows]
    return {
        "columns": _columns(statistics),
        "empty": f"Null in every row: {joined(empty)}." if empty else "",
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
        for column in there:
            rows.append(
                (
                    group if column is there[0] else "",
                    f"`{column.name}`",
                    _type(column),
                    column.description,
                    CLAIMED.get(column.name, CLAIMED.get(group, "")),
                )
            )
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
