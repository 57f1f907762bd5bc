"""What the commands that score predictions share: intervals, and where their tables go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import click

from equime_hub.commands.common import report, talk
from equime_hub.commands.options import OutFile, options_of
from equime_hub.files import write_text
from equime_hub.metrics.report import NAMES
from equime_hub.tables import Table, in_latex, in_markdown

Score = Annotated[str, click.Choice(NAMES)]


@dataclass(frozen=True)
class Resampling:
    """How people are drawn for intervals.

    Attributes:
        interval: Coverage of the bootstrap intervals over people; 0 for none.
        draws: Bootstrap draws.
        seed: Seed of the draws.
    """

    interval: float = 0.95
    draws: int = field(default=1000, metadata={"min": 1})
    seed: int = field(default=0, metadata={"min": 0})

    def plain(self) -> dict[str, Any]:
        """The keyword arguments of the library, for which None is no interval."""
        return {"level": self.interval or None, "draws": self.draws, "seed": self.seed}


Resampled = Annotated[
    Resampling,
    options_of(Resampling, interval={"type": click.FloatRange(0, 1, max_open=True)}),
]


@dataclass(frozen=True)
class Output:
    """Where tables go.

    Attributes:
        markdown: Write the tables as Markdown.
        latex: Write the tables for LaTeX with booktabs.
    """

    markdown: OutFile | None = None
    latex: OutFile | None = None

    def show(self, tables: Sequence[Table], plain: dict[str, Any]) -> list[Path]:
        """Print the tables, or in their place `plain` as JSON, and write the files; these."""
        text = in_markdown(tables)
        report(plain, text)
        if self.markdown:
            write_text(self.markdown, text + "\n")
        if self.latex:
            write_text(self.latex, in_latex(tables) + "\n")
        return [file for file in (self.markdown, self.latex) if file]


Tables = Annotated[Output, options_of(Output)]


def talk_of(files: Iterable[Path | None]) -> None:
    """Name the files that were written."""
    for file in files:
        if file:
            talk(f"Written: {file}")


LEAKY = "This result is leaky: the test chose what is reported on it."
