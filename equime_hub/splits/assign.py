"""Which split a person belongs to: stratified, one split a person, and never changed later.

People come one after another, and each goes where the splits lack most. So the answer for a
person depends on those before and on nobody after: people appended to a list move nobody. People
inserted anywhere move nobody either when the earlier answer is passed in as `previous`. (No rule
can be exactly stratified, free of memory and stable under any insertion at once: without memory
a stable answer may depend on the person alone, which is drawing lots.)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping

from equime_hub.errors import PlanError

Stratum = tuple[Hashable, ...]
SPLITS = ("train", "validation", "test")
DEFAULT_SHARES = (0.8, 0.1, 0.1)
DEFAULT_FRACTIONS = dict(zip(SPLITS, DEFAULT_SHARES, strict=True))


def assign(
    people: Iterable[tuple[str, Stratum]],
    fractions: Mapping[str, float] = DEFAULT_FRACTIONS,
    previous: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Split of every person.

    Inside a stratum the number in each split stays within one of its share, or as near as the
    earlier answer allows; among the splits that a stratum allows, the one is taken that the
    larger groups around it lack most. So many small strata still fill all splits, and those
    evenly.

    Args:
        people: (subject, stratum) in a stable order; a subject may be listed again and again. A
            stratum is a tuple such as (gender, race, age group); the groups around it are its
            beginnings: everybody, those of the gender, those of the gender and race.
        fractions: Share of each split, positive, sum 1.
        previous: Splits given earlier to some of `people`; they stay. Others in it do not count.

    Returns:
        Subject → split, for all of `people`.

    Raises:
        PlanError: Unknown splits, fractions that do not sum to 1, one person in two strata.
    """
    _check(fractions)
    previous = previous or {}
    groups: defaultdict[Stratum, Counter[str]] = defaultdict(Counter)
    stratum_of: dict[str, Stratum] = {}
    newcomers: list[str] = []
    result: dict[str, str] = {}
    for subject, stratum in people:
        if stratum_of.setdefault(subject, stratum) != stratum:
            raise PlanError(
                f"Person {subject!r} is in two strata: {stratum_of[subject]} and {stratum}. "
                "All images of a person need the same demographics."
            )
        if subject in result:
            continue
        if subject in previous:
            result[subject] = previous[subject]
            for counts in _around(groups, stratum):
                counts[previous[subject]] += 1
        else:
            result[subject] = ""  # keeps the order; filled below
            newcomers.append(subject)
    for subject in newcomers:
        around = _around(groups, stratum_of[subject])
        result[subject] = _neediest(around, fractions)
        for counts in around:
            counts[result[subject]] += 1
    return result


def _around(groups: defaultdict[Stratum, Counter[str]], stratum: Stratum) -> list[Counter[str]]:
    """Counts of a stratum's beginnings, from everybody to the stratum itself."""
    return [groups[stratum[:length]] for length in range(len(stratum) + 1)]


def _neediest(around: list[Counter[str]], fractions: Mapping[str, float]) -> str:
    *larger, own = (_shortfall(counts, fractions) for counts in around)
    overdue = [split for split in fractions if own[split] >= 1]
    if overdue:
        return max(overdue, key=own.__getitem__)
    allowed = [split for split in fractions if own[split] > 0]

    def need(split: str) -> tuple[float, float]:
        # A group counts a quarter of the one around it: few people still fill all splits.
        return sum(group[split] / 4**depth for depth, group in enumerate(larger)), own[split]

    return max(allowed, key=need)


def _shortfall(counts: Counter[str], fractions: Mapping[str, float]) -> dict[str, float]:
    """How many people each split will lack once one more has come."""
    total = counts.total() + 1
    return {split: share * total - counts[split] for split, share in fractions.items()}


def _check(fractions: Mapping[str, float]) -> None:
    unknown = [split for split in fractions if split not in SPLITS]
    if unknown or not fractions:
        raise PlanError(f"Splits are {', '.join(SPLITS)}, got {', '.join(fractions) or 'none'}.")
    if min(fractions.values()) <= 0 or abs(sum(fractions.values()) - 1) > 1e-9:
        raise PlanError(f"Split fractions must be positive and sum to 1, got {dict(fractions)}.")
