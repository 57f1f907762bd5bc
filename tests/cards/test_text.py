from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from equime_hub.cards import text
from equime_hub.cards.text import cross_table, fill, joined


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template `t` in a package that looks like ours."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/t.md").write_text(
        "# $title\n\n## One\n\n### Deeper\n\n$a and $b\n\nThese:\n\n$c\n\n## Two\n\n$d\n"
    )
    monkeypatch.setattr(text, "files", lambda package: tmp_path)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("abcd", "# T\n\n## One\n\n### Deeper\n\na and b\n\nThese:\n\nc\n\n## Two\n\nd\n"),
        ("bcd", "# T\n\n## One\n\nThese:\n\nc\n\n## Two\n\nd\n"),
        ("abd", "# T\n\n## One\n\n### Deeper\n\na and b\n\n## Two\n\nd\n"),
        ("abc", "# T\n\n## One\n\n### Deeper\n\na and b\n\nThese:\n\nc\n"),
        ("d", "# T\n\n## Two\n\nd\n"),
    ],
)
def test_what_there_is_nothing_to_say_about_is_left_out(
    template: None, given: str, expected: str
) -> None:
    values = {name: name if name in given else "" for name in "abcd"}
    filled = fill("t", values | {"title": "T"})
    # "### Deeper" has text of its own below it in all but the second case.
    assert filled == expected.replace("## One\n\nThese", "## One\n\n### Deeper\n\nThese")


def test_conditions_are_asked_and_items_of_a_list_stand_together(
    template: None, tmp_path: Path
) -> None:
    (tmp_path / "templates/t.md").write_text(
        "<!-- if a -->\nHere:\n\n<!-- if b -->\n- one\n\n- $c\n\n- three\n\nEnd, if $d\n"
    )
    assert fill("t", {"a": 1, "b": True, "c": "two", "d": "d"}) == (
        "Here:\n\n- one\n- two\n- three\n\nEnd, if d\n"
    )
    assert fill("t", {"a": True, "b": 0, "c": "", "d": ""}) == "Here:\n\n- three\n"
    assert fill("t", {"a": None, "b": True, "c": "", "d": "d"}) == "- one\n- three\n\nEnd, if d\n"


def test_values_are_text_and_no_templates(template: None) -> None:
    values = dict.fromkeys("abd", "") | {"title": "$a ${b} {c}", "c": "# not a heading\n\n## nor"}
    assert fill("t", values).startswith("# $a ${b} {c}\n\n## One")


def test_a_placeholder_without_a_value_is_a_mistake(template: None) -> None:
    with pytest.raises(KeyError, match="title"):
        fill("t", dict.fromkeys("abcd", "x"))


def test_sums() -> None:
    counted = cross_table("who", {"a": {"x": 1, "y": 2}, "b": {"x": 1000, "y": 0}})
    assert counted.splitlines()[-2:] == [
        "| b | 1,000 | 0 | 1,000 |",
        "| **all** | **1,001** | **2** | **1,003** |",
    ]
    assert cross_table("who", {}) == ""
    assert joined([]) == ""


def test_the_examples_are_right() -> None:
    result = doctest.testmod(text)
    assert result.attempted == 2
    assert result.failed == 0
