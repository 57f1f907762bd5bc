from __future__ import annotations

from pathlib import Path

import pytest

from equime_hub.cards.compare import HEAD, START, VERSION, differences, head


@pytest.fixture
def card(built: Path) -> str:
    return (built / "README.md").read_text(encoding="utf-8")


def of_another_version(card: str) -> str:
    changed = card.replace(f"{VERSION}: 0", f"{VERSION}: 9", 1)
    assert changed != card
    return changed


def test_a_card_is_like_itself(card: str) -> None:
    assert differences(card, card) == []
    assert differences(of_another_version(card), card) == []


@pytest.mark.parametrize(
    ("says", "should", "section"),
    [
        ("num_examples: 29", "num_examples: 30", HEAD),
        ("of 9 people", "of 8 people", START),
        ("| happiness | 7 | 1 | 1 | 9 |", "| happiness | 6 | 1 | 1 | 8 |", '"Splits"'),
        ("52.0 % | 55.6 %", "50.0 % | 55.6 %", '"Who is in it"'),
        ("here it is 1.0 %", "here it is 25.0 %", '"Limits"'),
        ("noise: 0.9", "noise: 0.8", '"How the clips were made"'),
    ],
)
def test_any_line_that_differs_is_found_in_its_section(
    card: str, says: str, should: str, section: str
) -> None:
    assert should in card
    (found,) = differences(card.replace(should, says, 1), card)
    assert found.section == section
    assert found.says is not None
    assert says in found.says
    assert found.should is not None
    assert should in found.should
    assert str(found) == f"says {found.says!r} in {section}, the shards say {found.should!r}."


def test_a_section_too_many_and_one_too_few(card: str) -> None:
    (found,) = differences(card + "\n## Prizes\n\nMany.\n", card)
    assert str(found) == ("says '## Prizes' in \"Prizes\", the shards say nothing there.")
    start, _, end = card.partition("## Limits")
    (found,) = differences(start + end[end.index("## Ethics") :], card)
    assert str(found) == "lacks '## Limits' in \"Limits\"."


def test_the_order_of_the_head_is_nothing(card: str) -> None:
    _, yaml, body = card.split("---\n", 2)
    license, rest = yaml.split("\n", 1)
    moved = f"---\n{rest}{license}\n---\n{body}"
    assert head(moved) == head(card)
    assert differences(moved, card) == []


def test_words_of_another_version_are_no_difference(card: str) -> None:
    other = of_another_version(card).replace("## Who is in it", "## People")
    other = other.replace("nobody has looked", "no one looked")
    other = other.replace("| **all** | **30**", "| **sum** | **30**")
    assert differences(other, card) == []


@pytest.mark.parametrize(
    ("says", "should", "table"),
    [
        ("| happiness | 7 | 1 | 1 | 8 |", "| happiness | 6 | 1 | 1 | 8 |", "| emotion |"),
        ("| train | 31 | 6 |", "| train | 30 | 6 |", "| split | clips |"),
        ("| gender | man | 14 |", "| gender | man | 15 |", "| attribute | group |"),
        ("| `label_source` | synthetic | 39 |", "| `label_source` | synthetic | 40 |", "| column"),
        ("| 16 | 64 × 64 | 50 | 321 |", "| 16 | 64 × 64 | 50 | 320 |", "| frames |"),
    ],
)
def test_numbers_of_another_version_are(card: str, says: str, should: str, table: str) -> None:
    assert should in card
    (found,) = differences(of_another_version(card).replace(should, says, 1), card)
    assert table in found.section
    assert found.says is not None
    assert found.says.startswith(says)


@pytest.mark.parametrize("text", ["", "# A card\n", "---\n: [\n---\n", "---\n- a\n---\n", "---\n"])
def test_a_head_that_cannot_be_read_is_empty(text: str) -> None:
    assert head(text) == {}
