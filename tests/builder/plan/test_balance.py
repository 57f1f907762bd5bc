from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub import configs
from equime_hub.builder.plan.balance import GROUPS, UNKNOWN, PlanBalance, Target, read_census
from equime_hub.builder.plan.choice import Offer, Quota, allot, apportion
from equime_hub.builder.plan.config import PlanConfig
from equime_hub.errors import PlanError

EVENLY = dict.fromkeys(("happiness", "sadness", "anger"), 1.0)
BY_GENDER = PlanBalance(by=("gender",))
WOMAN, MAN, NOBODY_KNOWS = ("woman",), ("man",), (UNKNOWN,)

crowds = st.lists(
    st.tuples(st.sampled_from([WOMAN, MAN, NOBODY_KNOWS]), st.integers(1, 3)),
    min_size=1,
    max_size=40,
).map(
    lambda drawn: {
        f"p{index}": (group, images * len(EVENLY)) for index, (group, images) in enumerate(drawn)
    }
)
weights = st.fixed_dictionaries({emotion: st.floats(0.1, 9) for emotion in EVENLY})


def crowd(women: int, men: int, unknown: int = 0, offer: int = 3) -> dict[str, Offer]:
    """Women first."""
    groups = [WOMAN] * women + [MAN] * men + [NOBODY_KNOWS] * unknown
    return {f"p{index}": (group, offer) for index, group in enumerate(groups)}


def clips_of(
    given: dict[str, dict[str, int]], people: dict[str, Offer]
) -> dict[tuple[str, ...], int]:
    counts: Counter[tuple[str, ...]] = Counter()
    for who, clips in given.items():
        counts[people[who][0]] += sum(clips.values())
    return dict(counts)


@given(crowds)
def test_the_short_way_to_all_clips_gives_what_turns_give(people: dict[str, Offer]) -> None:
    everything = sum(offer for _, offer in people.values())
    short, quotas = allot(BY_GENDER, people, EVENLY)
    turns, _ = allot(replace(BY_GENDER, clips=everything), people, EVENLY)
    assert (short, quotas) == (turns, ())


@given(st.integers(0, 1000), st.lists(st.fractions(Fraction(1, 99), 9), min_size=1, max_size=9))
def test_apportioned_numbers_sum_up_and_lie_within_one_of_their_share(
    total: int, shares: list[Fraction]
) -> None:
    parts = apportion(total, dict(enumerate(shares)))
    assert sum(parts.values()) == total
    for index, share in enumerate(shares):
        assert abs(parts[index] - total * share / sum(shares)) < 1


@given(crowds, st.integers(1, 300), st.integers(1, 20), weights)
def test_whatever_is_asked_nobody_exceeds_the_cap_and_nothing_is_hidden(
    people: dict[str, Offer], clips: int, cap: int, weights: dict[str, float]
) -> None:
    balance = replace(BY_GENDER, clips=clips, max_clips_per_person=cap)
    given_clips, quotas = allot(balance, people, weights)
    assert max(sum(own.values()) for own in given_clips.values()) <= cap
    total = sum(sum(own.values()) for own in given_clips.values())
    assert total == sum(quota.got for quota in quotas) == min(clips, cap * len(people))
    assert sum(quota.wanted for quota in quotas) == clips
    assert all(quota.reason for quota in quotas if quota.got < quota.wanted)
    assert sum(quota.people for quota in quotas) == len(people)


@given(crowds)
def test_as_it_is_everybody_gives_all_they_offer(people: dict[str, Offer]) -> None:
    given_clips, quotas = allot(BY_GENDER, people, EVENLY)
    assert quotas == ()
    for who, (_, offer) in people.items():
        assert given_clips[who] == dict.fromkeys(EVENLY, offer // len(EVENLY))


@given(crowds, st.integers(1, 60))
def test_emotions_are_equally_often_overall_and_in_every_person(
    people: dict[str, Offer], clips: int
) -> None:
    balance = replace(BY_GENDER, clips=clips, max_clips_per_person=7)
    given_clips, _ = allot(balance, people, EVENLY)
    for own in given_clips.values():
        assert max(own.values()) - min(own.values()) <= 1
    totals = [sum(own[emotion] for own in given_clips.values()) for emotion in EVENLY]
    groups = len({group for group, _ in people.values()})
    assert max(totals) - min(totals) <= groups


def test_weights_are_met_overall() -> None:
    wanted = {"happiness": 2.0, "sadness": 1.0, "anger": 1.0}
    given_clips, _ = allot(replace(BY_GENDER, clips=400), crowd(100, 100), wanted)
    totals = {emotion: sum(own[emotion] for own in given_clips.values()) for emotion in wanted}
    assert totals == {"happiness": 200, "sadness": 100, "anger": 100}


def test_uniform_takes_as_many_as_the_smallest_group_can_give() -> None:
    people = crowd(4, 10)
    given_clips, quotas = allot(PlanBalance("uniform", ("gender",)), people, EVENLY)
    assert clips_of(given_clips, people) == {WOMAN: 12, MAN: 12}
    assert quotas == (Quota("woman", 12, 12, 4), Quota("man", 12, 12, 10))
    assert len(given_clips) == 8, "four of the ten men, with all emotions each"


def test_people_of_a_small_group_are_used_again_up_to_the_cap() -> None:
    people = crowd(2, 10)
    balance = PlanBalance("uniform", ("gender",), clips=60, max_clips_per_person=9)
    given_clips, quotas = allot(balance, people, EVENLY)
    assert clips_of(given_clips, people) == {WOMAN: 18, MAN: 30}
    assert given_clips["p0"] == {"happiness": 3, "sadness": 3, "anger": 3}
    assert quotas[0] == Quota("woman", 30, 18, 2, "people used up")
    assert quotas[1] == Quota("man", 30, 30, 10)


def test_everybody_comes_once_before_anybody_comes_twice() -> None:
    balance = PlanBalance("uniform", ("gender",), clips=30, max_clips_per_person=9)
    given_clips, _ = allot(balance, crowd(4, 5), EVENLY)
    women = [sum(given_clips[f"p{index}"].values()) for index in range(4)]
    assert women == [6, 3, 3, 3]


def test_the_unknown_are_a_group_of_their_own_and_are_said() -> None:
    people = crowd(2, 2, unknown=3)
    _, quotas = allot(PlanBalance("uniform", ("gender",)), people, EVENLY)
    assert quotas[-1] == Quota("unknown", 0, 0, 3, "not all known")
    shares = (Target(WOMAN, 1), Target(NOBODY_KNOWS, 1))
    given_clips, quotas = allot(PlanBalance("targets", ("gender",), shares), people, EVENLY)
    assert clips_of(given_clips, people) == {WOMAN: 6, NOBODY_KNOWS: 6}
    assert quotas[1] == Quota("man", 0, 0, 2, "no share")
    as_is = replace(BY_GENDER, clips=7)
    assert clips_of(allot(as_is, people, EVENLY)[0], people)[NOBODY_KNOWS] == 3


def test_groups_that_have_nobody_are_said() -> None:
    _, quotas = allot(PlanBalance("uniform", ("gender",)), crowd(2, 0), EVENLY)
    assert quotas == (Quota("woman", 6, 6, 2), Quota("man", 0, 0, 0, "nobody"))


@pytest.mark.parametrize(
    ("balance", "people", "message"),
    [
        (
            PlanBalance("targets", ("gender",), (Target(WOMAN, 1), Target(MAN, 1))),
            crowd(2, 0),
            r"nobody in them \(1\): man",
        ),
        (PlanBalance("uniform", ("gender",)), crowd(0, 0, 2), "nobody whose gender are known"),
        (
            PlanBalance("uniform", ("gender",), clips=1),
            crowd(1, 1),
            "over 2 groups needs at least 2 clips, got 1",
        ),
    ],
)
def test_a_balance_that_cannot_be_had_is_a_sentence(
    balance: PlanBalance, people: dict[str, Offer], message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        allot(balance, people, EVENLY)


def test_a_census_is_read(tmp_path: Path) -> None:
    path = tmp_path / "census.csv"
    path.write_text("age_group, share, gender\n20-30, 3, woman\n31-40, 0.5, man\n")
    shares = (Target(("20-30", "woman"), 3.0), Target(("31-40", "man"), 0.5))
    assert read_census(path) == PlanBalance("targets", ("age_group", "gender"), shares)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one row"),
        ("gender,share\n", "at least one row"),
        ("gender,share\nfemale,1\n", "no group 'female'; a group is one of woman, man, or unknown"),
        ("gender,share\nwoman,-1\n", "must be a number of at least 0, got -1"),
        ("gender,share\nwoman,nan\n", "must be a number of at least 0, got nan"),
        ("gender,share\nwoman,many\n", "line 2: share is 'many'"),
        ("gender,share\nwoman,0\nman,0\n", "All shares are 0"),
        ("gender,share\nwoman,1\nwoman,2\n", "woman has two shares"),
        ("gender,race,share\nwoman,,1\n", "There is no group 'woman, '"),
        ("gender,hair,share\nwoman,red,1\n", "has the header 'gender,hair,share'"),
        ("gender\nwoman\n", "it needs share"),
        ("share\n1\n", "at least one of gender"),
    ],
)
def test_a_census_that_makes_no_sense_is_a_sentence(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "census.csv"
    path.write_text(text)
    with pytest.raises(PlanError, match=message):
        read_census(path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rule": "fair"}, "one of as-is, uniform, targets, got fair"),
        ({"by": ()}, "got none"),
        ({"by": ("hair",)}, "got hair"),
        ({"clips": 0}, "clips must be at least 1"),
        ({"max_clips_per_person": 0}, "max_clips_per_person must be at least 1"),
        ({"rule": "targets"}, "it needs some"),
        ({"targets": (Target(("woman",), 1.0),)}, "belong to the rule targets"),
    ],
)
def test_a_balance_that_makes_no_sense_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        replace(PlanBalance(), **fields)  # type: ignore[arg-type]


def test_a_balance_is_part_of_a_configuration_file(tmp_path: Path) -> None:
    target = Target(tuple(values[0] for values in GROUPS.values()), 0.25)
    config = PlanConfig(balance=PlanBalance("targets", tuple(GROUPS), (target,), 10, 2))
    configs.to_file(config, tmp_path / "config.json")
    assert configs.from_file(PlanConfig, tmp_path / "config.json") == config
