from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.builder.faces.where import Both, Clause, Not, Where, parse
from equime_hub.errors import FaceError

NAMES = ("5_o_Clock_Shadow", "Eyeglasses", "Male", "Smiling")
COLUMNS = {
    name: np.array(values, np.int8)
    for name, values in zip(
        NAMES, zip(*product((1, -1), repeat=len(NAMES)), strict=True), strict=True
    )
}
"""Every combination once."""

clauses = st.builds(Clause, st.sampled_from(NAMES), st.sampled_from((1, -1)), st.booleans())
conditions: st.SearchStrategy[Where] = st.recursive(
    clauses,
    lambda parts: st.one_of(
        st.builds(Not, parts), st.builds(Both, parts, st.sampled_from(("and", "or")), parts)
    ),
    max_leaves=12,
)


def by_hand(where: Where, row: dict[str, int]) -> bool:
    """The same condition on one image, by Python's own operators."""
    if isinstance(where, Clause):
        return (row[where.name] == where.value) is where.equal
    if isinstance(where, Not):
        return not by_hand(where.part, row)
    parts = [by_hand(part, row) for part in (where.left, where.right)]
    return all(parts) if where.word == "and" else any(parts)


@given(conditions)
def test_written_and_read_again_it_is_the_same(where: Where) -> None:
    assert parse(str(where), NAMES) == where


@given(conditions)
def test_it_chooses_what_logic_says(where: Where) -> None:
    chosen = where.chosen(COLUMNS)
    for index, found in enumerate(chosen.tolist()):
        row = {name: int(values[index]) for name, values in COLUMNS.items()}
        assert found is by_hand(where, row)


@given(st.lists(st.sampled_from((*NAMES, "and", "or", "NOT", "(", ")", "=", "!=", "1", "-1", "$"))))
def test_any_words_are_a_condition_or_a_sentence(words: list[str]) -> None:
    text = " ".join(words)
    try:
        found = parse(text, NAMES)
    except FaceError as error:
        assert str(error).startswith("--where")
    else:
        assert parse(str(found), NAMES) == found


@given(st.text())
def test_any_text_without_an_attribute_is_refused(text: str) -> None:
    with pytest.raises(FaceError, match="--where"):
        parse(text, ())


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
    assert parse(text, NAMES) == parse(same, NAMES)


def test_clauses_are_counted_one_by_one() -> None:
    where = parse("Smiling=1 and not (Smiling=-1 or Male!=1)", NAMES)
    assert [str(clause) for clause in where.clauses()] == ["Smiling=1", "Smiling=-1", "Male!=1"]


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
        parse(text, NAMES)
