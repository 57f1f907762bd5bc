"""What the commands that score predictions share: options, and tables as text."""

from __future__ import annotations

from pathlib import Path

import click

from equime_hub.commands.common import Function

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
