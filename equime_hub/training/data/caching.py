"""Making a cache: pieces of clips, each by one process, each written whole or not at all."""

from __future__ import annotations

import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub.errors import DatasetError, VideoError
from equime_hub.files import remove_temporaries, written
from equime_hub.models.inputs import Inputs
from equime_hub.progress import Progress
from equime_hub.training.data import pool
from equime_hub.training.data.examples import Examples

if TYPE_CHECKING:
    from equime_hub.models.processing import Prepared

INDEX = "index.parquet"
PIECE = 64
"""Clips a file; what a process that is killed has to do again."""

SCHEMA = pa.schema({
    "identity": pa.string(),
    "offset": pa.int64(),
    "shape": pa.list_(pa.int32()),
    "dtype": pa.string(),
    "crc32": pa.uint32(),
    "face": pa.bool_(),
    "reason": pa.string(),
})  # fmt: skip
_ROOM = 1.05


def size_bytes(examples: Examples, inputs: Inputs, probe: int = 8) -> int:
    """What a cache will take on the disk, by some clips of it.

    Raises:
        DatasetError: None of them can be decoded.
    """
    tried = np.unique(np.linspace(0, len(examples) - 1, probe).astype(int)).tolist()
    sizes, why = [], ""
    for index in tried:
        try:
            sizes.append(_prepared(examples, inputs, index).values.nbytes)
        except VideoError as error:
            why = f"{examples.names[index]} ({error})"
    if not sizes:
        raise DatasetError(f"None of {len(tried)} clips can be decoded, such as {why}.")
    return round(float(np.mean(sizes)) * len(examples))


def unreadable(
    examples: Examples, inputs: Inputs, *, workers: int = 1, progress: Progress | None = None
) -> dict[int, str]:
    """Clips that cannot be decoded, found out by decoding all: for training without a cache.

    Returns:
        Number of a clip → why, as `Examples.without` takes it.
    """
    examples.videos.open()
    found: dict[int, str] = {}
    done = 0
    for piece, broken in pool.run(_Checker(examples, inputs), pieces(len(examples)), workers):
        found |= broken
        done += len(piece)
        if progress:
            progress(done, len(examples))
    return dict(sorted(found.items()))


def make(
    place: Path, examples: Examples, inputs: Inputs, workers: int, progress: Progress | None
) -> None:
    """Make the folder `place`, going on with what an interrupted process left of it.

    Raises:
        DatasetError: No room on the disk, or no clip can be decoded.
        EquimeError: A worker died, or a processor cannot take such clips.
    """
    making = place.with_name(f"{place.name}.making")
    making.mkdir(exist_ok=True)
    remove_temporaries(making)
    every = pieces(len(examples))
    todo = [piece for piece in every if not _is_whole(making, piece)]
    left = sum(map(len, todo))
    if left:
        size = size_bytes(examples, inputs)
        _demand_room(making, round(size * left / len(examples)))
        examples.videos.open()
    total = len(examples)
    if progress:
        progress(total - left, total)
    for done in pool.run(_Maker(making, examples, inputs), todo, workers):
        left -= len(done)
        if progress:
            progress(total - left, total)
    index = pa.concat_tables([pq.read_table(_listed(making, p.start // PIECE)) for p in every])
    if index["reason"].null_count == 0:
        raise DatasetError(
            f"None of the {total:,} clips can be decoded, such as {examples.names[0]} "
            f"({index['reason'][0]})."
        )
    with written(making / INDEX) as temporary:
        pq.write_table(index, temporary)
    making.rename(place)
    for piece in every:
        _listed(place, piece.start // PIECE).unlink()


@dataclass(frozen=True, eq=False)
class _Checker:
    examples: Examples
    inputs: Inputs

    def __call__(self, piece: range) -> tuple[range, dict[int, str]]:
        broken = {}
        for index in piece:
            try:
                _prepared(self.examples, self.inputs, index)
            except VideoError as error:
                broken[index] = str(error)
        return piece, broken


@dataclass(frozen=True, eq=False)
class _Maker:
    folder: Path
    examples: Examples
    inputs: Inputs

    def __call__(self, piece: range) -> range:
        """Write the values of some clips, then what is in the file: so a listed file is whole."""
        number = piece.start // PIECE
        rows, offset = [], 0
        with written(values_file(self.folder, number)) as temporary, temporary.open("wb") as file:
            for index in piece:
                row: dict[str, Any] = {"identity": str(self.examples.identities[index])}
                try:
                    prepared = _prepared(self.examples, self.inputs, index)
                except VideoError as error:
                    row["reason"] = str(error)
                else:
                    values = np.ascontiguousarray(prepared.values)
                    file.write(values.data)
                    row |= {
                        "offset": offset,
                        "shape": list(values.shape),
                        "dtype": values.dtype.str,
                        "crc32": zlib.crc32(values.data),
                        "face": prepared.face,
                    }
                    offset += values.nbytes
                rows.append(row)
        with written(_listed(self.folder, number)) as temporary:
            pq.write_table(pa.Table.from_pylist(rows, SCHEMA), temporary)
        return piece


def _prepared(examples: Examples, inputs: Inputs, index: int) -> Prepared:
    return inputs.prepare(examples.video(index), examples.moments(index))


def pieces(count: int) -> list[range]:
    """The clips of each file."""
    return [range(start, min(start + PIECE, count)) for start in range(0, count, PIECE)]


def values_file(folder: Path, piece: int) -> Path:
    """Where the values of a piece are."""
    return folder / f"{piece:05}.values"


def _listed(folder: Path, piece: int) -> Path:
    return folder / f"{piece:05}.parquet"


def _is_whole(making: Path, piece: range) -> bool:
    return _listed(making, piece.start // PIECE).is_file()


def _demand_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size * _ROOM > free:
        raise DatasetError(
            f"The cache will take {size / 1e9:.1f} GB, and {folder.parent} has {free / 1e9:.1f} GB "
            "left; name a folder on another disk, or train without a cache."
        )
