"""Clips as a table and back: one row a clip, every column typed, every row under its hash.

All is done by columns, so that a plan of 200,000 people takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equime_hub import seeds
from equime_hub.schema.records import ClipSpec, Face, Landmarks
from equime_hub.schema.taxonomy import ACTION_UNITS

Rows = npt.NDArray[np.int64]

_TYPES: dict[str, pa.DataType] = {
    "str": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "tuple[float, ...]": pa.list_(pa.float64(), len(ACTION_UNITS)),
    "Landmarks": pa.list_(pa.float64(), 22),
}


def _fields(cls: type) -> list[pa.Field]:
    kinds = {field.name: str(field.type) for field in fields(cls)}
    return [
        pa.field(name, _TYPES[kind.removesuffix(" | None")], kind.endswith(" | None"))
        for name, kind in kinds.items()
        if kind != "Face"
    ]


_NAMES, _HASHED = _fields(ClipSpec)[:2], _fields(ClipSpec)[2:]
_FACE = pa.schema(_fields(Face))
SCHEMA = pa.schema(sorted([*_NAMES, *_FACE, *_HASHED], key=lambda field: field.name == "landmarks"))
"""Every field of `ClipSpec` and of its face; `landmarks` holds the numbers of `Landmarks.flat`."""


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces of some rows.

    Attributes:
        different: Every field of each face.
        place: For each row, which of them.
    """

    different: pa.Table
    place: Rows

    @classmethod
    def of(cls, faces: Sequence[Face]) -> Faces:
        """Faces of rows; those of neighbours may be the same object."""
        first = [row for row, face in enumerate(faces) if not row or face is not faces[row - 1]]
        found = [faces[row] for row in first]
        columns = {field.name: list(map(attrgetter(field.name), found)) for field in _FACE}
        columns["landmarks"] = [landmarks.flat() for landmarks in columns["landmarks"]]
        different = pa.table([_array(columns[f.name], f.type) for f in _FACE], _FACE)
        return cls(different, np.repeat(np.arange(len(first)), np.diff([*first, len(faces)])))

    @classmethod
    def read(cls, table: pa.Table) -> Faces:
        """Faces of the rows of a plan; neighbours with equal values have the same."""
        first = np.ones(len(table), dtype=bool)
        first[1:] = False
        for field in _FACE:
            values = table[field.name]
            codes = _matrix(values) if _is_vector(field) else _codes(values)[0]
            differs = codes[1:] != codes[:-1]
            first[1:] |= differs.any(axis=1) if differs.ndim == 2 else differs
        different = table.filter(pa.array(first)).select(_FACE.names).combine_chunks()
        return cls(different, np.cumsum(first) - 1)

    def take(self, rows: Rows) -> Faces:
        """The faces of some of the rows."""
        found = Faces(self.different, self.place[rows])
        found.__dict__["hashes"] = self.hashes
        return found

    @cached_property
    def hashes(self) -> list[str]:
        """Hash of all that is said of a face, for each of `different`."""
        return [seeds.digest(values) for values in _written(self.different, _FACE)]

    def values(self) -> list[Face]:
        """Each of `different`."""
        columns = {name: _list(self.different[name]) for name in _FACE.names}
        columns["landmarks"] = [Landmarks.from_flat(numbers) for numbers in columns["landmarks"]]
        rows = zip(*columns.values(), strict=True)
        return [Face(**dict(zip(columns, row, strict=True))) for row in rows]


def rows(faces: Faces, split: npt.NDArray[np.str_], columns: Mapping[str, Any]) -> pa.Table:
    """Rows of `SCHEMA`, each under its hash.

    Args:
        faces: Whose.
        split: Of every row.
        columns: Values by field of `ClipSpec`; vectors as N×17; those left out are empty.

    Raises:
        ValueError: As `check`.
    """
    size = len(split)
    made: dict[str, Any] = {
        field.name: _array(columns.get(field.name, [None] * size), field.type) for field in _HASHED
    }
    table = pa.table(made)
    check(table)
    names = _ids(faces, table)
    made |= {"clip_id": pa.array(names), "split": _array(split, pa.string())}
    made |= {name: faces.different[name].take(pa.array(faces.place)) for name in _FACE.names}
    return pa.table([made[name] for name in SCHEMA.names], SCHEMA).combine_chunks()


def typed(table: pa.Table) -> pa.Table:
    """A table that was read, as `SCHEMA` has it.

    Raises:
        KeyError: A column is missing.
        ValueError: A column is of another type, or holds what no clip can have.
    """
    table = table.select(SCHEMA.names).cast(SCHEMA).combine_chunks()
    for field in SCHEMA:
        if table[field.name].null_count and not field.nullable:
            raise ValueError(f"{field.name} is empty")
    check(table)
    return table


def check(table: pa.Table) -> None:
    """Demand of all rows what `ClipSpec` demands of one.

    Raises:
        ValueError: An AU is not in [0, 1], or times are not in order.
    """
    for name in ("au_onset", "au_apex"):
        values = _matrix(table[name])
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError(f"{name} must be 17 numbers in [0, 1]")
    names = ("onset_frame", "apex_frame", "offset_frame", "num_frames")
    onset, apex, offset, count = (table[name].to_numpy() for name in names)
    if not ((onset >= 0) & (onset < apex) & (apex < offset) & (offset < count)).all():
        raise ValueError("frames must satisfy 0 <= onset < apex < offset < num_frames")


def changed(table: pa.Table) -> list[str]:
    """The `clip_id` of every row that is not under its hash."""
    names = zip(_list(table["clip_id"]), _ids(Faces.read(table), table), strict=True)
    return [told for told, own in names if told != own]


def different(table: pa.Table, *vectors: str) -> int:
    """How many different values some vectors have together."""
    together = np.hstack([_matrix(table[name]) for name in vectors])
    return len(np.unique(together, axis=0))


def specs(table: pa.Table) -> tuple[ClipSpec, ...]:
    """Rows as clips; equal faces that follow each other are one object."""
    faces = Faces.read(table)
    values = faces.values()
    names = [field.name for field in (*_NAMES, *_HASHED)]
    clips = zip(*(_list(table[name]) for name in names), faces.place.tolist(), strict=True)
    return tuple(
        ClipSpec(face=values[place], **dict(zip(names, row, strict=True))) for *row, place in clips
    )


def _ids(faces: Faces, table: pa.Table) -> list[str]:
    """Names of clips: 16 hexadecimal digits, the hash of the face and of all else but the split."""
    pairs = zip(faces.place.tolist(), _written(table, _HASHED), strict=True)
    return [seeds.digest(faces.hashes[place], values)[:16] for place, values in pairs]


def _written(table: pa.Table, named: Iterable[pa.Field]) -> Iterator[tuple[Any, ...]]:
    """Values of each row, to be hashed: a vector by its bits, faster to write than its digits."""
    columns = [
        [row.tobytes().hex() for row in _matrix(table[field.name]).astype("<f8")]
        if _is_vector(field)
        else _list(table[field.name])
        for field in named
    ]
    return zip(*columns, strict=True)


def _is_vector(field: pa.Field) -> bool:
    return bool(pa.types.is_fixed_size_list(field.type))


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    if pa.types.is_fixed_size_list(kind):
        numbers = np.asarray(values, dtype=np.float64).reshape(-1)
        return pa.FixedSizeListArray.from_arrays(pa.array(numbers), type=kind)
    return values.cast(kind) if isinstance(values, pa.ChunkedArray) else pa.array(values, kind)


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
