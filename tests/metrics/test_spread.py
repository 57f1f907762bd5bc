from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from equime_hub.errors import MetricError
from equime_hub.metrics.spread import consistency

SAMM = {
    "CASME II": [0.526, 0.562, 0.518, 0.501],
    "MiE-X": [0.490, 0.085, 0.482, 0.466],
    "EquiME": [0.489, 0.488, 0.481, 0.537],
}
"""F1 of four models, Table 1a of the EquiME supplement."""
CONSTANT = 36 / 57 * (72 / 93)
"""Weighted F1 of always "negative" there."""


def rows(table: dict[str, list[float]]) -> tuple[list[float], list[str], list[int]]:
    cells = [(score, name, model) for name, row in table.items() for model, score in enumerate(row)]
    scores, names, models = zip(*cells, strict=True)
    return list(scores), list(names), list(models)


def test_published_table() -> None:
    found = consistency(*rows(SAMM), baselines=dict.fromkeys(range(4), CONSTANT))
    values = np.array(list(SAMM.values()))
    assert found.sd == pytest.approx(values.std(axis=0, ddof=1).mean())
    assert found.range == pytest.approx(np.ptp(values, axis=0).mean())
    assert found.cv == pytest.approx((values.std(axis=0, ddof=1) / values.mean(axis=0)).mean())
    for name, row in SAMM.items():
        spread = found.training_sets[name]
        assert spread.mean == pytest.approx(np.mean(row))
        assert spread.sd == pytest.approx(np.std(row, ddof=1))
        assert spread.range == pytest.approx(max(row) - min(row))
        assert spread.scores == 4
    # Consistent, because three of its four models are constant predictors or worse.
    above = {name: spread.above_constant for name, spread in found.training_sets.items()}
    assert above == {"CASME II": 4, "MiE-X": 1, "EquiME": 1}


def test_by_hand() -> None:
    found = consistency([0.2, 0.4, 0.6], ["a", "b", "c"], ["x"] * 3)
    assert found.conditions["x"].mean == pytest.approx(0.4)
    assert found.sd == pytest.approx(0.2)
    assert found.range == pytest.approx(0.4)
    assert found.cv == pytest.approx(0.5)
    assert found.training_sets["a"].sd is None
    assert found.training_sets["a"].cv is None
    assert found.training_sets["a"].above_constant is None


def test_training_sets_of_different_conditions() -> None:
    """Nobody is tested on what they were trained on, as in the paper."""
    found = consistency(
        [0.5, 0.3, 0.4, 0.4], ["CASME II", "ours", "SAMM", "ours"], ["SAMM", "SAMM", "CAS", "CAS"]
    )
    assert found.range == pytest.approx((0.2 + 0) / 2)
    assert found.training_sets["ours"].scores == 2
    assert found.training_sets["SAMM"].scores == 1


def test_scores_of_zero_have_no_coefficient_of_variation() -> None:
    found = consistency([0, 0, 0.2, 0.4], ["a", "b", "a", "b"], ["x", "x", "y", "y"])
    assert found.conditions["x"].cv is None
    assert found.conditions["x"].sd == 0
    assert found.cv is None
    assert found.range == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("scores", "sets", "conditions", "baselines", "message"),
    [
        ([], [], [], None, "There are no scores"),
        ([0.5], ["a", "b"], ["x", "x"], None, "1 scores and 2 training_sets"),
        ([0.5, 0.4], ["a", "a"], ["x", "x"], None, "two scores of 'x' trained on 'a'"),
        ([0.5, 0.4], ["a", "b"], ["x", "y"], None, "'x' has one training set, 'a'"),
        ([0.5, float("nan")], ["a", "b"], ["x", "x"], None, r"scores\[1\] is nan"),
        ([0.5, "0.4"], ["a", "b"], ["x", "x"], None, r"scores\[1\] is '0.4'"),
        ([0.5, True], ["a", "b"], ["x", "x"], None, r"scores\[1\] is True"),
        ([0.5, 0.4], ["a", None], ["x", "x"], None, r"training_sets\[1\] is None"),
        ([0.5, 0.4], ["a", "b"], ["x", "x"], {"y": 0.3}, "'x' has no baseline"),
        ([0.5, 0.4], ["a", "b"], ["x", "x"], {}, "'x' has no baseline"),
        (0.5, ["a"], ["x"], None, "scores must be a sequence of numbers, got 0.5"),
    ],
)
def test_refusals(scores: Any, sets: Any, conditions: Any, baselines: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        consistency(scores, sets, conditions, baselines)
