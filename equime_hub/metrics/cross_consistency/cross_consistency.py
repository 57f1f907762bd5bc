"""Spread of a score over training sets as an `evaluate` module.

How much a score depends on the training set: standard deviation, range and coefficient of
variation over training sets in each condition (a model and a test set), and of each training set
over the conditions.

Args:
    scores: One a row, such as weighted F1.
    training_sets: What was trained on, integers or strings.
    conditions: Model and test set in one name, integers or strings.
    baselines: Optional dictionary: score of a constant predictor by condition.

Returns:
    A dictionary: sd, range and cv (means over the conditions), conditions (the spread over training
    sets, by condition) and training_sets (the spread over conditions, by training set).

Example:
    >>> import equime_hub, evaluate
    >>> cross_consistency = evaluate.load("cross_consistency")
    >>> found = cross_consistency.compute(
    ...     scores=[0.5, 0.25], training_sets=["EquiME", "MiE-X"], conditions=["STSTNet, SAMM"] * 2
    ... )
    >>> found["range"], round(found["sd"], 4), round(found["cv"], 4)
    (0.25, 0.1768, 0.4714)
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import evaluate

from .module import FLOAT, STRING, Features, Module, info
from .scores import columns
from .spread import consistency, numbers


class CrossConsistency(Module):
    """Spread over training sets, and over the conditions of each."""

    def _info(self) -> evaluate.MetricInfo:
        form = Features(scores=FLOAT, training_sets=STRING, conditions=STRING)
        return info(__doc__, form, "")

    def _checked(self, scores: Any, training_sets: Any, conditions: Any) -> dict[str, list[Any]]:
        values = numbers(scores)
        found = columns(
            scores=range(len(values)), training_sets=training_sets, conditions=conditions
        )
        named = {name: [str(value) for value in column] for name, column in found.items()}
        return {**named, "scores": values}

    def _compute(
        self,
        scores: list[float],
        training_sets: list[str],
        conditions: list[str],
        baselines: dict[Any, float] | None = None,
    ) -> dict[str, Any]:
        named = None if baselines is None else {str(name): x for name, x in baselines.items()}
        return asdict(consistency(scores, training_sets, conditions, named))
