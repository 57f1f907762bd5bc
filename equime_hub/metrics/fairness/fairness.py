"""Scores by group of people as an `evaluate` module.

A score for each group of people (gender, race, age group): the worst group, the gap between the
best and the worst, and the bootstrap interval of the gap over subjects.

Args:
    predictions: Predicted classes, integers or strings, one a clip.
    references: True classes, of the same kind and in the same order.
    groups: The group of whom is seen, integers or strings; None or "" if unknown.
    subjects: Who is seen, integers or strings.
    score: "uf1" (default), "uar", "accuracy" or "weighted_f1".
    labels: The classes, if each is to count in every group even when it does not occur there.
    min_subjects: Groups of fewer people are scored, not compared; by default 2.
    draws: How often to resample people; by default 1000.
    level: Coverage of the interval; by default 0.95.
    seed: Of the resampling; by default 0.

Returns:
    A dictionary: score, worst, best, gap (score, low, high, level, draws, subjects), groups (a
    list, the worst first), unknown (clips without a group).

Example:
    >>> import equime_hub, evaluate
    >>> fairness = evaluate.load("fairness")
    >>> found = fairness.compute(
    ...     references=[0, 1, 0, 1], predictions=[0, 1, 0, 0], score="accuracy",
    ...     groups=["woman", "woman", "man", "man"], subjects=["a", "b", "c", "d"],
    ... )
    >>> found["worst"], found["best"], found["gap"]["score"]
    ('man', 'woman', 0.5)
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import evaluate

from .groups import blanked, fairness
from .module import INTEGER, STRING, Features, Module, info
from .scores import coded, columns


class FairnessMetric(Module):
    """The score of each group, and the gap between the best and the worst."""

    def _info(self) -> evaluate.MetricInfo:
        forms = [
            Features(predictions=kind, references=kind, groups=STRING, subjects=STRING)
            for kind in (STRING, INTEGER)
        ]
        return info(__doc__, forms)

    def _checked(
        self, predictions: Any, references: Any, groups: Any, subjects: Any
    ) -> dict[str, list[Any]]:
        found = columns(
            references=references,
            predictions=predictions,
            groups=blanked(groups),
            subjects=subjects,
        )
        coded(found["references"], found["predictions"])
        for name in ("groups", "subjects"):
            found[name] = [str(value) for value in found[name]]
        return found

    def _compute(
        self,
        predictions: list[Any],
        references: list[Any],
        groups: list[str],
        subjects: list[str],
        **options: Any,
    ) -> dict[str, Any]:
        return asdict(fairness(references, predictions, groups, subjects, **options))
