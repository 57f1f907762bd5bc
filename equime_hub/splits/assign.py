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

SPLITS = ("train", "validation", "test")
DEFAULT_FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}


def assign(
    people: Iterable[tuple[str, Hashable]],
    fractions: Mapping[str, float] = DEFAULT_FRACTIONS,
    previous: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Split of every person.

    Inside a stratum the number in each split stays within one of its share, or as near as the
    earlier answer allows; among the splits that a stratum allows, the one that the whole lacks
    most is taken, so that many small strata still fill all splits.

    Args:
        people: (subject, stratum) in a stable order; a subject may be listed again and again.
        fractions: Share of each split, positive, sum 1.
        previous: Splits given earlier; they stay, also for people not in `people`.

    Returns:
        Subject → split, for all of `people`.

    Raises:
        PlanError: Unknown splits, fractions that do not sum to 1, one person in two strata.
    """
    _check(fractions)
    previous = previous or {}
    whole: Counter[str] = Counter()
    strata: defaultdict[Hashable, Counter[str]] = defaultdict(Counter)
    stratum_of: dict[str, Hashable] = {}
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
            strata[stratum][previous[subject]] += 1
            whole[previous[subject]] += 1
        else:
            result[subject] = ""  # keeps the order; filled below
            newcomers.append(subject)
    for subject in newcomers:
        counts = strata[stratum_of[subject]]
        split = _neediest(counts, whole, fractions)
        result[subject] = split
        counts[split] += 1
        whole[split] += 1
    return result


def _neediest(counts: Counter[str], whole: Counter[str], fractions: Mapping[str, float]) -> str:
    own = _shortfall(counts, fractions)
    overdue = [split for split in fractions if own[split] >= 1]
    if overdue:
        return max(overdue, key=own.__getitem__)
    everywhere = _shortfall(whole, fractions)
    return max((s for s in fractions if own[s] > 0), key=everywhere.__getitem__)


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
