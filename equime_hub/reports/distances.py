"""How far apart two samples of one number are, and how sure that is.

Kolmogorov–Smirnov distance and first Wasserstein distance come from one step function, the
difference of the two empirical distributions: its largest height and the area under it. A
bootstrap draw only changes how often each value counts, so all draws share one sorting.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from equime_hub import seeds

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_CELLS = 60_000
"""Draws × values that are worked on at once: more would leave the processor's cache."""


@dataclass(frozen=True)
class Bootstrapped:
    """A number and its bootstrap interval; None where it is not defined.

    Attributes:
        value: From the samples as they are.
        low: Lower end of the interval.
        high: Upper end.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


class Distances(NamedTuple):
    """How far a sample is from the reference.

    Attributes:
        deviation_percent: Of its mean from the reference's, in % of the latter's absolute
            value.
        ks: Kolmogorov–Smirnov: largest difference of the two distribution functions, in [0, 1].
        wasserstein: First Wasserstein: how far the values must be moved on average to make one
            sample the other, in the values' unit.
    """

    deviation_percent: Bootstrapped
    ks: Bootstrapped
    wasserstein: Bootstrapped


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made: percentiles over resampled groups.

    Attributes:
        draws: Bootstrap draws; 0 gives no intervals.
        level: Share of the draws inside an interval.
        seed: Seed of the draws.
    """

    draws: int = 1000
    level: float = 0.95
    seed: int = 0


def distances(
    reference: Floats,
    sample: Floats,
    bootstrap: Bootstrap,
    *,
    reference_groups: Ints | None = None,
    sample_groups: Ints | None = None,
) -> Distances:
    """Distances of a sample from a reference.

    Near zero a resampled distance is too large rather than too small, because two draws always
    differ; so an interval is widened to hold the value itself. It says how well the size of the
    difference is known, and is no test of whether there is one.

    Args:
        reference: n ≥ 1 finite values.
        sample: m ≥ 1 finite values.
        bootstrap: How intervals are made.
        reference_groups: n numbers; values with equal ones are drawn together, as the clips of
            one person must be. None draws each value on its own.
        sample_groups: m numbers, the same for the sample.

    Returns:
        The distances; without intervals if either sample has but one group.
    """
    pair = _SortedPair(reference, sample)
    point = pair.measure(np.ones((1, len(reference))), np.ones((1, len(sample))))
    chunk = max(_CELLS // (len(reference) + len(sample)), 1)
    sides = {
        "reference": np.arange(len(reference)) if reference_groups is None else reference_groups,
        "sample": np.arange(len(sample)) if sample_groups is None else sample_groups,
    }
    draws = None
    if bootstrap.draws and all(np.ptp(groups) > 0 for groups in sides.values()):
        counts = (_resampled(groups, bootstrap, side, chunk) for side, groups in sides.items())
        draws = np.concatenate([pair.measure(a, b) for a, b in zip(*counts, strict=True)])
    return Distances(*(_estimate(point, draws, i, bootstrap.level) for i in range(3)))


class _SortedPair:
    """Two samples, sorted together."""

    def __init__(self, reference: Floats, sample: Floats) -> None:
        self._reference, self._sample = reference, sample
        values = np.concatenate([reference, sample])
        self._order = np.argsort(values)
        self._steps = np.diff(values[self._order])

    def measure(self, reference: Floats, sample: Floats) -> Floats:
        """Deviation in %, KS and Wasserstein, D×3, for D ways of counting the values.

        Args:
            reference: D×n, how often each value counts.
            sample: D×m.
        """
        n, m = reference.sum(axis=1), sample.sum(axis=1)
        means = reference @ self._reference / n, sample @ self._sample / m
        with np.errstate(divide="ignore", invalid="ignore"):
            deviation = 100 * (means[1] - means[0]) / np.abs(means[0])
        # Whole numbers in floating point, so that equal samples have distance 0 and not 1e-17.
        counts = np.concatenate([reference * m[:, None], sample * -n[:, None]], axis=1)
        gap = np.abs(np.cumsum(counts.take(self._order, axis=1), axis=1))[:, :-1]
        # Between equal values there is no step to stand on.
        height = gap.take(np.flatnonzero(self._steps), axis=1).max(axis=1, initial=0.0)
        return np.stack([deviation, height / (n * m), gap @ self._steps / (n * m)], axis=1)


def _resampled(groups: Ints, how: Bootstrap, side: str, chunk: int) -> Iterator[Floats]:
    """How often each value counts if groups are drawn with replacement.

    Yields:
        At most `chunk` draws × n values at once.
    """
    # Each side has draws of its own, which do not change with the other's size.
    random = seeds.generator("bootstrap", how.seed, side)
    _, group = np.unique(groups, return_inverse=True)
    count = int(group.max()) + 1
    for done in range(0, how.draws, chunk):
        size = min(chunk, how.draws - done)
        drawn = random.integers(count, size=(size, count))
        places = drawn + count * np.arange(size)[:, None]
        counts = np.bincount(places.ravel(), minlength=size * count)
        yield counts.reshape(size, count).astype(float).take(group, axis=1)


def _estimate(point: Floats, draws: Floats | None, column: int, level: float) -> Bootstrapped:
    value = float(point[0, column])
    if not np.isfinite(value):
        return Bootstrapped(None)
    drawn = np.empty(0) if draws is None else draws[:, column]
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return Bootstrapped(value)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Bootstrapped(value, min(float(low), value), max(float(high), value))
