"""What the tests of single datasets ask: the clips by name, the rows, the remarks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from equime_hub.loading_script.real import REAL, notes, pixels
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import listed
from equime_hub.loading_script.real.tables import Annotation, Names, TableRow
from equime_hub.schema.imports import Problem


def clips(name: str, root: Path, **options: Any) -> dict[str, RealClip]:
    """Clips by name, in order; parts have to be asked for one by one."""
    return {clip.name: clip for clip in listed(REAL.get(name)(), root, Options(**options))}


def remarks(name: str, root: Path, **options: Any) -> str:
    """All that is said while the clips are listed."""
    with notes.collected() as said:
        listed(REAL.get(name)(), root, Options(**options))
    return "\n".join(said)


def row(root: Path, clip: RealClip) -> dict[str, Any]:
    """The row that an import writes."""
    values = pixels.read(root, clip).row
    assert values is not None
    return values


def problems(root: Path, clip: RealClip) -> tuple[Problem, ...]:
    """What an import lists of the clip."""
    return pixels.read(root, clip).problems


def times(clip: RealClip) -> tuple[int | None, int | None, int | None, str | None]:
    """Onset, apex and offset among the clip's frames, and where the apex is from."""
    return clip.onset, clip.apex, clip.offset, clip.apex_source


def table(path: Path, columns: Mapping[str, Names], **how: Any) -> list[TableRow]:
    """Rows of one annotation file; where its header is, is not compared."""
    return Annotation((), columns, **{"header_row": None} | how).read(path)
