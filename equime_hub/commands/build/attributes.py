"""`equime attributes`: age, gender and race of every person in an index of faces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any

import click

from equime_hub.builder.faces import index
from equime_hub.builder.measure.attributes import ATTRIBUTES, BATCH_SIZE, Crop, measure
from equime_hub.builder.spec import FaceSource, Image
from equime_hub.commands.build.faces import moved, name_refused
from equime_hub.commands.common import counted, json_option, progress_bar, report, talk
from equime_hub.commands.options import FOLDER, OUT_FILE, POSITIVE, OneOf
from equime_hub.schema.records import Face
from equime_hub.schema.taxonomy import AGE_GROUPS, GENDERS, RACES

_COLUMNS = {"gender": GENDERS, "age_group": AGE_GROUPS, "race": RACES}


@click.command(
    short_help="Estimate age, gender and race of the people in an index.",
    epilog="""\b
Examples:
  equime attributes faces.parquet --out faces.parquet
  equime attributes faces.parquet --json > demographics.json""",
)
@click.argument("faces", type=OUT_FILE)
@click.option(
    "--out", type=OUT_FILE, show_default="FACES itself", help="The index with what was estimated."
)
@click.option(
    "--estimator", type=OneOf(ATTRIBUTES.names), default="deepface", help="What estimates."
)
@click.option(
    "--download", is_flag=True,
    help="Let it fetch weights that are missing: 1.6 GB, compared with no checksum.",
)  # fmt: skip
@click.option("--batch-size", type=POSITIVE, default=BATCH_SIZE, help="Faces at a time.")
@click.option(
    "--faces", "folder", type=FOLDER,
    help="Where the photographs of the index lie now, if they were moved.",
)  # fmt: skip
@json_option
def attributes(
    faces: Path,
    out: Path | None,
    estimator: str,
    download: bool,
    batch_size: int,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Estimate age, gender and race of every person in FACES, an index from `equime faces`.

    Each person is estimated once, on their first image that can be used. What the images'
    source declares is kept in the declared_ columns; who cannot be estimated is left unknown.
    Stop it at any time: the finished estimates are kept beside the index, in *.attributes.jsonl,
    and the same command goes on from there.
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
    if as_json:
        report({**summary, "refused": [asdict(refused) for refused in measured.refused]})
    else:
        _tell(summary)
        talk(f"Next: equime plan --faces {quote(str(out))}")


def _cropper(source: FaceSource) -> Crop:
    from equime_hub.builder.faces.align import align

    def crop(face: Face, size: int) -> Image:
        return align(source.pixels(face), face.landmarks, size, size)[0]

    return crop


def _counts(faces: Sequence[Face]) -> dict[str, Any]:
    """People by attribute, and how many of those whose gender is declared agree with it."""
    people = list({face.subject_id: face for face in reversed(faces)}.values())
    both = [face for face in people if face.gender and face.declared_gender]
    counts: dict[str, Any] = {"people": len(people)}
    for column, classes in _COLUMNS.items():
        found = Counter(getattr(face, column) for face in people)
        counts[column] = {name: found[name] for name in classes} | {"unknown": found[None]}
    agree = sum(face.gender == face.declared_gender for face in both)
    return counts | {"declared_gender": {"people": len(both), "agree": agree}}


def _tell(summary: dict[str, Any]) -> None:
    people = summary["people"]
    click.echo(
        f"{summary['index']}: {counted(people, 'person', 'people')} by {summary['tool']} "
        f"({summary['made']} estimated now)"
    )
    for column in _COLUMNS:
        for name, number in summary[column].items():
            if number:
                label = column.replace("_", " ")
                click.echo(f"  {label:<10} {name:<16} {number:>7}  {number / people:6.1%}")
    if (both := summary["declared_gender"])["people"]:
        click.echo(
            f"Of {counted(both['people'], 'person', 'people')} whose gender is declared, "
            f"{both['agree']} are estimated to have it."
        )
