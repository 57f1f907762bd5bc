"""An index of faces: one Parquet file, one row a face, readable with any table tool.

It stands between the steps: `equime faces` writes it, other steps fill its columns, `equime plan`
reads it. Its footer holds the source, so that the pixels can be found.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from math import isfinite
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub.builder.faces import SOURCES
from equime_hub.builder.spec import FaceSource
from equime_hub.errors import EquimeError, FaceError
from equime_hub.files import written
from equime_hub.schema.features import SCHEMA_VERSION
from equime_hub.schema.records import Face, Landmarks
from equime_hub.schema.taxonomy import AGE_GROUPS, GENDERS, RACES

_FOOTER = b"equime.faces"
_CLASSES = {
    "gender": GENDERS,
    "declared_gender": GENDERS,
    "age_group": AGE_GROUPS,
    "race": RACES,
    "declared_race": RACES,
}


def _column(name: str, kind: str) -> pa.Field:
    if name == "landmarks":
        return pa.field(name, pa.list_(pa.float64()), nullable=False)
    value = pa.float64() if "float" in kind else pa.string()
    return pa.field(name, value, nullable="None" in kind)


SCHEMA = pa.schema([_column(field.name, str(field.type)) for field in fields(Face)])
"""A column for each field of `Face`; `landmarks` holds the 22 numbers of `Landmarks.flat`."""


def write(path: Path, source: FaceSource, faces: Sequence[Face]) -> None:
    """Write faces and where they are from, whole or not at all.

    Raises:
        FaceError: No faces.
    """
    if not faces:
        raise FaceError(f"There is no face to write to {path}.")
    rows = [{**vars(face), "landmarks": list(face.landmarks.flat())} for face in faces]
    footer = {"faces": SOURCES.describe(source), "schema_version": SCHEMA_VERSION}
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    table = table.replace_schema_metadata({_FOOTER: json.dumps(footer).encode()})
    with written(path) as temporary:
        pq.write_table(table, temporary)


def read(path: Path) -> tuple[FaceSource, tuple[Face, ...]]:
    """Read what `write` wrote, or what another tool made of it without touching the footer.

    Raises:
        FaceError: The file is missing, no index, of another schema, or holds what no face has.
    """
    if not path.is_file():
        raise FaceError(f"There is no index of faces at {path}. Make one with: equime faces")
    try:
        table = pq.read_table(path)
        footer = json.loads((table.schema.metadata or {})[_FOOTER])
        version, described = footer["schema_version"], footer["faces"]
    except (pa.ArrowException, KeyError, TypeError, ValueError, OSError) as error:
        raise FaceError(f"{path} is no index written by `equime faces` ({error}).") from error
    if version != SCHEMA_VERSION:
        raise FaceError(
            f"{path} was made for schema {version}, this version reads {SCHEMA_VERSION}. Make it "
            "anew with `equime faces`."
        )
    if sorted(table.column_names) != sorted(SCHEMA.names):
        raise FaceError(
            f"{path} has the columns {', '.join(table.column_names)}; expected "
            f"{', '.join(SCHEMA.names)}."
        )
    try:
        source: FaceSource = SOURCES.restore(described)
        rows = table.select(SCHEMA.names).cast(SCHEMA).to_pylist()
    except (EquimeError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise FaceError(f"{path} was changed by hand, or is damaged ({error}).") from error
    _check(path, rows)
    for row in rows:
        row["landmarks"] = Landmarks.from_flat(tuple(row["landmarks"]))
    return source, tuple(Face(**row) for row in rows)


def _check(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        raise FaceError(f"{path} holds no face; make it anew with `equime faces`.")
    seen: set[str] = set()
    for number, row in enumerate(rows, 1):
        where = f"{path}, row {number}"
        for field in SCHEMA:
            if not field.nullable and not row[field.name]:
                raise FaceError(f"{where}: {field.name} is empty.")
        for name, classes in _CLASSES.items():
            if row[name] is not None and row[name] not in classes:
                raise FaceError(
                    f"{where}: {name} is {row[name]!r}; expected one of {', '.join(classes)}, or "
                    "null."
                )
        for name, value in row.items():
            if isinstance(value, float) and not isfinite(value):
                raise FaceError(f"{where}: {name} is {value}; expected a number, or null.")
        numbers = row["landmarks"]
        if len(numbers) != 22 or not all(n is not None and isfinite(n) for n in numbers):
            raise FaceError(f"{where}: landmarks must be 22 finite numbers, got {numbers}.")
        if row["source_image"] in seen:
            raise FaceError(f"{where}: {row['source_image']} is there twice; keep one row.")
        seen.add(row["source_image"])
