"""How far a score differs between groups of people: gender, race, age group.

The gap is the score of the best group minus that of the worst. Its interval resamples people, each
with all of their clips, and keeps to the two groups that the whole data names best and worst. So
it can reach below 0, which says that the order of the two may be an accident. The pair was picked
for being far apart, so a gap of many small groups is large by chance alone: look at the interval
and at the number of people, not at the gap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .scores import (
    Interval,
    Label,
    MetricError,
    coded,
    columns,
    listed,
    named_score,
    ordered,
    quantiles,
    resampled,
    subject_counts,
)


@dataclass(frozen=True)
class Group:
    """One group: its score in [0, 1], and how much it rests on.

    `classes` counts the classes that have references in it; `compared` is False where it has
    fewer people than asked for, so that it can be neither best nor worst.
    """

    name: Label
    score: float
    clips: int
    subjects: int
    classes: int
    compared: bool


@dataclass(frozen=True)
class Fairness:
    """What `fairness` found.

    Attributes:
        score: Name of the score.
        groups: Every group, the worst score first.
        worst: Name of the worst group that is compared.
        best: Name of the best one.
        gap: Score of the best minus score of the worst, in [0, 1], and its interval in [-1, 1].
        unknown: Clips without a group, which are left out.
    """

    score: str
    groups: tuple[Group, ...]
    worst: Label
    best: Label
    gap: Interval
    unknown: int


def fairness(
    references: Iterable[Any],
    predictions: Iterable[Any],
    groups: Iterable[Any],
    subjects: Iterable[Any],
    score: str = "uf1",
    *,
    labels: Iterable[Any] | None = None,
    min_subjects: int = 2,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Fairness:
    """Score every group, and bound the gap between the best and the worst.

    People are drawn within the set of groups that they are in, so that no draw lacks a group.

    Args:
        references: True classes, one a clip.
        predictions: Predicted classes, in the same order.
        groups: The group of whom is seen, integers or strings; None or "" if unknown.
        subjects: Who is seen; one person may be in several groups, as estimated ages are.
        score: One of `scores.SCORES`.
        labels: As in `scores.confusion`. Without them, a class that does not occur in a group does
            not count there, and groups may be scored over different classes.
        min_subjects: Groups of fewer people are scored, not compared.
        draws: How often to resample people.
        level: Coverage of the interval, in (0, 1).
        seed: Of NumPy's PCG64; `equime_hub.seeds.derive` makes one from names.

    Raises:
        MetricError: As `scores.bootstrap`; or fewer than two groups to compare.
    """
    rate = named_score(score)
    fixed = labels is not None
    cells, classes = coded(references, predictions, labels)
    found = columns(predictions=cells, groups=blanked(groups), subjects=subjects)
    known = np.array([group != "" for group in found["groups"]])
    names = ordered(group for group in found["groups"] if group != "")
    people = ordered(found["subjects"])
    group_of = {name: index for index, name in enumerate(names)}
    width = len(classes) ** 2
    at = np.array([group_of.get(group, 0) for group in found["groups"]], np.int64)
    who = [person for person, there in zip(found["subjects"], known.tolist(), strict=True) if there]
    counts = subject_counts(who, people, (at * width + cells)[known], len(names) * width)
    counts = counts.reshape(len(people), len(names), width)
    present: npt.NDArray[np.bool_] = np.any(counts, axis=2)
    pooled = counts.sum(axis=0).reshape(-1, len(classes), len(classes))
    sizes = present.sum(axis=0).tolist()
    values = np.asarray(rate(pooled, fixed)).tolist() if names else []
    scored = [
        Group(
            name, value, int(table.sum()), size, int(table.any(axis=1).sum()), size >= min_subjects
        )
        for name, value, table, size in zip(names, values, pooled, sizes, strict=True)
    ]
    scored.sort(key=lambda group: group.score)
    compared = [group for group in scored if group.compared]
    if len(compared) < 2:
        raise MetricError(
            f"A gap needs two groups of at least {min_subjects} subjects each; "
            f"got {', '.join(f'{g.name!r} with {g.subjects}' for g in scored) or 'no group'}."
        )
    worst, best = compared[0], compared[-1]
    pair = [group_of[best.name], group_of[worst.name]]
    drawn = resampled(
        counts[:, pair].reshape(len(people), -1), draws, seed, _strata(present[:, pair])
    ).reshape(-1, 2, len(classes), len(classes))
    rates = rate(drawn, fixed)
    interval = Interval(
        best.score - worst.score,
        *quantiles(rates[:, 0] - rates[:, 1], level),
        level=level,
        draws=draws,
        subjects=int(present[:, pair].any(axis=1).sum()),
    )
    unknown = int((~known).sum())
    return Fairness(score, tuple(scored), worst.name, best.name, interval, unknown)


def _strata(present: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """Rows of `present` that are alike."""
    alike: dict[bytes, list[int]] = defaultdict(list)
    for row, key in enumerate(present):
        alike[key.tobytes()].append(row)
    return [np.array(rows) for rows in alike.values()]


def blanked(groups: Any) -> list[Any]:
    """Groups as a list, with "" for None.

    Raises:
        MetricError: They are no sequence.
    """
    return ["" if group is None else group for group in listed("groups", groups, "groups")]
