from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.errors import PlanError
from equime_hub.splits.assign import DEFAULT_FRACTIONS, Stratum, assign

people_lists = st.lists(
    st.tuples(st.sampled_from("mf"), st.integers(0, 2)), min_size=1, max_size=300
).map(lambda strata: [(f"p{i}", stratum) for i, stratum in enumerate(strata)])
fraction_sets = st.sampled_from(
    [DEFAULT_FRACTIONS, {"train": 0.7, "test": 0.3}, {"train": 0.6, "validation": 0.2, "test": 0.2}]
)


@given(people_lists, fraction_sets)
def test_every_stratum_is_within_one_person_of_its_share(
    people: list[tuple[str, tuple[str, int]]], fractions: dict[str, float]
) -> None:
    splits = assign(people, fractions)
    assert set(splits) == {subject for subject, _ in people}
    counts: defaultdict[object, Counter[str]] = defaultdict(Counter)
    for subject, stratum in people:
        counts[stratum][splits[subject]] += 1
    for counter in counts.values():
        for split, share in fractions.items():
            assert abs(counter[split] - share * counter.total()) <= 1


@given(people_lists, people_lists)
def test_people_appended_move_nobody(
    old: list[tuple[str, Stratum]], new: list[tuple[str, Stratum]]
) -> None:
    before = assign(old)
    after = assign(old + [(f"new-{subject}", stratum) for subject, stratum in new])
    assert {subject: after[subject] for subject, _ in old} == before


@given(people_lists, people_lists, st.randoms(use_true_random=False))
def test_people_inserted_anywhere_move_nobody_when_the_earlier_answer_is_known(
    old: list[tuple[str, Stratum]], new: list[tuple[str, Stratum]], random: object
) -> None:
    before = assign(old)
    mixed = old + [(f"new-{subject}", stratum) for subject, stratum in new]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    after = assign(mixed, previous=before)
    assert {subject: after[subject] for subject, _ in old} == before


def test_the_larger_groups_are_even_too() -> None:
    people: list[tuple[str, Stratum]] = [(f"p{i}", ("fm"[i % 2], i)) for i in range(40)]
    splits = assign(people)
    for gender in "fm":
        counts = Counter(splits[who] for who, stratum in people if stratum[0] == gender)
        assert counts == {"train": 16, "validation": 2, "test": 2}


def test_many_strata_of_one_person_still_fill_all_splits() -> None:
    splits = assign((f"p{i}", (i,)) for i in range(100))
    assert Counter(splits.values()) == {"train": 80, "validation": 10, "test": 10}


@pytest.mark.parametrize("stratum", [(), ("f", "asian"), None])
def test_seven_people_are_enough_for_three_splits(stratum: Stratum | None) -> None:
    assert set(
        assign((f"p{i}", (i % 2, i) if stratum is None else stratum) for i in range(7)).values()
    ) == set(DEFAULT_FRACTIONS)


def test_a_person_is_listed_as_often_as_they_have_images() -> None:
    assert assign([("anna", ("f",)), ("ben", ("m",)), ("anna", ("f",))]) == assign(
        [("anna", ("f",)), ("ben", ("m",))]
    )


def test_one_person_in_two_strata_is_refused() -> None:
    with pytest.raises(PlanError, match=r"'anna' is in two strata: \('f',\) and \('m',\)"):
        assign([("anna", ("f",)), ("anna", ("m",))])


@pytest.mark.parametrize(
    "fractions", [{}, {"train": 0.5}, {"train": 1.2, "test": -0.2}, {"train": 0.5, "dev": 0.5}]
)
def test_fractions_that_are_none_are_refused(fractions: dict[str, float]) -> None:
    with pytest.raises(PlanError):
        assign([("anna", ("f",))], fractions)
