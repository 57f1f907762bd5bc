"""`equime attributes`: age, gender and race of every person in an index of faces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from shlex import quote
from typing import Any

from equime_hub.builder.faces import index
from equime_hub.builder.measure.attributes import ATTRIBUTES, BATCH_SIZE, Crop, measure
from equime_hub.builder.spec import FaceSource, Image
from equime_hub.commands.build.faces import moved, name_refused
from equime_hub.commands.common import counted, progress_bar, report
from equime_hub.commands.options import Count, Folder, OneOf, OutFile, command
from equime_hub.schema.records import Face
from equime_hub.schema.taxonomy import AGE_GROUPS, GENDERS, RACES

_COLUMNS = {"gender": GENDERS, "age_group": AGE_GROUPS, "race": RACES}


@command(
    "Estimate age, gender and race of the people in an index.",
    estimator={"type": OneOf(ATTRIBUTES.names)},
    folder={"called": "faces"},
)
def attributes(
    faces: OutFile,
    *,
    out: OutFile | None = None,
    estimator: str = "deepface",
    download: bool = False,
    batch_size: Count = BATCH_SIZE,
    folder: Folder | None = None,
) -> None:
    """Estimate age, gender and race of every person in FACES, an index from `equime faces`.

    Each person is estimated once, on their first image that can be used. What the images'
    source declares is kept in the declared_ columns; who cannot be estimated is left unknown.
    Stop it at any time: the finished estimates are kept beside the index, in *.attributes.jsonl,
    and the same command goes on from there.

    Options:
        out: The index with what was estimated. [default: FACES itself]
        estimator: What estimates.
        download: Let it fetch weights that are missing: 1.6 GB, compared with no checksum.
        batch_size: Faces at a time.
        folder: Where the photographs of the index lie now, if they were moved.

    Examples:
        equime attributes faces.parquet --out faces.parquet
        equime attributes faces.parquet --json > demographics.json
    """
    out = out or faces
    source, listed = index.read(faces)
    if folder:
        source = moved(source, folder)
    chosen = ATTRIBUTES.get(estimator)(download=download)
    memory = out.with_suffix(".attributes.jsonl")
    with progress_bar("people", "people") as progress:
        measured = measure(
            listed, _cropper(source), chosen, memory, batch_size=batch_size, progress=progress
        )
    name_refused(measured.refused)
    index.write(out, source, measured.faces)
    summary = {"index": out, "tool": chosen.tool, "made": measured.made, **_counts(measured.faces)}
    refused = [asdict(refused) for refused in measured.refused]
    report(
        {**summary, "refused": refused},
        _lines(summary),
        f"Next: equime plan --faces {quote(str(out))}",
    )


def _cropper(source: FaceSource) -> Crop:
    from equime_hub.builder.faces.align import align

    def crop(face: Face, size: int) -> Image:
        return align(source.pixels(face), face.landmarks, size, size)[0]

    return crop


def _counts(faces: Sequence[Face]) -> dict[str, Any]:
    """People by attribute, and how many of those whose gender is declared agree with it."""
    # Everybody counts once, by their first image: of equal keys the last is kept.
    people = list({face.subject_id: face for face in reversed(faces)}.values())
    both = [face for face in people if face.gender and face.declared_gender]
    counts: dict[str, Any] = {"people": len(people)}
    for column, classes in _COLUMNS.items():
        found = Counter(getattr(face, column) for face in people)
        counts[column] = {name: found[name] for name in classes} | {"unknown": found[None]}
    agree = sum(face.gender == face.declared_gender for face in both)
    return counts | {"declared_gender": {"people": len(both), "agree": agree}}


def _lines(summary: dict[str, Any]) -> Iterator[str]:
    people = summary["people"]
    yield (
        f"{summary['index']}: {counted(people, 'person', 'people')} by {summary['tool']} "
        f"({summary['made']} estimated now)"
    )
    for column in _COLUMNS:
        for name, number in summary[column].items():
            if number:
                label = column.replace("_", " ")
                yield f"  {label:<10} {name:<16} {number:>7}  {number / people:6.1%}"
    if (both := summary["declared_gender"])["people"]:
        yield (
            f"Of {counted(both['people'], 'person', 'people')} whose gender is declared, "
            f"{both['agree']} are estimated to have it."
        )
