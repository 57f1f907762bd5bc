"""How evenly people of every kind are spread over the splits."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import pyarrow as pa

from equime_hub.splits.assign import SPLITS

STRATUM = ("gender", "race", "age_group")


@dataclass(frozen=True)
class Stratum:
    """People of one kind.

    Attributes:
        name: Gender, race and age group; "unknown" where null.
        expected: Split → people, if the split had the same share of all strata.
        got: Split → people.
    """

    name: str
    expected: dict[str, float]
    got: dict[str, int]

    @property
    def deviation(self) -> float:
        """Largest difference between got and expected, in people."""
        return max(abs(self.got[split] - self.expected[split]) for split in self.got)


@dataclass(frozen=True)
class Balance:
    """People of every stratum and split.

    Attributes:
        people: Split → people; somebody in two splits counts in both.
        strata: By name.
    """

    people: dict[str, int]
    strata: tuple[Stratum, ...]

    @property
    def worst(self) -> Stratum:
        """The stratum that deviates most."""
        return max(self.strata, key=lambda stratum: stratum.deviation)


def balance(rows: pa.Table) -> Balance:
    """Count people; the stratum of a person is that of their first clip in the split.

    Args:
        rows: With the columns `person`, `split` and those of `STRATUM`.
    """
    firsts = [(name, "first") for name in STRATUM]
    each = rows.group_by(["person", "split"], use_threads=False).aggregate(firsts)
    keys = [f"{name}_first" for name in STRATUM]
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    people: Counter[str] = Counter()
    for row in each.group_by([*keys, "split"]).aggregate([([], "count_all")]).to_pylist():
        name = ", ".join(row[key] or "unknown" for key in keys)
        counts[name][row["split"]] += row["count_all"]
        people[row["split"]] += row["count_all"]
    order = [*SPLITS, *sorted(set(people) - set(SPLITS))]
    splits = {split: people[split] for split in order if split in people}
    strata = (
        Stratum(
            name,
            {split: got.total() * size / people.total() for split, size in splits.items()},
            {split: got[split] for split in splits},
        )
        for name, got in sorted(counts.items())
    )
    return Balance(splits, tuple(strata))
