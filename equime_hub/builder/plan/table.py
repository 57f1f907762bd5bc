"""Clips as a table and back: one row a clip, every column typed, every row under its hash."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa

from equime_hub import seeds
from equime_hub.schema.records import ClipSpec, Face, Landmarks
from equime_hub.schema.taxonomy import ACTION_UNITS


def _numbers(values: Sequence[float]) -> list[float]:
    return list(map(float, values))


_TYPES: dict[str, tuple[pa.DataType, Callable[[Any], Any]]] = {
    "str": (pa.string(), str),
    "int": (pa.int64(), int),
    "float": (pa.float64(), float),
    "tuple[float, ...]": (pa.list_(pa.float64(), len(ACTION_UNITS)), _numbers),
    "Landmarks": (pa.list_(pa.float64(), 22), _numbers),
}


@dataclass(frozen=True)
class _Column:
    """A field as a column; `plain` makes of 1 the 1.0 that the table gives back."""

    name: str
    dtype: pa.DataType
    plain: Callable[[Any], Any]
    nullable: bool


def _columns(cls: type) -> list[_Column]:
    kinds = {field.name: str(field.type) for field in fields(cls)}
    return [
        _Column(name, *_TYPES[kind.removesuffix(" | None")], kind.endswith(" | None"))
        for name, kind in kinds.items()
        if kind != "Face"
    ]


_FACE, _CLIP = _columns(Face), _columns(ClipSpec)
_HASHED = [column for column in _CLIP if column.name not in ("clip_id", "split")]
SCHEMA = pa.schema(
    pa.field(column.name, column.dtype, column.nullable)
    for column in sorted([*_CLIP[:2], *_FACE, *_HASHED], key=lambda c: c.name == "landmarks")
)
"""Every field of `ClipSpec` and of its face; `landmarks` holds the numbers of `Landmarks.flat`."""


def face_hash(face: Face) -> str:
    """Hash of all that is said of a face, for `clip_id`."""
    values = {column.name: getattr(face, column.name) for column in _FACE}
    return seeds.digest(_plain(_FACE, {**values, "landmarks": face.landmarks.flat()}))


def clip_id(face: str, values: Mapping[str, Any]) -> str:
    """Name of a clip: 16 hexadecimal digits.

    Args:
        face: The face's `face_hash`.
        values: Fields of `ClipSpec` but `clip_id`, `split` and `face`.
    """
    return seeds.digest(face, _plain(_HASHED, values))[:16]


def to_table(specs: Sequence[ClipSpec]) -> pa.Table:
    """Clips as rows of `SCHEMA`."""
    faces = {id(spec.face): spec.face for spec in specs}  # by identity: hashing them is slower
    flat = {key: face.landmarks.flat() for key, face in faces.items()}
    columns = {column.name: [getattr(spec, column.name) for spec in specs] for column in _CLIP}
    for column in _FACE:
        columns[column.name] = [getattr(spec.face, column.name) for spec in specs]
    columns["landmarks"] = [flat[id(spec.face)] for spec in specs]
    return pa.table([_array(columns[column.name], column.type) for column in SCHEMA], SCHEMA)


def from_table(table: pa.Table) -> tuple[tuple[ClipSpec, ...], list[str]]:
    """Clips of a table, and the `clip_id` of every row that is not under its hash.

    Raises:
        KeyError: A column is missing.
        ValueError: A column is of another type, or holds what no clip can have.
    """
    table = table.select(SCHEMA.names).cast(SCHEMA).combine_chunks()
    for column in SCHEMA:
        if table[column.name].null_count and not column.nullable:
            raise ValueError(f"{column.name} is empty")
    faces, places = _faces(table)
    hashes = [face_hash(face) for face in faces]
    names = [column.name for column in _HASHED]
    rows = zip(*(_list(table[name]) for name in names), strict=True)
    specs, changed = [], []
    for own, split, place, row in zip(
        _list(table["clip_id"]), _list(table["split"]), places, rows, strict=True
    ):
        values = dict(zip(names, row, strict=True))
        specs.append(ClipSpec(clip_id=own, split=split, face=faces[place], **values))
        if own != clip_id(hashes[place], values):
            changed.append(own)
    return tuple(specs), changed


def _faces(table: pa.Table) -> tuple[list[Face], list[int]]:
    """The face of each run of rows that have the same, and the run of every row."""
    first = np.ones(len(table), dtype=bool)
    first[1:] = False
    for column in _FACE:
        values = table[column.name]
        codes = _codes(values)[0] if column.name != "landmarks" else _matrix(values)
        differs = codes[1:] != codes[:-1]
        first[1:] |= differs.any(axis=1) if differs.ndim == 2 else differs
    rows = table.filter(pa.array(first))
    columns = {column.name: _list(rows[column.name]) for column in _FACE}
    columns["landmarks"] = [Landmarks.from_flat(numbers) for numbers in columns["landmarks"]]
    people = zip(*columns.values(), strict=True)
    faces = [Face(**dict(zip(columns, values, strict=True))) for values in people]
    return faces, (np.cumsum(first) - 1).tolist()


def _plain(columns: Sequence[_Column], values: Mapping[str, Any]) -> list[Any]:
    return [
        None if (value := values[column.name]) is None else column.plain(value)
        for column in columns
    ]


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_fixed_size_list(kind):
        numbers = np.array(values, dtype=np.float64).reshape(-1)
        return pa.FixedSizeListArray.from_arrays(pa.array(numbers), type=kind)
    return pa.array(values, kind)


def _list(values: pa.ChunkedArray) -> list[Any]:
    """Values of a column; equal texts are one object, and so are equal vectors."""
    if pa.types.is_fixed_size_list(values.type):
        known: dict[tuple[float, ...], tuple[float, ...]] = {}
        return [known.setdefault(row, row) for row in map(tuple, _matrix(values).tolist())]
    if pa.types.is_string(values.type):
        codes, words = _codes(values)
        return [words[code] for code in codes.tolist()]
    numbers: list[Any] = values.to_pylist()
    return numbers


def _matrix(values: pa.ChunkedArray) -> Any:
    return values.combine_chunks().flatten().to_numpy().reshape(len(values), -1)


def _codes(values: pa.ChunkedArray) -> tuple[Any, list[Any]]:
    """Every value as a number, equal ones as equal numbers, and what the numbers stand for."""
    encoded = values.combine_chunks().dictionary_encode("encode")
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
