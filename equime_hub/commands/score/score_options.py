"""What the commands that score predictions share: options, and tables as text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from equime_hub.commands.common import Function

if TYPE_CHECKING:
    from equime_hub.reports.words import Table

SCORES = ("uf1", "uar", "accuracy", "weighted_f1", "macro_f1")
"""Those of `equime_hub.metrics.report`, which is not imported for a help text."""

OUT = click.Path(dir_okay=False, path_type=Path)
"""A file to write."""


def bootstrap_options(function: Function) -> Function:
    """`--interval`, `--draws` and `--seed`."""
    for option in (
        click.option(
            "--seed",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Seed of the draws.",
        ),
        click.option(
            "--draws",
            type=click.IntRange(min=1),
            default=1000,
            show_default=True,
            help="Bootstrap draws.",
        ),
        click.option(
            "--interval",
            type=click.FloatRange(0, 1, max_open=True),
            default=0.95,
            show_default=True,
            help="Coverage of the bootstrap intervals over people; 0 for none.",
        ),
    ):
        function = option(function)
    return function


def text_options(function: Function) -> Function:
    """`--markdown` and `--latex`."""
    latex = click.option("--latex", type=OUT, help="Write the tables for LaTeX with booktabs.")
    return click.option("--markdown", type=OUT, help="Write the tables as Markdown.")(
        latex(function)
    )


def in_markdown(tables: Iterable[Table]) -> str:
    """Tables with their notes, for stdout and a Markdown file."""
    from equime_hub.reports.tables import markdown

    parts = []
    for table in tables:
        parts += [f"## {table.title}", markdown(table.header, table.rows)]
        parts += ["\n".join(f"- {note}" for note in table.notes)] if table.notes else []
    return "\n\n".join(parts)


def in_latex(tables: Iterable[Table]) -> str:
    """The same for a paper."""
    from equime_hub.reports.latex import booktabs

    return "\n\n".join(
        booktabs(table.header, table.rows, caption=table.title, notes=table.notes)
        for table in tables
    )
