"""Where a command draws a figure to; apart from `options`, since it imports NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from equime_hub.commands.options import Told, ending
from equime_hub.reports.figures import SUFFIXES

Figure = Annotated[Path, Told(**ending(SUFFIXES))]
