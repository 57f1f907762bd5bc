"""Tests between two settings that were trained with the same seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def signed_rank(differences: Sequence[float]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test (1945), from the exact distribution.

    Each difference is as likely to be positive as negative if the settings are alike. Differences
    of 0 are left out, equal ones share their mean rank. Of n seeds p is at least 2 / 2ⁿ, so that
    fewer than six can never reach 0.05.

    Args:
        differences: One a seed; finite.

    Returns:
        In (0, 1]; 1 where no seed differs.

    >>> signed_rank([0.01, 0.02, 0.03]), signed_rank([0.0, 0.0])
    (0.25, 1.0)
    """
    # Scores that are equal may differ in their last bits.
    found = np.round(np.asarray(differences, np.float64), 12)
    found = found[found != 0]
    _, place, times = np.unique(abs(found), return_inverse=True, return_counts=True)
    doubled = (2 * times.cumsum() - times + 1)[place]  # twice the mean ranks: whole numbers
    chances = np.ones(1)
    for rank in doubled.tolist():
        there, not_there = np.zeros((2, len(chances) + rank))
        there[rank:] = not_there[: len(chances)] = chances / 2
        chances = there + not_there
    positive = int(doubled[found > 0].sum())
    return min(1.0, 2 * float(min(chances[: positive + 1].sum(), chances[positive:].sum())))


def holm(values: Sequence[float]) -> list[float]:
    """Adjust p values of several tests (Holm 1979), in their order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, largest = [1.0] * len(values), 0.0
    for done, index in enumerate(sorted(range(len(values)), key=lambda index: values[index])):
        largest = max(largest, min(1.0, (len(values) - done) * values[index]))
        adjusted[index] = largest
    return adjusted
