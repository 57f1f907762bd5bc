"""Texts of cards: sums, lists, and templates that leave out what there is nothing to say about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from equime_hub.tables import MISSING, compact

if TYPE_CHECKING:
    from equime_hub.cards.statistics import Table


def template(name: str) -> str:
    """A file in `templates`, without the blank at its end."""
    return files("equime_hub.cards").joinpath("templates", name).read_text("utf-8").strip()


def fill(name: str, values: Mapping[str, object]) -> str:
    """A template with its values.

    A paragraph is left out if one of its values is empty, or the one that `<!-- if name -->` above
    it names; so is one that ends with a colon, if what comes next is left out, and a heading, if
    nothing stands below it. Items of a list are paragraphs in the template, and stand together
    when it is filled. No paragraph of a template, code included, may have an empty line in it.

    Args:
        name: File in `templates`, without its suffix.
        values: Of all its placeholders and conditions.
    """
    kept: list[str] = []
    introduced = above_item = False
    for paragraph in reversed(re.split(r"\n{2,}", template(f"{name}.md"))):
        condition = re.match(r"<!-- if (\w+) -->\n", paragraph)
        paragraph = paragraph[condition.end() :] if condition else paragraph
        wanted = Template(paragraph)
        level, item = _level(paragraph), paragraph.startswith("- ")
        needed = [*wanted.get_identifiers(), *(condition.groups() if condition else ())]
        said = all([values[key] for key in needed])
        if said and level:
            said = bool(kept) and not 0 < _level(kept[-1]) <= level
        elif said and paragraph.endswith(":"):
            said = introduced
        if said:
            below = f"\n{kept.pop()}" if item and above_item else ""
            kept.append(wanted.substitute(values) + below)
            above_item = item
        introduced = said or (item and above_item)
    return "\n\n".join(reversed(kept)) + "\n"


def _level(paragraph: str) -> int:
    """Of a heading, from 1; 0 for any other paragraph."""
    found = re.match(r"#+(?= [^\n]*$)", paragraph)
    return len(found[0]) if found else 0


def cross_table(name: str, table: Table) -> str:
    """A table of counts with its sums; empty if there is nothing in it."""
    if not table:
        return ""
    columns = list(next(iter(table.values())))
    rows = [
        [key, *(f"{row[column]:,}" for column in columns), f"{sum(row.values()):,}"]
        for key, row in table.items()
    ]
    totals = [sum(row[column] for row in table.values()) for column in columns]
    rows.append(["**all**", *(f"**{n:,}**" for n in totals), f"**{sum(totals):,}**"])
    return compact((name, *columns, "all"), rows)


def listed(items: Iterable[str]) -> str:
    """A bullet list."""
    return "\n".join(f"- {item}" for item in items)


def share(part: int, whole: int) -> str:
    """A percentage with one decimal.

    >>> share(748, 1000), share(0, 0)
    ('74.8 %', '–')
    """
    return f"{100 * part / whole:.1f} %" if whole else MISSING


def joined(items: Sequence[str], last: str = "and") -> str:
    """Words as a sentence lists them.

    >>> joined(["a"]), joined(["a", "b", "c"], "or")
    ('a', 'a, b or c')
    """
    return f" {last} ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))
