from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import notes
from equime_hub.loading_script.real.aus import (
    INTENSITIES,
    PRESENT,
    Code,
    parse,
    render,
    vector,
    vector_of,
)
from equime_hub.schema.taxonomy import AU_INDEX, AU_NUMBERS

units = st.builds(
    Code,
    number=st.integers(0, 99),
    side=st.sampled_from([None, "L", "R", "T", "B"]),
    intensity=st.sampled_from([None, *INTENSITIES]),
    doubtful=st.booleans(),
    kept=st.booleans(),
)
codes = st.lists(
    st.builds(lambda unit, others: replace(unit, others=tuple(others)), units,
              st.lists(units, max_size=2)),
    max_size=5,
)  # fmt: skip


@given(codes)
def test_what_is_rendered_is_read_back(written: list[Code]) -> None:
    assert list(parse(render(written))) == written


@given(codes)
def test_vectors_are_intensities_or_unknown(written: list[Code]) -> None:
    values = vector(written)
    if values is not None:
        assert len(values) == len(AU_NUMBERS)
        assert set(values) <= {0.0, PRESENT, *INTENSITIES.values()}
    if not written:
        assert values is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4+L10", "4+L10"),
        ("R12A", "R12A"),
        ("4 or 7", "4 or 7"),
        ("R12 + R15", "R12+R15"),
        ("AU4", "4"),
        ("AUL10 + au12a", "L10+12A"),
        ("L AU10", "L10"),
        ("1，2＋4", "1+2+4"),
        ("１２", "12"),
        ("4、7;9", "4+7+9"),
        ("AU4(k)+AU12（k）", "4(k)+12(k)"),
        ("4?", "4?"),
        ("L14 or R14", "L14 or R14"),
        ("L14orR14", "L14 or R14"),
        ("12+4 or 7+25", "12+4 or 7+25"),
        ("B4B", "B4B"),
        ("t23", "T23"),
        ("0", "0"),
        (None, ""),
        (" ", ""),
        ("/", ""),
        ("None", ""),
    ],
)
def test_spellings_of_the_releases_are_read(text: str | None, expected: str) -> None:
    assert render(parse(text)) == expected


def test_a_unit_says_what_the_coder_wrote() -> None:
    assert parse("L10C?") == (Code(10, side="L", intensity="C", doubtful=True),)
    assert parse("4 or r7b") == (Code(4, others=(Code(7, side="R", intensity="B"),)),)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("4+smile", "smile"),
        ("412", "412"),
        ("4+", ""),
        ("12F", "12F"),
        ("4 7", "4 7"),
        ("X4", "X4"),
    ],
)
def test_what_is_no_unit_is_named_with_its_cell(text: str, unit: str) -> None:
    with pytest.raises(DatasetError) as caught:
        parse(text, "SAMM.xlsx I31")
    assert str(caught.value).startswith(f"SAMM.xlsx I31 says {text!r}, of which {unit!r} is no ")
    with notes.collected() as said:
        assert vector_of(text, "SAMM.xlsx I31") is None
    assert said == [str(caught.value)]


def on(text: str) -> dict[int, float]:
    """Units of the vector that are not 0."""
    values = vector(parse(text))
    assert values is not None
    return {n: values[AU_INDEX[n]] for n in AU_NUMBERS if values[AU_INDEX[n]]}


def test_letters_are_fifths_and_no_letter_is_the_middle() -> None:
    assert on("1A+2B+4C+5D+6E+7") == {1: 0.2, 2: 0.4, 4: 0.6, 5: 0.8, 6: 1.0, 7: 0.5}
    assert PRESENT not in INTENSITIES.values()


def test_of_two_sides_the_stronger_counts() -> None:
    assert on("L12A+R12D") == {12: 0.8}
    assert on("L14B or R14") == {14: 0.5}


def test_units_outside_the_17_and_kept_units_count_nothing() -> None:
    assert on("24+38") == {}
    assert on("4(k)+12") == {12: 0.5}
    assert on("24?+12") == {12: 0.5}
    assert on("38 or 39+12") == {12: 0.5}


@pytest.mark.parametrize("text", ["4 or 7", "12+4?", "24 or 23", "", "/"])
def test_what_is_not_known_is_no_vector(text: str) -> None:
    assert vector(parse(text)) is None
    assert vector_of(text) is None
