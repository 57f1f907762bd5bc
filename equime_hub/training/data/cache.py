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
import shutil
import zlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import av
import cv2
import filelock
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub import seeds
from equime_hub.errors import DatasetError, VideoError
from equime_hub.models.inputs import Inputs, Values
from equime_hub.progress import Progress
from equime_hub.training.data import caching
from equime_hub.training.data.caching import size_bytes as size_bytes
from equime_hub.training.data.caching import unreadable as unreadable
from equime_hub.training.data.examples import Examples

_VERSION = 1


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
        faceless: Clips in which a face was looked for, and none was found.
        notes: Sentences about how it was opened.
    """

    folder: Path
    identities: npt.NDArray[np.str_]
    shapes: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    dtype: np.dtype[Any]
    checksums: npt.NDArray[np.uint32]
    broken: dict[int, str]
    faceless: tuple[int, ...]
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
        cache = _opened(place)
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
                    note = (f"The cache was made again: {error}",)
                    shutil.rmtree(place)
            caching.make(place, examples, inputs, workers, progress)
            return replace(cls.open(folder, examples, inputs), notes=note)

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
        return (
            self._map(index // caching.PIECE)[start : start + size].view(self.dtype).reshape(shape)
        )

    def _map(self, piece: int) -> npt.NDArray[np.uint8]:
        if piece not in self._maps:
            with caching.values_file(self.folder, piece).open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._maps[piece] = np.frombuffer(mapped, np.uint8)
        return self._maps[piece]

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
    libraries = {name: list(av.library_versions[name]) for name in ("libavcodec", "libswscale")}
    return seeds.digest(_VERSION, examples.fingerprint, inputs.key, libraries, cv2.__version__)[:16]


def _opened(place: Path) -> Cache:
    try:
        index = pq.read_table(place / caching.INDEX)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{place} is damaged: {error}. Delete it.") from error
    shapes = np.array([shape or [0] * 4 for shape in index["shape"].to_pylist()], np.int64)
    reasons, faces = index["reason"].to_pylist(), index["face"].to_pylist()
    dtypes = set(index["dtype"].to_pylist()) - {None}
    if not index.schema.equals(caching.SCHEMA) or len(dtypes) != 1:
        raise DatasetError(
            f"{place}/{caching.INDEX} is none of this version, or damaged. Delete it."
        )
    cache = Cache(
        folder=place,
        identities=np.array(index["identity"].to_pylist()),
        shapes=shapes,
        offsets=index["offset"].fill_null(0).to_numpy(),
        dtype=np.dtype(dtypes.pop()),
        checksums=index["crc32"].fill_null(0).to_numpy(),
        broken={number: reason for number, reason in enumerate(reasons) if reason is not None},
        faceless=tuple(number for number, face in enumerate(faces) if face is False),
    )
    _demand_sizes(cache)
    return cache


def _demand_sizes(cache: Cache) -> None:
    """Refuse files that are missing, cut short or too long."""
    sizes = cache.shapes.prod(axis=1) * cache.dtype.itemsize
    for piece in caching.pieces(len(cache)):
        path = caching.values_file(cache.folder, piece.start // caching.PIECE)
        expected = int(sizes[piece.start : piece.stop].sum())
        found = path.stat().st_size if path.is_file() else None
        if found != expected:
            raise DatasetError(
                f"{path} is damaged: expected {expected:,} bytes, found "
                f"{'no file' if found is None else f'{found:,}'}. Delete {cache.folder}."
            )
