from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub import seeds
from equime_hub.builder.causal import Draw, ExpertSampler, describe, intervene, parse_do
from equime_hub.errors import PlanError
from equime_hub.schema.taxonomy import AU_INDEX, AU_NUMBERS

shares = st.integers(0, 10_000).map(lambda number: number / 10_000)
vectors = st.tuples(*[shares] * 17)
draws = st.builds(Draw, vectors, vectors, st.sampled_from(["expert", "micro"]), st.text())
interventions = st.dictionaries(st.sampled_from(AU_NUMBERS), shares, min_size=1)


@given(draws, interventions)
def test_do_changes_what_it_names_and_nothing_else(draw: Draw, do: dict[int, float]) -> None:
    changed = intervene(draw, do)
    for number in AU_NUMBERS:
        before = draw.au_apex[AU_INDEX[number]]
        assert changed.au_apex[AU_INDEX[number]] == do.get(number, before)
    for field in fields(Draw):
        if field.name != "au_apex":
            assert getattr(changed, field.name) == getattr(draw, field.name)
    assert intervene(changed, do) == changed


@given(interventions)
def test_text_and_intervention_are_the_same(do: dict[int, float]) -> None:
    assert parse_do(describe(do)) == do
    assert parse_do(describe(do)[3:-1]) == do


@given(st.sampled_from(sorted(ExpertSampler().emotions())), st.integers(0, 1000), interventions)
def test_same_noise_same_vector_but_for_the_intervention(
    emotion: str, seed: int, do: dict[int, float]
) -> None:
    draw, again = (ExpertSampler().draw(emotion, seeds.generator(seed)) for _ in range(2))
    named = {AU_INDEX[number] for number in do}
    pairs = zip(draw.au_apex, intervene(again, do).au_apex, strict=True)
    assert all(a == b for i, (a, b) in enumerate(pairs) if i not in named)


def test_text_is_ordered_and_short() -> None:
    assert describe({12: 0, 4: 0.3}) == "do(AU4=0.3,AU12=0)"
    assert parse_do(" do(AU12=0 , AU04 = .3) ") == {4: 0.3, 12: 0.0}
    assert list(parse_do("AU12=1,AU4=0.12344")) == [4, 12]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no intervention"),
        ("do()", "is no intervention"),
        ("AU4", "is no intervention"),
        ("AU4=0.3,", "is no intervention"),
        ("AU4=-0.1", "is no intervention"),
        ("AU4=nan", "is no intervention"),
        ("do(AU4=0.3", "is no intervention"),
        ("AU4=0.3;AU12=0", "is no intervention"),
        ("AU4=1.5", r"AU 4 must be set to a number in \[0, 1\], got 1.5"),
        ("AU24=0.3", "AU 24 cannot be set; choose among 1, 2, 4"),
        ("AU4=0.3,AU4=0.2", "sets AU 4 twice"),
    ],
)
def test_text_that_is_no_intervention_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        parse_do(text)


@pytest.mark.parametrize("do", [{}, {3: 0.1}, {4: float("nan")}, {4: -0.1}])
def test_what_cannot_be_done_is_refused(do: dict[int, float]) -> None:
    draw = Draw((0.0,) * 17, (0.0,) * 17, "expert")
    with pytest.raises(PlanError):
        intervene(draw, do)
    with pytest.raises(PlanError):
        describe(do)
