from __future__ import annotations

import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from equime_hub.errors import PlanError
from equime_hub.splits.folds import (
    Fold,
    drop_donors,
    k_folds,
    leave_one_dataset_out,
    leave_one_subject_out,
)
from equime_hub.splits.people import People, full_name

rows = st.lists(
    st.tuples(st.sampled_from([f"p{i}" for i in range(12)]), st.sampled_from("abc")),
    min_size=8,
    max_size=80,
).filter(lambda found: len({who for who, _ in found}) >= 4)
Makers = Callable[[list[tuple[str, str]]], Iterator[Fold]]
makers: list[Makers] = [
    lambda found: leave_one_subject_out([who for who, _ in found]),
    lambda found: k_folds([who for who, _ in found], 4),
    lambda found: k_folds([who for who, _ in found], 3, [label for _, label in found], seed=5),
]


def spread(tests: list[Any], labels: Any) -> float:
    """How unevenly classes are spread over folds, as StratifiedGroupKFold measures it."""
    codes = np.unique(labels, return_inverse=True)[1]
    total = np.bincount(codes)
    shares = [np.bincount(codes[test], minlength=len(total)) / total for test in tests]
    return float(np.std(shares, axis=0).mean())


@pytest.mark.parametrize("make", makers)
@given(found=rows)
def test_every_row_is_tested_once_and_no_person_is_on_both_sides(
    make: Makers, found: list[tuple[str, str]]
) -> None:
    folds = list(make(found))
    tested = Counter(row for fold in folds for row in fold.test.tolist())
    assert tested == Counter(range(len(found)))
    for fold in folds:
        assert len(fold.test) and len(fold.train)
        assert sorted([*fold.train, *fold.test]) == list(range(len(found)))
        people = [{found[row][0] for row in part} for part in (fold.train, fold.test)]
        assert not people[0] & people[1]


@pytest.mark.parametrize("make", makers)
@given(found=rows, source=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(
    make: Makers, found: list[tuple[str, str]], source: random.Random
) -> None:
    mixed = source.sample(found, len(found))

    def people(of: list[tuple[str, str]]) -> dict[str, set[str]]:
        return {fold.name: {of[row][0] for row in fold.test} for fold in make(of)}

    assert people(mixed) == people(found)


@given(sizes=st.lists(st.integers(1, 20), min_size=5, max_size=40), k=st.integers(2, 5))
def test_fold_sizes_are_those_of_group_k_fold(sizes: list[int], k: int) -> None:
    people = [f"p{i}" for i, size in enumerate(sizes) for _ in range(size)]
    ours = sorted(len(fold.test) for fold in k_folds(people, k))
    theirs = sorted(len(test) for _, test in GroupKFold(k).split(people, groups=people))
    assert ours == theirs


@pytest.mark.parametrize("of_person", [True, False])
def test_strata_are_as_even_as_those_of_stratified_group_k_fold(of_person: bool) -> None:
    rng = np.random.default_rng(3)
    ours, theirs = [], []
    for _ in range(20):
        people = rng.permutation(np.repeat(np.arange(40), rng.integers(1, 20, 40)))
        odds = rng.dirichlet(np.ones(5) / 2)
        labels = (
            rng.choice(5, 40, p=odds)[people] if of_person else rng.choice(5, len(people), p=odds)
        )
        ours.append(
            spread([fold.test for fold in k_folds(people.tolist(), 5, labels.tolist())], labels)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of classes with few members
            peer = StratifiedGroupKFold(5).split(people, labels, people)
            theirs.append(spread([test for _, test in peer], labels))
    assert np.mean(ours) <= 1.05 * np.mean(theirs)


def test_people_of_one_stratum_each_are_spread_to_the_person() -> None:
    people = [f"p{i}" for i in range(60)]
    strata = [("woman" if i % 2 else "man", i % 3 or None) for i in range(60)]
    for fold in k_folds(people, 5, strata):
        assert set(Counter(strata[row] for row in fold.test).values()) == {2}


def test_many_rare_strata_leave_no_fold_empty() -> None:
    people = [f"p{i}" for i in range(10)]
    assert [len(fold.test) for fold in k_folds(people, 5, people)] == [2] * 5


def test_the_seed_breaks_ties_and_nothing_else() -> None:
    people = [f"p{i}" for i in range(20)]

    def tested(seed: int) -> list[list[int]]:
        return [fold.test.tolist() for fold in k_folds(people, 4, seed=seed)]

    assert tested(1) == tested(1) != tested(2)
    assert [len(fold) for fold in tested(2)] == [5] * 4


def test_datasets_are_left_out_one_by_one() -> None:
    folds = list(leave_one_dataset_out(["samm", "casme2", "samm", "smic"]))
    assert [(f.name, f.train.tolist(), f.test.tolist()) for f in folds] == [
        ("casme2", [0, 2, 3], [1]),
        ("samm", [1, 3], [0, 2]),
        ("smic", [0, 1, 2], [3]),
    ]


def test_people_are_in_the_order_of_their_names() -> None:
    assert [fold.name for fold in leave_one_subject_out(["b", "a", "b", "c"])] == ["a", "b", "c"]


SUBJECTS = ["sub01", "sub02", "sub01", "drawn-1", "drawn-2", "drawn-3", "drawn-4"]
DATASETS = ["casme2", "casme2", "samm", "drawn", "drawn", "drawn", None]
DONORS = [None, None, None, "casme2/sub01", "samm/sub01", "sub01", "casme2/sub02"]


def test_training_rows_with_a_tested_donor_are_dropped() -> None:
    fold = Fold("sub01", np.array([1, 2, 3, 4, 5, 6]), np.array([0]))
    kept = drop_donors(fold, SUBJECTS, DONORS, DATASETS)
    # Not samm's sub01 and its clips; but a donor without dataset may be casme2's.
    assert (kept.name, kept.train.tolist(), kept.test.tolist()) == ("sub01", [1, 2, 4, 6], [0])


def test_without_datasets_a_name_is_one_person() -> None:
    fold = Fold("sub01", np.array([1, 2, 3, 4, 5, 6]), np.array([0]))
    assert drop_donors(fold, SUBJECTS, DONORS).train.tolist() == [1, 6]


@given(
    found=st.lists(
        st.tuples(st.sampled_from("abcde"), st.sampled_from([None, *"abcde"])), min_size=5
    ).filter(lambda found: len({who for who, _ in found}) > 1)
)
def test_no_fold_knows_whom_it_tests(found: list[tuple[str, str | None]]) -> None:
    subjects, donors = [who for who, _ in found], [donor for _, donor in found]
    for fold in leave_one_subject_out(subjects):
        clean = drop_donors(fold, subjects, donors)
        known = {donors[row] for row in clean.train} | {subjects[row] for row in clean.train}
        assert fold.name not in known
        dropped = set(fold.train.tolist()) - set(clean.train.tolist())
        assert all(donors[row] == fold.name for row in dropped)


@pytest.mark.parametrize(
    ("given_", "name", "there"),
    [
        ("casme2/sub01", "casme2/sub01", True),
        ("casme2/sub01", "sub01", True),
        ("sub01", "casme2/sub01", True),
        ("casme2/sub01", "samm/sub01", False),
        ("sub01", "sub010", False),
        ("casme2/sub01", None, False),
    ],
)
def test_a_name_without_dataset_is_anybodys(given_: str, name: str | None, there: bool) -> None:
    assert (name in People.of([given_])) is there


def test_a_full_name_is_made_once() -> None:
    assert full_name("casme2", full_name("casme2", "sub01")) == "casme2/sub01"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: k_folds(["a", "b"], 3), "3 folds of 2 people cannot be made"),
        (lambda: k_folds(["a", "b"], 1), "k must be at least 2"),
        (lambda: k_folds([], 2), "2 folds of 0 people"),
        (lambda: k_folds(["a", cast(str, None)], 2), "Row 1 has no person"),
        (lambda: k_folds(["a", ""], 2), "Row 1 has no person"),
        (lambda: k_folds([cast(str, float("nan")), "a"], 2), "Row 0 has no person"),
        (lambda: k_folds(["a", "b"], 2, ["x"]), "There are 2 rows with a person and 1 strata"),
        (lambda: leave_one_subject_out(["a", "a"]), "at least two people, got a"),
        (lambda: leave_one_subject_out([]), "at least two people, got no rows"),
        (lambda: leave_one_dataset_out(["samm"]), "at least two datasets, got samm"),
        (
            lambda: drop_donors(Fold("a", np.array([1]), np.array([0])), ["a", "b"], [None]),
            "one value for each row",
        ),
        (lambda: People.of("sub01"), "list of names, got the text 'sub01'"),
    ],
)
def test_what_cannot_be_folded_is_a_sentence(call: Callable[[], object], sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):  # at once, not when the first fold is asked for
        call()
