from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.builder.faces.where import select
from equime_hub.errors import FaceError

NAMES = ("5_o_Clock_Shadow", "Eyeglasses", "Male", "Smiling")
COLUMNS = {
    name: np.array(values, np.int8)
    for name, values in zip(
        NAMES, zip(*product((1, -1), repeat=len(NAMES)), strict=True), strict=True
    )
}
"""Every combination once."""

Condition = tuple[str, Callable[[dict[str, int]], bool], bool]
"""A condition as text, by Python's own operators on one image, and whether it joins two others."""


def clause(name: str, value: int, equal: bool) -> Condition:
    text = f"{name}{'=' if equal else '!='}{value}"
    return text, lambda row: (row[name] == value) is equal, False


def negated(part: Condition) -> Condition:
    text, holds, joins = part
    return f"not ({text})" if joins else f"not {text}", lambda row: not holds(row), False


def joined(left: Condition, word: str, right: Condition) -> Condition:
    """Two conditions, in brackets where one joins two in turn."""
    texts = [f"({text})" if joins else text for text, _, joins in (left, right)]
    both = all if word == "and" else any
    return f" {word} ".join(texts), lambda row: both([left[1](row), right[1](row)]), True


clauses = st.builds(clause, st.sampled_from(NAMES), st.sampled_from((1, -1)), st.booleans())
conditions: st.SearchStrategy[Condition] = st.recursive(
    clauses,
    lambda parts: st.one_of(
        st.builds(negated, parts), st.builds(joined, parts, st.sampled_from(("and", "or")), parts)
    ),
    max_leaves=12,
)


def chosen(text: str) -> list[bool]:
    return select(text, COLUMNS)[0].tolist()  # type: ignore[no-any-return]


@given(conditions)
def test_it_chooses_what_logic_says(condition: Condition) -> None:
    text, holds, _ = condition
    for index, found in enumerate(chosen(text)):
        assert found is holds({name: int(values[index]) for name, values in COLUMNS.items()})


@given(st.lists(st.sampled_from((*NAMES, "and", "or", "NOT", "(", ")", "=", "!=", "1", "-1", "$"))))
def test_any_words_are_a_condition_or_a_sentence(words: list[str]) -> None:
    text = " ".join(words)
    try:
        found = chosen(text)
    except FaceError as error:
        assert str(error).startswith("--where")
    else:
        assert len(found) == 2 ** len(NAMES)


@given(st.text())
def test_any_text_without_an_attribute_is_refused(text: str) -> None:
    with pytest.raises(FaceError, match="--where"):
        select(text, {})


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Smiling=-1", "Smiling = -1"),
        ("Smiling==+1", "Smiling=1"),
        ("not Male=1 and Smiling=1", "(not Male=1) and (Smiling=1)"),
        ("Male=1 or Male=-1 and Smiling=1", "Male=1 or (Male=-1 and Smiling=1)"),
        ("Male=1 AND Smiling=1 aNd Eyeglasses=1", "(Male=1 and Smiling=1) and Eyeglasses=1"),
        ("not not 5_o_Clock_Shadow!=-1", "not (not (5_o_Clock_Shadow!=-1))"),
    ],
)
def test_precedence(text: str, same: str) -> None:
    assert chosen(text) == chosen(same)


def test_clauses_are_counted_one_by_one() -> None:
    text = "Smiling=1 and not (Smiling=-1 or Male!=+1) and not Smiling=1"
    found, clauses = select(text, {**COLUMNS, "Male": np.ones(16, np.int8)})
    assert not found.any()
    assert clauses == {"Smiling=1": 8, "Smiling=-1": 8, "Male!=1": 0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the name of an attribute, got its end"),
        ("Smilling=1", "'Smilling', which is no attribute; choose one of: Smiling"),
        ("smiling=1", "choose one of: Smiling"),
        ("Xyz=1", "choose one of: 5_o_Clock_Shadow, Eyeglasses, Male, Smiling"),
        ("Smiling", "expected '=' or '!=' after Smiling, got its end"),
        ("Smiling>0", "expected '=' or '!=' after Smiling, got '>' at character 8"),
        ("Smiling=0", r"expected 1 \(it holds\) or -1 .* for Smiling, got '0' at character 9"),
        ("Smiling=True", "got 'True' at character 9"),
        ("Smiling=1 Male=1", "expected 'and', 'or' or the end, got 'Male' at character 11"),
        ("Smiling=1 and", "expected the name of an attribute, got its end"),
        ("(Smiling=1", r"expected '\)', got its end"),
        ("Smiling=1)", r"expected 'and', 'or' or the end, got '\)'"),
        ("and", "expected the name of an attribute, got 'and' at character 1"),
        ("__import__('os')", "'__import__', which is no attribute"),
        ("(" * 5000, "nests deeper than 100"),
        ("not " * 5000 + "Male=1", "nests deeper than 100"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(FaceError, match=message):
        select(text, COLUMNS)
