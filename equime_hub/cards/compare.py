"""Whether a card says what it should."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from equime_hub._version import __version__

VERSION = "equime_hub"
"""Key of a card's YAML: version of this package that wrote it."""
HEAD = "the YAML head"
START = "the first lines"

_HEAD = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*$", flags=re.MULTILINE | re.DOTALL)
_Rows = dict[tuple[str, ...], str]
"""Cells with words, and which of those rows it is → the row."""


@dataclass(frozen=True)
class Difference:
    """The first line of a section that is not what it should be.

    Attributes:
        section: Its heading, or `HEAD` or `START`.
        says: What stands there; None if nothing does.
        should: What should; None if nothing should.
    """

    section: str
    says: str | None
    should: str | None

    def __str__(self) -> str:
        if self.says is None:
            return f"lacks {self.should!r} in {self.section}."
        if self.should is None:
            return f"says {self.says!r} in {self.section}, the shards say nothing there."
        return f"says {self.says!r} in {self.section}, the shards say {self.should!r}."


def differences(card: str, anew: str) -> list[Difference]:
    """Compare a card with the one that would be written now.

    A card of another version of this package may be worded otherwise. Of such a one only numbers
    in tables are compared, in rows that both have.

    Args:
        card: As it stands there.
        anew: As it should be.

    Returns:
        At most one difference a section, or a table.
    """
    if head(card).get(VERSION) == __version__:
        there, wanted = _sections(card), _sections(anew)
        found = [
            _first(title, zip_longest(there.get(title, ()), wanted.get(title, ())))
            for title in dict.fromkeys((*wanted, *there))
        ]
    else:
        old, new = _tables(card), _tables(anew)
        found = [
            _first(title, ((rows[row], new[title][row]) for row in new[title] if row in rows))
            for title, rows in old.items()
            if title in new
        ]
    return [difference for difference in found if difference]


def _first(section: str, lines: Iterable[tuple[str | None, str | None]]) -> Difference | None:
    return next((Difference(section, a, b) for a, b in lines if a != b), None)


def head(card: str) -> Mapping[str, Any]:
    """The YAML of a card; empty if it has none that can be read."""
    import yaml

    match = _HEAD.match(card)
    try:
        found = yaml.safe_load(match[1]) if match else {}
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def _sections(card: str) -> dict[str, list[str]]:
    """Heading of the second level → lines below it that are not empty.

    The head is put into one order: it means the same in any.
    """
    import yaml

    title = START
    found = {HEAD: yaml.safe_dump(head(card), allow_unicode=True).splitlines(), START: []}
    for line in _HEAD.sub("", card, count=1).splitlines():
        if line.startswith("## "):
            title = f'"{line[3:]}"'
        if line.strip():
            found.setdefault(title, []).append(line)
    return found


def _tables(card: str) -> dict[str, _Rows]:
    """Headings of a table → its rows; tables of words alone have none.

    Columns of numbers are those that stand right.
    """
    found: dict[str, _Rows] = {}
    lines = card.splitlines()
    for number, line in enumerate(lines):
        if not re.fullmatch(r"\|( -+:? \|)+", line) or "-:" not in line or not number:
            continue
        words = [not cell.endswith(": ") for cell in line.split("|")[1:-1]]
        rows = found.setdefault(f"the table {lines[number - 1]!r}", {})
        for row in lines[number + 1 :]:
            if not row.startswith("|"):
                break
            cells = re.split(r"(?<!\\)\|", row)[1:-1]
            label = tuple(cell for cell, word in zip(cells, words, strict=False) if word)
            while label in rows:
                label += ("again",)
            rows[label] = row
    return found
