"""Datasets to publish, as small as they get."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub import checksums
from equime_hub.builder import plan as plans
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.cards import dataset_card
from equime_hub.jobs import build as builds
from equime_hub.schema.stamp import KEY
from tests.conftest import SMALL, TINY


def generation(folder: Path, people: int, seed: int) -> Path:
    """Build a dataset of drawn people, of whom none is in one with another seed."""
    source = DrawnFaces(people, seed, 128)
    plan = plans.make(source.scan().faces, source, TINY)
    builds.build(plan, folder, SMALL, card=dataset_card.write)
    return folder


def relabel(folder: Path, column: str, value: str, rows: int | None = None) -> None:
    """Give the first clips of the first label file (None: all) another value, and it its sum."""
    name = next(name for name in checksums.read(folder) if name.startswith("metadata/"))
    table = pq.read_table(folder / name)
    field, count = table.schema.field(column), len(table) if rows is None else rows
    values = pa.array([value] * count + table[column].to_pylist()[count:], field.type)
    metadata = {KEY: pq.read_metadata(folder / name).metadata[KEY.encode()]}
    table = table.set_column(table.schema.get_field_index(column), field, values)
    pq.write_table(table.replace_schema_metadata(metadata), folder / name)
    checksums.record(folder, checksums.read(folder), name)
