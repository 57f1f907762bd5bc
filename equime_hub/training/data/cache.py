"""What `Inputs.prepare` gives for clips, kept once: decoding is what small models wait for.

::

    FOLDER/NAME/index.parquet   one row a clip: which it is, where its values are, or why there
                                are none
    FOLDER/NAME/00000.values    the values of 64 clips, one after the other, as they are in memory
    FOLDER/NAME.making/         the same while it is made, a piece at a time; a killed process
                                loses the pieces that it was at
    FOLDER/NAME.lock            held by the process that makes it

NAME is a digest of the clips, of all that `prepare` depends on, and of the decoder. So other
settings or other videos make another cache, and none is ever out of date.
"""

from __future__ import annotations

import mmap
import multiprocessing
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import filelock
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub import seeds
from equime_hub.errors import DatasetError, VideoError
from equime_hub.files import remove_temporaries, written
from equime_hub.models.inputs import Inputs, Values
from equime_hub.pool import results
from equime_hub.progress import Progress
from equime_hub.training.data.examples import Examples
from equime_hub.video.threads import one_thread

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
"""Columns of the index. Where `reason` is given, the clip cannot be decoded, and where `face` is
false, a face was looked for and none was found."""
_VERSION = 1
_ROOM = 1.05
"""Room that must be free on the disk, over what the values are thought to take."""


@dataclass(frozen=True, eq=False, repr=False)
class Cache:
    """Values of clips in files that are mapped into memory, by number of the clip.

    Safe to pickle and to share: every process maps a file when it first reads from it.

    Attributes:
        folder: Where it is.
        identities: N, which clips these are, as `Examples.identities`.
        shapes: N×4; zeros for a clip that cannot be decoded.
        offsets: N, where in its file the values of a clip begin, in bytes.
        dtype: Type of all values.
        checksums: N, CRC-32 of the values.
        broken: Number of a clip that cannot be decoded → why.
        notes: Sentences about how it was opened.
    """

    folder: Path
    identities: npt.NDArray[np.str_]
    shapes: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    dtype: np.dtype[Any]
    checksums: npt.NDArray[np.uint32]
    broken: dict[int, str]
    notes: tuple[str, ...] = ()
    _maps: dict[int, npt.NDArray[np.uint8]] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, folder: Path, examples: Examples, inputs: Inputs) -> Cache:
        """The cache of these clips.

        Raises:
            DatasetError: It was not made, or is damaged.
        """
        place = folder / _name(examples, inputs)
        if not place.is_dir():
            raise DatasetError(
                f"{folder} holds no cache of these clips with these inputs; make it first."
            )
        try:
            index = pq.read_table(place / INDEX)
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(f"{place} is damaged: {error}. Delete it.") from error
        columns = index.to_pydict()
        dtypes = {*columns.get("dtype", ())} - {None}
        if not index.schema.equals(SCHEMA) or len(dtypes) != 1:
            raise DatasetError(f"{place}/{INDEX} is none of this version, or damaged. Delete it.")
        cache = cls(
            folder=place,
            identities=np.array(columns["identity"]),
            shapes=np.array([shape or [0] * 4 for shape in columns["shape"]], np.int64),
            offsets=index["offset"].fill_null(0).to_numpy(),
            dtype=np.dtype(dtypes.pop()),
            checksums=index["crc32"].fill_null(0).to_numpy(),
            broken={n: reason for n, reason in enumerate(columns["reason"]) if reason is not None},
        )
        cache._demand_sizes()
        # A digest of 64 bits could be that of others.
        if not np.array_equal(cache.identities, examples.identities):
            raise DatasetError(f"{place} holds other clips than its name says; delete it.")
        return cache

    @classmethod
    def make(
        cls,
        folder: Path,
        examples: Examples,
        inputs: Inputs,
        *,
        workers: int = 1,
        progress: Progress | None = None,
    ) -> Cache:
        """The cache of these clips, made if it is not there or is damaged.

        A second process that wants the same one waits, and then opens it. An interrupted one
        goes on where it was.

        Args:
            folder: Where caches are.
            examples: The clips.
            inputs: What is kept of them.
            workers: Processes.
            progress: Called with clips done and clips to do.

        Raises:
            DatasetError: No room on the disk, or no clip can be decoded.
            EquimeError: A worker died, or a processor cannot take such clips.
        """
        place = folder / _name(examples, inputs)
        folder.mkdir(parents=True, exist_ok=True)
        note: tuple[str, ...] = ()
        with filelock.FileLock(f"{place}.lock"):
            if place.exists():
                try:
                    return cls.open(folder, examples, inputs)
                except DatasetError as error:
                    # Damaged, or of an older version: what can be made again is no reason to stop.
                    note = (f"The cache was made again: {error}",)
                    shutil.rmtree(place)
            _make(place, examples, inputs, workers, progress)
            return replace(cls.open(folder, examples, inputs), notes=note)

    def _demand_sizes(self) -> None:
        """Refuse files that are missing, cut short or too long."""
        sizes = self.shapes.prod(axis=1) * self.dtype.itemsize
        for piece in _pieces(len(self)):
            path = _values(self.folder, piece)
            expected = int(sizes[piece.start : piece.stop].sum())
            found = path.stat().st_size if path.is_file() else None
            if found != expected:
                raise DatasetError(
                    f"{path} is damaged: expected {expected:,} bytes, found "
                    f"{'no file' if found is None else f'{found:,}'}. Delete {self.folder}."
                )

    def __repr__(self) -> str:
        return f"Cache({str(self.folder)!r}, {len(self)} clips)"

    def __len__(self) -> int:
        return len(self.identities)

    def __getitem__(self, index: int) -> Values:
        """T×H×W×C, read-only.

        Raises:
            VideoError: The clip cannot be decoded.
        """
        shape = tuple(self.shapes[index].tolist())
        if not shape[0]:
            raise VideoError(f"Clip {index} of the cache cannot be decoded: {self.broken[index]}")
        start = int(self.offsets[index])
        size = int(np.prod(shape)) * self.dtype.itemsize
        if (number := index // PIECE) not in self._maps:
            # Mapped and not read: all processes that train share these pages.
            with _values(self.folder, range(number * PIECE, index + 1)).open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._maps[number] = np.frombuffer(mapped, np.uint8)
        return self._maps[number][start : start + size].view(self.dtype).reshape(shape)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_maps": {}}

    @cached_property
    def _place_of(self) -> dict[str, int]:
        return {identity: place for place, identity in enumerate(self.identities.tolist())}

    def places(self, examples: Examples) -> npt.NDArray[np.int64]:
        """Where clips are in the cache, which may hold more than these.

        Raises:
            DatasetError: It lacks one, or one cannot be decoded.
        """
        found = [self._place_of.get(identity) for identity in examples.identities.tolist()]
        for name, place in zip(examples.names, found, strict=True):
            if place is None:
                raise DatasetError(
                    f"{self.folder} does not hold the clip {name}; make a cache of all clips."
                )
            if place in self.broken:
                raise DatasetError(
                    f"The clip {name} cannot be decoded ({self.broken[place]}); leave it out: "
                    "Examples.without(Cache.broken)."
                )
        return np.array(found, np.int64)

    def verify(self) -> None:
        """Read all values and compare their checksums.

        Raises:
            DatasetError: Some changed since they were written.
        """
        wrong = [
            index
            for index in range(len(self))
            if index not in self.broken and zlib.crc32(self[index].data) != self.checksums[index]
        ]
        if wrong:
            raise DatasetError(
                f"{self.folder} is damaged: the values of {len(wrong):,} clips, the first of them "
                f"number {wrong[0]}, are not those that were written. Delete it."
            )


def _name(examples: Examples, inputs: Inputs) -> str:
    # Another decoder or scaler may give other pixels.
    libraries = {name: list(av.library_versions[name]) for name in ("libavcodec", "libswscale")}
    return seeds.digest(_VERSION, examples.fingerprint, inputs.key, libraries, cv2.__version__)[:16]


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
    start = partial(_worker, partial(_broken, examples, inputs))
    for piece, broken in results(start, _pieces(len(examples)), workers):
        found |= broken
        done += len(piece)
        if progress:
            progress(done, len(examples))
    return dict(sorted(found.items()))


def _make(
    place: Path, examples: Examples, inputs: Inputs, workers: int, progress: Progress | None
) -> None:
    """Make the folder `place`, going on with what an interrupted process left of it."""
    making = place.with_name(f"{place.name}.making")
    making.mkdir(exist_ok=True)
    remove_temporaries(making)
    pieces, total = _pieces(len(examples)), len(examples)
    todo = [piece for piece in pieces if not _listed(making, piece).is_file()]
    if left := sum(map(len, todo)):
        _demand_room(making, round(size_bytes(examples, inputs) * left / total))
        examples.videos.open()
    if progress:
        progress(total - left, total)
    start = partial(_worker, partial(_write, making, examples, inputs))
    for done in results(start, todo, workers):
        left -= len(done)
        if progress:
            progress(total - left, total)
    index = pa.concat_tables([pq.read_table(_listed(making, piece)) for piece in pieces])
    if index["reason"].null_count == 0:
        raise DatasetError(
            f"None of the {total:,} clips can be decoded, such as {examples.names[0]} "
            f"({index['reason'][0]})."
        )
    with written(making / INDEX) as temporary:
        pq.write_table(index, temporary)
    # From here on it is whole; the lists are only needed to go on with one that is not.
    making.rename(place)
    for piece in pieces:
        _listed(place, piece).unlink()


def _worker(work: Callable[[range], Any]) -> Callable[[range], Any]:
    """What a process does; one thread of torch for each, as there are as many of them as cores."""
    import torch

    if multiprocessing.parent_process() is not None:
        torch.set_num_threads(1)
    return work


def _broken(examples: Examples, inputs: Inputs, piece: range) -> tuple[range, dict[int, str]]:
    """Which of some clips cannot be decoded, and why."""
    broken = {}
    for index in piece:
        try:
            _prepared(examples, inputs, index)
        except VideoError as error:
            broken[index] = str(error)
    return piece, broken


def _write(folder: Path, examples: Examples, inputs: Inputs, piece: range) -> range:
    """Write the values of some clips, then what is in the file: so a listed file is whole."""
    rows, offset = [], 0
    with written(_values(folder, piece)) as temporary, temporary.open("wb") as file:
        for index in piece:
            row: dict[str, Any] = {"identity": str(examples.identities[index])}
            try:
                prepared = _prepared(examples, inputs, index)
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
    with written(_listed(folder, piece)) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), temporary)
    return piece


def _prepared(examples: Examples, inputs: Inputs, index: int) -> Prepared:
    with one_thread():
        return inputs.prepare(examples.video(index), examples.moments(index))


def _pieces(count: int) -> list[range]:
    """The clips of each file."""
    return [range(start, min(start + PIECE, count)) for start in range(0, count, PIECE)]


def _values(folder: Path, piece: range) -> Path:
    return folder / f"{piece.start // PIECE:05}.values"


def _listed(folder: Path, piece: range) -> Path:
    return folder / f"{piece.start // PIECE:05}.parquet"


def _demand_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size * _ROOM > free:
        raise DatasetError(
            f"The cache will take {size / 1e9:.1f} GB, and {folder.parent} has {free / 1e9:.1f} GB "
            "left; name a folder on another disk, or train without a cache."
        )
