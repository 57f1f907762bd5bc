"""`equime faces`: who is there to plan for; and the options that say where faces come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from shlex import quote
from typing import Any, TypeVar

import click

from equime_hub.builder.faces import index
from equime_hub.builder.faces.celebahq import CelebAHQFaces, Selection
from equime_hub.builder.faces.celebamask import ATTRIBUTES, LICENSE, is_tree
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.faces.folder import FolderFaces
from equime_hub.builder.faces.gates import MAX_YAW, MIN_SHARPNESS
from equime_hub.builder.spec import FaceScan, FaceSource
from equime_hub.commands.common import counted, json_option, progress_bar, report, talk
from equime_hub.errors import FaceError
from equime_hub.schema.records import Face

PEOPLE = 24
"""Drawn faces, if no number is given."""
KINDS = ("folder", "celebahq")


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
        type=click.Path(exists=True, path_type=Path),
        help="Folder of photographs, or an index that `equime faces` made; without it, faces are "
        "drawn.",
    )
    return folder(people(function))


def load(
    folder: Path | None,
    *,
    people: int | None,
    seed: int = 0,
    aligned: bool = False,
    subjects: Path | None = None,
    license: str | None = None,
) -> tuple[FaceSource, tuple[Face, ...]]:
    """A source and its faces: read from an index, or else scanned.

    Raises:
        UsageError: Options that the source does not have.
        FaceError: A file that is no index, or no usable face.
    """
    if folder is None or folder.is_dir():
        found = source(
            folder, people=people, seed=seed, aligned=aligned, subjects=subjects, license=license
        )
        return found, scan(found).faces
    if people is not None or aligned or subjects or license:
        raise click.UsageError(
            f"{folder} is an index; --people, --aligned, --subjects and --license are not for it."
        )
    return index.read(folder)


def source(
    folder: Path | None,
    *,
    people: int | None,
    kind: str | None = None,
    seed: int = 0,
    aligned: bool = False,
    subjects: Path | None = None,
    license: str | None = None,
) -> FaceSource:
    """A folder of photographs or CelebAMask-HQ's, or drawn faces if there is none.

    A folder is taken for CelebAMask-HQ's by its attribute file, unless `kind` says what it is.

    Raises:
        UsageError: Options that the source does not have.
    """
    if folder is None and (aligned or subjects or license):
        raise click.UsageError("--aligned, --subjects and --license are for --faces FOLDER.")
    if folder is not None and people is not None:
        raise click.UsageError("--people is for drawn faces; leave it or --faces out.")
    if folder is None:
        return DrawnFaces(people or PEOPLE, seed)
    root = folder.absolute()  # workers may run elsewhere
    if kind is None and not (aligned or subjects) and is_tree(root):
        talk(f"{folder} holds {ATTRIBUTES}, so it is read with --source celebahq.")
        kind = "celebahq"
    if kind == "celebahq":
        if aligned or subjects:
            raise click.UsageError(
                "--aligned and --subjects are for --source folder; CelebA-HQ is aligned, and "
                "--identities says who is who."
            )
        return CelebAHQFaces(root, license=license or LICENSE)
    return FolderFaces(
        root,
        aligned=aligned,
        subjects=subjects.absolute() if subjects else None,
        license=license,
    )


def moved(source: FaceSource, folder: Path) -> FaceSource:
    """The same photographs in another folder.

    Raises:
        FaceError: The plan is not of photographs.
    """
    if not isinstance(source, FolderFaces | CelebAHQFaces):
        raise FaceError("The faces of this plan are not photographs; leave --faces out.")
    return replace(source, root=folder.absolute())


def scan(found: FaceSource, say: Callable[[str], None] = talk) -> FaceScan:
    """Scan a source with a progress bar, name every image refused, and say what is left."""
    with progress_bar("faces", "faces") as progress:
        scanned = found.scan(progress)
    for refused in scanned.refused:
        # A file may be called anything, also by what steers a terminal.
        name = "".join(c if c.isprintable() else "?" for c in refused.source_image)
        talk(f"  refused {name}: {refused.reason}")
    if isinstance(scanned, Selection):
        for stage in scanned.stages:
            say(str(stage))
    people = len({face.subject_id for face in scanned.faces})
    found_faces = counted(len(scanned.faces), "face", "faces")
    refused_images = counted(len(scanned.refused), "image", "images")
    say(f"{found_faces} of {counted(people, 'person', 'people')}; {refused_images} refused.")
    return scanned


@click.command(
    short_help="List the people in a folder of portraits.",
    epilog="""\b
Examples:
  equime faces photos/ --out faces.parquet
  equime faces CelebAMask-HQ/ --source celebahq --where "Smiling=-1 and Blurry=-1" --dry-run
  equime plan --faces faces.parquet""",
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--source", "kind", type=click.Choice(KINDS), show_default="what the folder looks like",
    help="Any images, or the folder of CelebAMask-HQ.",
)  # fmt: skip
@click.option("--aligned", is_flag=True, help="folder: images are CelebA-HQ crops.")
@click.option(
    "--subjects",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="folder: CSV with columns file, subject_id and optionally gender, age, race, license.",
)
@click.option("--license", help="Licence of the images.")
@click.option("--where", help='celebahq: condition on attributes, as in "Smiling=-1".')
@click.option(
    "--per-person", type=click.IntRange(min=1), show_default="1",
    help="celebahq: images kept of each person, the sharpest.",
)  # fmt: skip
@click.option(
    "--min-sharpness", type=click.FloatRange(min=0), show_default=f"{MIN_SHARPNESS:g}",
    help="celebahq: least variance of the Laplacian over the face at 256 pixels; 0 is off.",
)  # fmt: skip
@click.option(
    "--max-yaw", type=click.FloatRange(0, 180),
    show_default=f"{MAX_YAW:g}, with the pose annotations",
    help="celebahq: degrees a head may be turned to the side; 180 is off.",
)  # fmt: skip
@click.option(
    "--identities",
    type=click.Path(exists=True, dir_okay=False, path_type=Path, resolve_path=True),
    help="celebahq: CelebA's identity_CelebA.txt, if it is not in the folder.",
)
@click.option(
    "--subjects-are-images", is_flag=True,
    help="celebahq: do without identities; every image counts as a person, and the rows say so.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("faces.parquet"),
    show_default=True, help="The index.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only count; write nothing.")
@json_option
def faces(
    folder: Path,
    kind: str | None,
    aligned: bool,
    subjects: Path | None,
    license: str | None,
    where: str | None,
    per_person: int | None,
    min_sharpness: float | None,
    max_yaw: float | None,
    identities: Path | None,
    subjects_are_images: bool,
    out: Path,
    dry_run: bool,
    as_json: bool,
) -> None:
    """List whose faces a FOLDER holds: one row a face, in a Parquet file.

    Counts are printed before anything is written. `equime plan --faces` reads the file, and so
    does any table tool.
    """
    found = source(
        folder, people=None, kind=kind, aligned=aligned, subjects=subjects, license=license
    )
    selection: dict[str, Any] = {
        "where": where,
        "per_person": per_person,
        "min_sharpness": min_sharpness,
        "max_yaw": max_yaw,
        "identities": identities,
        "subjects_are_images": subjects_are_images or None,
    }
    chosen = {name: value for name, value in selection.items() if value is not None}
    if isinstance(found, CelebAHQFaces):
        found = replace(found, **chosen)
    elif chosen:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in chosen)
        raise click.UsageError(f"{names}: only with --source celebahq.")
    if not dry_run:
        _check_out(out)
    scanned = scan(found, talk if as_json else click.echo)
    if not dry_run:
        index.write(out, found, scanned.faces)
    if as_json:
        stages = scanned.stages if isinstance(scanned, Selection) else ()
        report(
            {
                "index": None if dry_run else out,
                "faces": len(scanned.faces),
                "people": len({face.subject_id for face in scanned.faces}),
                "refused": [asdict(refused) for refused in scanned.refused],
                "stages": [asdict(stage) for stage in stages],
            }
        )
    elif not dry_run:
        click.echo(f"Written to {out}.")
        talk(f"Next: equime plan --faces {quote(str(out))}")


def _check_out(out: Path) -> None:
    """Refuse to lose a file that is no index, or estimates that took hours."""
    if not out.exists():
        return
    try:
        _, old = index.read(out)
    except FaceError as error:
        raise FaceError(
            f"{out} would be lost, and is no index that this version reads; choose another --out, "
            "or delete it."
        ) from error
    if any({face.gender_score, face.age_score, face.race_score} != {None} for face in old):
        raise FaceError(
            f"{out} holds estimated attributes, which would be lost; choose another --out, or "
            "delete it."
        )
