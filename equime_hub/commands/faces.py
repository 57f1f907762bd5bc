"""The options that say where faces come from; shared by `plan` and `demo`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.faces.folder import FolderFaces
from equime_hub.builder.spec import FaceScan, FaceSource
from equime_hub.commands.common import counted, progress_bar, talk
from equime_hub.errors import FaceError

PEOPLE = 24
"""Drawn faces, if no number is given."""


Function = TypeVar("Function", bound=Callable[..., Any])


def options(function: Function) -> Function:
    """`--faces FOLDER` and `--people N`."""
    people = click.option(
        "--people",
        type=click.IntRange(min=1),
        show_default=str(PEOPLE),
        help="Number of drawn faces.",
    )
    folder = click.option(
        "--faces",
        "folder",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder of photographs; without it, faces are drawn.",
    )
    return folder(people(function))


def source(
    folder: Path | None,
    *,
    people: int | None,
    seed: int = 0,
    aligned: bool = False,
    subjects: Path | None = None,
    license: str | None = None,
) -> FaceSource:
    """A folder of photographs, or drawn faces if there is none.

    Raises:
        UsageError: Options that the source does not have.
    """
    if folder is None and (aligned or subjects or license):
        raise click.UsageError("--aligned, --subjects and --license are for --faces FOLDER.")
    if folder is not None and people is not None:
        raise click.UsageError("--people is for drawn faces; leave it or --faces out.")
    if folder is None:
        return DrawnFaces(people or PEOPLE, seed)
    return FolderFaces(
        folder.absolute(),  # workers may run elsewhere
        aligned=aligned,
        subjects=subjects.absolute() if subjects else None,
        license=license,
    )


def moved(source: FaceSource, folder: Path) -> FaceSource:
    """The same photographs in another folder.

    Raises:
        FaceError: The plan is not of photographs.
    """
    if not isinstance(source, FolderFaces):
        raise FaceError("The faces of this plan are not photographs; leave --faces out.")
    return replace(source, root=folder.absolute())


def scan(found: FaceSource) -> FaceScan:
    """Scan a source with a progress bar, and name every image refused."""
    with progress_bar("faces", "faces") as progress:
        scanned = found.scan(progress)
    for refused in scanned.refused:
        # A file may be called anything, also by what steers a terminal.
        name = "".join(c if c.isprintable() else "?" for c in refused.source_image)
        talk(f"  refused {name}: {refused.reason}")
    people = len({face.subject_id for face in scanned.faces})
    found_faces = counted(len(scanned.faces), "face", "faces")
    refused_images = counted(len(scanned.refused), "image", "images")
    talk(f"{found_faces} of {counted(people, 'person', 'people')}; {refused_images} refused.")
    return scanned
