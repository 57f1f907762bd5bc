"""Where a command draws a figure to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from equime_hub.reports.figures import SUFFIXES


class FigurePath(click.Path):
    """A file that a figure can be written to; others are refused before any work is done."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, if its suffix is one of a figure."""
        path: Any = super().convert(value, param, ctx)
        if path.suffix not in SUFFIXES:
            self.fail(f"{path.name!r} does not end in {', '.join(SUFFIXES)}.", param, ctx)
        return path


FIGURE = FigurePath()
