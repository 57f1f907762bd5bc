from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.errors import EquimeError, PlanError
from equime_hub.evaluation import selection
from equime_hub.evaluation.selection import inner_folds, is_leaky, select, stored_name
from equime_hub.splits.folds import leave_one_subject_out

VALIDATION = [0.4, 0.6, 0.6, 0.1]
TEST = [0.3, 0.2, 0.5, 0.4]


def test_rules_choose() -> None:
    assert select(VALIDATION, "last") == 3
    assert select(VALIDATION, "inner-validation") == 1  # of equal ones the first


def test_best_on_test_is_called_leaky() -> None:
    with pytest.raises(EquimeError, match=r"say leaky \(leaky=True, --leaky\)"):
        select(TEST, "best-on-test")
    assert select(TEST, "best-on-test", leaky=True) == 2
    assert stored_name("best-on-test") == "best-on-test (leaky)"
    assert is_leaky("best-on-test (leaky)") and is_leaky("best-on-test") and not is_leaky("last")


def test_leaky_says_nothing_of_other_rules() -> None:
    assert select(TEST, "last", leaky=True) == 3


def test_what_cannot_be_selected() -> None:
    with pytest.raises(EquimeError, match=r"no selection 'best'\. Choose one of: last"):
        select(TEST, "best")
    with pytest.raises(EquimeError, match="no epoch"):
        select([], "last")
    with pytest.raises(EquimeError, match="Epoch 1 has the validation score nan"):
        select([0.4, float("nan")], "inner-validation")
    assert select([float("nan")], "last") == 0


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40),
    st.integers(2, 4),
    st.integers(0, 3),
)
def test_inner_folds_share_no_person_and_nothing_with_the_test(
    who: list[str], k: int, seed: int
) -> None:
    subjects = [*who, "x", "y", "z", "w", "v"]
    for fold in leave_one_subject_out(subjects):
        validated = []
        for inner in inner_folds(fold, subjects, k, seed=seed):
            trained, checked = (
                {subjects[row] for row in rows} for rows in (inner.train, inner.test)
            )
            assert not trained & checked
            assert fold.name not in trained | checked
            assert sorted([*inner.train, *inner.test]) == fold.train.tolist()
            validated += inner.test.tolist()
        assert sorted(validated) == fold.train.tolist()


def test_four_to_one_by_person_and_the_same_for_the_same_training_rows() -> None:
    subjects = [f"s{number // 3}" for number in range(60)]
    a, b, *_ = leave_one_subject_out(subjects)
    inner = next(inner_folds(a, subjects))
    assert (len(inner.train), len(inner.test)) == (45, 12)
    assert inner.name == "s0/inner-0"
    twin = type(b)("other", a.train, b.test)
    assert np.array_equal(next(inner_folds(twin, subjects)).test, inner.test)


def test_strata_reach_the_inner_folds() -> None:
    subjects = [f"s{number}" for number in range(9)]
    fold = next(leave_one_subject_out(subjects))
    emotions = ["x", *"aaaabbbb"]
    for inner in inner_folds(fold, subjects, 4, emotions):
        assert sorted(emotions[row] for row in inner.test) == ["a", "b"]


def test_too_few_people_for_inner_folds() -> None:
    fold = next(leave_one_subject_out(["a", "b", "c"]))
    with pytest.raises(PlanError, match="5 folds of 2 people"):
        list(inner_folds(fold, ["a", "b", "c"]))


def test_examples() -> None:
    assert doctest.testmod(selection).failed == 0
