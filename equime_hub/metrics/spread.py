"""How much a score depends on the training set.

One row of the table is one score: of a model tried on a test set (the condition), trained on a
training set. There are two ways to look at it:

- Over training sets: within each condition, the spread of the scores of its training sets. It says
  how much the choice of the training set matters; the headline is the mean over the conditions.
- By training set: the spread of its scores over the conditions. This is how the EquiME paper's
  Figure 5b reads, whose bars are training sets and whose spread is over the four models; the paper
  prints no formula.

Spread is the sample standard deviation (n - 1), the range (largest minus smallest), and the
coefficient of variation (standard deviation over mean). A small spread is no merit by itself: a
constant predictor has none. So give `baselines`, the score of a constant predictor on the test
set of each condition, and see how many scores lie above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from statistics import fmean, stdev
from typing import Any

from .scores import Label, MetricError, columns, listed

_TIE = 0.0005
"""Published tables have three digits: a score so little above the constant one is not above."""


@dataclass(frozen=True)
class Spread:
    """Mean and spread of some scores; `sd` and `cv` are None for one score, `cv` for mean 0.

    `above_constant` counts scores above that of a constant predictor; None without baselines.
    """

    scores: int
    mean: float
    sd: float | None
    range: float
    cv: float | None
    above_constant: int | None = None


@dataclass(frozen=True)
class Consistency:
    """What `consistency` found.

    Attributes:
        sd: Mean over the conditions of the standard deviation over training sets, or None.
        range: The same of the range.
        cv: The same of the coefficient of variation, or None.
        conditions: The spread over training sets, by condition.
        training_sets: The spread over conditions, by training set.
    """

    sd: float | None
    range: float
    cv: float | None
    conditions: dict[Label, Spread]
    training_sets: dict[Label, Spread]


def consistency(
    scores: Iterable[Any],
    training_sets: Iterable[Any],
    conditions: Iterable[Any],
    baselines: Mapping[Any, float] | None = None,
) -> Consistency:
    """The spread of a score over training sets, and of each training set over conditions.

    Args:
        scores: One a row; higher is better.
        training_sets: What was trained on, integers or strings.
        conditions: Model and test set, in one name.
        baselines: Score of a constant predictor by condition, if known.

    Raises:
        MetricError: No rows, unequal lengths, a score that is not finite, a pair that occurs
            twice, fewer than two training sets in a condition, or a condition without baseline.
    """
    values = numbers(scores)
    found = columns(scores=range(len(values)), training_sets=training_sets, conditions=conditions)
    table: dict[tuple[Label, Label], float] = {}
    for value, trained, condition in zip(
        values, found["training_sets"], found["conditions"], strict=True
    ):
        if (trained, condition) in table:
            raise MetricError(
                f"There are two scores of {condition!r} trained on {trained!r}; "
                "give one of each, such as the mean over seeds."
            )
        table[trained, condition] = value
    by_condition = {
        name: {t: value for (t, c), value in table.items() if c == name}
        for name in dict.fromkeys(found["conditions"])
    }
    for name, row in by_condition.items():
        if len(row) < 2:
            raise MetricError(
                f"{name!r} has one training set, {next(iter(row))!r}; "
                "the spread over training sets needs two of each condition."
            )
        if baselines is not None and name not in baselines:
            raise MetricError(f"{name!r} has no baseline; baselines names {list(baselines)}.")
    spreads = {
        name: _spread(row.values(), [baselines[name]] * len(row) if baselines else None)
        for name, row in by_condition.items()
    }
    return Consistency(
        sd=_mean(each.sd for each in spreads.values()),
        range=fmean(each.range for each in spreads.values()),
        cv=_mean(each.cv for each in spreads.values()),
        conditions=spreads,
        training_sets={
            name: _spread(
                [value for (t, _), value in table.items() if t == name],
                [baselines[c] for t, c in table if t == name] if baselines else None,
            )
            for name in dict.fromkeys(found["training_sets"])
        },
    )


def _spread(scores: Iterable[float], constant: list[float] | None) -> Spread:
    values = list(scores)
    mean = fmean(values)
    sd = stdev(values) if len(values) > 1 else None
    return Spread(
        scores=len(values),
        mean=mean,
        sd=sd,
        range=max(values) - min(values),
        cv=None if sd is None or mean <= 0 else sd / mean,
        above_constant=None
        if constant is None
        else sum(value > floor + _TIE for value, floor in zip(values, constant, strict=True)),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return None if None in known else fmean(value for value in known if value is not None)


def numbers(scores: Any) -> list[float]:
    """Scores as a list.

    Raises:
        MetricError: One of them is not a finite number.
    """
    found = listed("scores", scores, "numbers")
    for index, value in enumerate(found):
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise MetricError(f"scores[{index}] is {value!r}; give finite numbers.")
    return [float(value) for value in found]
