"""The options that say where faces come from; shared by `plan` and `demo`."""

from __future__ import annotations

from pathlib import Path

from equime_hub.builder import faces
from equime_hub.builder.spec import FaceScan, FaceSource
from equime_hub.commands.common import counted, progress_bar, talk


def source(
    folder: Path | None,
    *,
    people: int,
    seed: int = 0,
    aligned: bool = False,
    subjects: Path | None = None,
    license: str | None = None,
) -> FaceSource:
    """A folder of photographs, or drawn faces if there is none."""
    found: FaceSource
    if folder is None:
        found = faces.SOURCES.get("drawn")(people, seed)
    else:
        found = faces.SOURCES.get("folder")(
            folder.absolute(),  # workers may run elsewhere
            aligned=aligned,
            subjects=subjects.absolute() if subjects else None,
            license=license,
        )
    return found


def scan(found: FaceSource) -> FaceScan:
    """Scan a source with a progress bar, and name every image refused."""
    with progress_bar("faces", "faces") as progress:
        scanned = found.scan(progress)
    for refused in scanned.refused:
        talk(f"  refused {refused.source_image}: {refused.reason}")
    people = len({face.subject_id for face in scanned.faces})
    found_faces = counted(len(scanned.faces), "face", "faces")
    refused_images = counted(len(scanned.refused), "image", "images")
    talk(f"{found_faces} of {counted(people, 'person', 'people')}; {refused_images} refused.")
    return scanned
