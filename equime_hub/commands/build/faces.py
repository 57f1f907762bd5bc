"""`equime faces`: who is there to plan for; and the options that say where faces come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import click

from equime_hub.builder.faces import index
from equime_hub.builder.faces.celebahq import CelebAHQFaces, Selection
from equime_hub.builder.faces.celebamask import ATTRIBUTES, is_tree
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.faces.folder import FolderFaces
from equime_hub.builder.faces.gates import MAX_YAW
from equime_hub.builder.spec import FaceScan, FaceSource, Refused
from equime_hub.commands.common import counted, json_wanted, progress_bar, report, talk
from equime_hub.commands.options import (
    FILE,
    POSITIVE,
    Folder,
    OptionGroup,
    OutFile,
    Told,
    changes_to,
    command,
)
from equime_hub.errors import FaceError
from equime_hub.schema.records import Face

PEOPLE = 24
"""Drawn faces, if no number is given."""


Faces = Annotated[Path, Told(
    called="faces", type=click.Path(exists=True, path_type=Path),
    help="Folder of photographs, or an index that `equime faces` made; without it, faces are "
    "drawn.",
)]  # fmt: skip
People = Annotated[int, Told(
    type=POSITIVE, help="Number of drawn faces.", show_default=str(PEOPLE)
)]  # fmt: skip
"""The options `--faces FOLDER` and `--people N`, for `load`."""


def photo_options(mark: str = "") -> OptionGroup:
    """What is known of photographs, for `source`."""
    return changes_to(
        FolderFaces, "aligned", "subjects", "license", mark=mark,
        aligned={"both_ways": False, "help": "Images are CelebA-HQ crops: skip the detector."},
        subjects={"type": FILE, "help": "CSV with columns file, subject_id and optionally gender, "
                  "age, race, license."},
        license={"mark": "", "help": "Licence of the images."},
    )  # fmt: skip


def load(
    folder: Path | None, people: int | None = None, **photos: Any
) -> tuple[FaceSource, tuple[Face, ...]]:
    """A source and its faces: read from an index, or else scanned; see `source`.

    Raises:
        UsageError: Options that the source does not have.
        FaceError: A file that is no index, or no usable face.
    """
    if folder is None or folder.is_dir():
        found = source(folder, people, **photos)
        return found, scan(found).faces
    if people is not None or photos:
        raise click.UsageError(
            f"{folder} is an index; --people, --aligned, --subjects and --license are not for it."
        )
    return index.read(folder)


def source(
    folder: Path | None, people: int | None = None, kind: str | None = None, **photos: Any
) -> FaceSource:
    """A folder of photographs or CelebAMask-HQ's, or drawn faces if there is none.

    Args:
        folder: It is taken for CelebAMask-HQ's by its attribute file, unless `kind` says what
            it is.
        people: How many to draw.
        kind: `folder` or `celebahq`.
        photos: Fields of `FolderFaces` that were said.

    Raises:
        UsageError: Options that the source does not have.
    """
    if folder is None:
        if photos:
            raise click.UsageError("--aligned, --subjects and --license are for --faces FOLDER.")
        return DrawnFaces(people or PEOPLE)
    if people is not None:
        raise click.UsageError("--people is for drawn faces; leave it or --faces out.")
    root = folder.absolute()  # workers may run elsewhere
    any_images = photos.keys() & {"aligned", "subjects"}
    if kind is None and not any_images and is_tree(root):
        talk(f"{folder} holds {ATTRIBUTES}, so it is read with --source celebahq.")
        kind = "celebahq"
    if kind != "celebahq":
        if "subjects" in photos:
            photos["subjects"] = photos["subjects"].absolute()
        return FolderFaces(root, **photos)
    if any_images:
        raise click.UsageError(
            "--aligned and --subjects are for --source folder; CelebA-HQ is aligned, and "
            "--identities says who is who."
        )
    return CelebAHQFaces(root, **photos)


def moved(source: FaceSource, folder: Path) -> FaceSource:
    """The same photographs in another folder.

    Raises:
        FaceError: The plan is not of photographs.
    """
    if not isinstance(source, FolderFaces | CelebAHQFaces):
        raise FaceError("The faces of this plan are not photographs; leave --faces out.")
    return replace(source, root=folder.absolute())


def name_refused(images: Iterable[Refused]) -> None:
    """Say which images cannot be used, and why."""
    for refused in images:
        # A file may be called anything, also by what steers a terminal.
        name = "".join(c if c.isprintable() else "?" for c in refused.source_image)
        talk(f"  refused {name}: {refused.reason}")


def scan(found: FaceSource, say: Callable[[str], None] = talk) -> FaceScan:
    """Scan a source with a progress bar, name every image refused, and say what is left."""
    with progress_bar("faces", "faces") as progress:
        scanned = found.scan(progress)
    name_refused(scanned.refused)
    if isinstance(scanned, Selection):
        for stage in scanned.stages:
            say(str(stage))
    people = len({face.subject_id for face in scanned.faces})
    found_faces = counted(len(scanned.faces), "face", "faces")
    refused_images = counted(len(scanned.refused), "image", "images")
    say(f"{found_faces} of {counted(people, 'person', 'people')}; {refused_images} refused.")
    return scanned


_SELECTION = changes_to(
    CelebAHQFaces, "where", "per_person", "min_sharpness", "max_yaw", "identities",
    "subjects_are_images", mark="celebahq",
    where={"help": 'Condition on attributes, as in "Smiling=-1".'},
    per_person={"type": POSITIVE, "show_default": True,
                "help": "images kept of each person, the sharpest."},
    min_sharpness={"type": click.FloatRange(min=0), "show_default": True,
                   "help": "least variance of the Laplacian over the face at 256 pixels; 0 is "
                   "off."},
    max_yaw={"type": click.FloatRange(0, 180),
             "show_default": f"{MAX_YAW:g}, with the pose annotations",
             "help": "degrees a head may be turned to the side; 180 is off."},
    identities={
        "type": click.Path(exists=True, dir_okay=False, path_type=Path, resolve_path=True),
        "help": "CelebA's identity_CelebA.txt, if it is not in the folder.",
    },
    subjects_are_images={"both_ways": False, "help": "do without identities; every image counts "
                         "as a person, and the rows say so."},
)  # fmt: skip


@command(
    "List the people in a folder of portraits.",
    kind={"called": "source", "type": click.Choice(["folder", "celebahq"])},
    photos=photo_options(mark="folder"),
    selection=_SELECTION,
)
def faces(
    folder: Folder,
    *,
    kind: str | None = None,
    photos: dict[str, Any],
    selection: dict[str, Any],
    out: OutFile = Path("faces.parquet"),
    dry_run: bool = False,
) -> None:
    """List whose faces a FOLDER holds: one row a face, in a Parquet file.

    Counts are printed before anything is written. `equime plan --faces` reads the file, and so
    does any table tool.

    Options:
        kind: Any images, or the folder of CelebAMask-HQ. [default: what the folder looks like]
        out: The index.
        dry_run: Only count; write nothing.

    Examples:
        equime faces photos/ --out faces.parquet
        equime faces CelebAMask-HQ/ --source celebahq --where "Smiling=-1 and Blurry=-1" --dry-run
        equime plan --faces faces.parquet
    """
    found = source(folder, kind=kind, **photos)
    if isinstance(found, CelebAHQFaces):
        found = replace(found, **selection)
    elif selection:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in selection)
        raise click.UsageError(f"{names}: only with --source celebahq.")
    if not dry_run:
        _check_out(out)
    scanned = scan(found, talk if json_wanted() else click.echo)
    if not dry_run:
        index.write(out, found, scanned.faces)
    values = {
        "index": None if dry_run else out,
        "faces": len(scanned.faces),
        "people": len({face.subject_id for face in scanned.faces}),
        "refused": [asdict(refused) for refused in scanned.refused],
        "stages": [asdict(stage) for stage in getattr(scanned, "stages", ())],
    }
    if dry_run:
        report(values)
    else:
        report(values, f"Written to {out}.", f"Next: equime plan --faces {quote(str(out))}")


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
