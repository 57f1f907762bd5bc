from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from equime_hub import seeds
from equime_hub.errors import MetricError
from equime_hub.metrics import scores
from equime_hub.metrics.groups import fairness


def made_up(difference: float, people: int = 60, clips: int = 10) -> tuple[Any, ...]:
    """Two groups, recognised 70 % and so much less often."""
    rng = seeds.generator("fairness", difference, people)
    who = np.repeat(np.arange(people), clips)
    group = np.where(who % 2, "b", "a")
    true = rng.integers(0, 3, who.size)
    right = rng.random(who.size) < np.where(group == "a", 0.7, 0.7 - difference)
    return true, np.where(right, true, (true + 1) % 3), group, who


def test_table_counted_by_hand() -> None:
    found = fairness(
        references=["x", "y", "x", "y", "x", "y", "y"],
        predictions=["x", "y", "x", "x", "y", "y", "x"],
        groups=["w", "w", "m", "m", "m", "m", None],
        subjects=["1", "2", "3", "3", "4", "4", "5"],
    )
    # w: all right. m: x is TP 1, FP 1, FN 1; y the same.
    assert [(group.name, group.score) for group in found.groups] == [("m", 0.5), ("w", 1.0)]
    assert [(group.clips, group.subjects) for group in found.groups] == [(4, 2), (2, 2)]
    assert (found.worst, found.best, found.gap.score, found.unknown) == ("m", "w", 0.5, 1)


@pytest.mark.parametrize("score", list(scores.SCORES))
def test_each_group_is_scored_as_if_alone(score: str) -> None:
    true, predicted, group, who = made_up(0.2)
    alone = getattr(scores, score)
    for row in fairness(true, predicted, group, who, score).groups:
        mine = group == row.name
        assert row.score == pytest.approx(alone(true[mine], predicted[mine]))
        assert row.clips == mine.sum()


def test_interval_tells_a_difference_from_an_accident() -> None:
    apart = fairness(*made_up(0.3)).gap
    assert apart.low > 0.1
    assert apart.low < apart.score < apart.high
    alike = fairness(*made_up(0.0)).gap
    assert alike.low < 0 < alike.high


def test_interval_is_that_of_two_independent_bootstraps() -> None:
    """People of separate groups are drawn apart, so variances add."""
    true, predicted, group, who = made_up(0.1)
    gap = fairness(true, predicted, group, who, "accuracy", draws=4000).gap
    spread = 0.0
    for name in "ab":
        mine = group == name
        by_person = (true == predicted)[mine].reshape(-1, 10).mean(axis=1)
        spread += by_person.var() / by_person.size
    assert gap.high - gap.low == pytest.approx(2 * 1.96 * spread**0.5, rel=0.06)


def test_person_in_two_groups_is_drawn_once_for_both() -> None:
    """Everybody has a clip in each group, and the same luck in both: the gap never moves."""
    rng = seeds.generator("two groups")
    right = rng.integers(0, 2, 20)
    true = np.zeros(40, int)
    predicted = 1 - np.concatenate([right, right])
    group, who = ["a"] * 20 + ["b"] * 20, [*range(20), *range(20)]
    gap = fairness(true, predicted, group, who, "accuracy").gap
    assert (gap.score, gap.low, gap.high, gap.subjects) == (0, 0, 0, 20)


def test_small_groups_are_scored_and_not_compared() -> None:
    true, predicted, group, who = made_up(0.2)
    named = [*group.tolist(), "c"]
    found = fairness([*true, 0], [*predicted, 1], named, [*who, 999])
    assert [group.compared for group in found.groups] == [False, True, True]
    assert found.groups[0].name == "c"
    assert found.worst == "b"
    # Nor do they change the draws of the others.
    assert found.gap == fairness(true, predicted, group, who).gap
    everyone = fairness([*true, 0], [*predicted, 1], named, [*who, 999], min_subjects=1)
    assert everyone.worst == "c"


def test_absent_classes_count_if_named() -> None:
    given: dict[str, Any] = {
        "references": [0, 0, 0, 1],
        "predictions": [0, 0, 0, 1],
        "groups": ["a", "a", "b", "b"],
        "subjects": [1, 2, 3, 4],
    }
    assert fairness(**given).gap.score == 0
    found = fairness(**given, labels=[0, 1])
    assert (found.worst, found.gap.score) == ("a", 0.5)
    assert [group.classes for group in found.groups] == [1, 2]


def test_order_of_clips_does_not_matter() -> None:
    columns = made_up(0.1)
    order = seeds.generator("order").permutation(columns[0].size)
    assert fairness(*(column[order] for column in columns)) == fairness(*columns)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": ["a"] * 4}, "two groups of at least 2 subjects each; got 'a' with 4"),
        ({"groups": [None] * 4}, "got no group"),
        ({"subjects": [1, 1, 2, 2]}, "got 'b' with 1, 'a' with 1"),
        ({"groups": ["a", "b"]}, "4 predictions and 2 groups"),
        ({"groups": ["a", "a", "b", float("nan")]}, r"groups\[3\] is nan"),
        ({"groups": "aabb"}, "groups must be a sequence"),
        ({"subjects": None}, "subjects must be a sequence"),
        ({"score": "f1"}, "no score 'f1'"),
        ({"predictions": [0, 0, 0, 0.5]}, r"predictions\[3\] is 0.5"),
        ({"draws": 0}, "draws must be a whole number"),
        ({"level": 95}, "between 0 and 1"),
        ({"references": [], "predictions": [], "groups": [], "subjects": []}, "no references"),
    ],
)
def test_refusals(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {
        "references": [0, 1, 0, 1],
        "predictions": [0, 1, 1, 1],
        "groups": ["a", "a", "b", "b"],
        "subjects": [1, 2, 3, 4],
    }
    with pytest.raises(MetricError, match=message):
        fairness(**{**given, **change})
