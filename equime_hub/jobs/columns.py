"""New values in some columns of a finished dataset: what `measure` and `observe` share.

Both make chunks of values, in a workshop of their own; the dataset is untouched. Shards with the
new values are then staged beside the old ones, and their folder is renamed to `.measured` when it
is complete: the point of no return. Until its files are in their places `checksums.read` refuses
the folder with a sentence, and the next run begins by moving the rest.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub import checksums, seeds
from equime_hub.errors import DatasetError
from equime_hub.jobs import steps
from equime_hub.progress import Progress
from equime_hub.schema.features import FOLDERS, SCHEMA_VERSION
from equime_hub.schema.records import Quality
from equime_hub.schema.stamp import ORIGIN, Origin, Stamp, read_origin, read_stamp

COLUMNS = [field.name for field in fields(Quality)]
"""Those that may change."""
_PLANNED = ["clip_id", "num_frames", "onset_frame", "apex_frame", "offset_frame", "fps"]
_CHUNK = 16
"""Most clips in a chunk: more than in a build, since its worker reads the whole row group."""


@dataclass(frozen=True)
class RowChunk(steps.Chunk):
    """Some clips of one row group; its items are (row of the shard, what to do with it).

    Attributes:
        shard: The file.
        group: The row group.
        first: Its first row.
    """

    shard: Path
    group: int
    first: int

    def videos(self) -> Iterator[bytes]:
        """The video of each item."""
        with pq.ParquetFile(self.shard, page_checksum_verification=True) as file:
            videos = file.read_row_group(self.group, columns=["video"])["video"]
        for row, _ in self.items:
            yield videos[row - self.first].as_py()["bytes"]


@dataclass(frozen=True)
class FinishedShard:
    """A file with videos as it is.

    Attributes:
        folder: The dataset.
        name: Of the file in it.
        sha256: Of the file.
    """

    folder: Path
    name: str
    sha256: str

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / self.name

    @property
    def generation(self) -> str:
        """Its split, and which append to it: what its labels are filed under."""
        return self.path.stem.rsplit("-", 3)[0]

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The columns that may change, and those that say what was planned."""
        rows: list[dict[str, Any]] = pq.read_table(
            self.path, columns=[*COLUMNS, *_PLANNED]
        ).to_pylist()
        return rows

    def chunks(self, workshop: Path, todo: Sequence[Any], made_of: Any) -> Iterator[RowChunk]:
        """Chunks of the rows with something to do.

        Args:
            workshop: Where they go.
            todo: What to do with each row, JSON values; whatever is false is nothing.
            made_of: All that the values depend on besides `todo` and the videos, JSON values.
        """
        metadata, stop = pq.read_metadata(self.path), 0
        for group in range(metadata.num_row_groups):
            first, stop = stop, stop + metadata.row_group(group).num_rows
            items = [(row, todo[row]) for row in range(first, stop) if todo[row]]
            for start in range(0, len(items), _CHUNK):
                own = tuple(items[start : start + _CHUNK])
                name = f"{self.path.stem}-{group:05d}-{start // _CHUNK}.json"
                stamp = Stamp(seeds.digest(made_of, own), self.sha256, name)
                yield RowChunk(workshop / name, stamp, own, self.path, group, first)

    def rows_with(self, chunks: Sequence[RowChunk]) -> Iterator[dict[str, Any]]:
        """Its rows with the values of chunks, each of which is a dictionary an item."""
        new: dict[int, dict[str, Any]] = {}
        for chunk in chunks:
            if chunk.shard == self.path:
                for (row, _), values in zip(chunk.items, chunk.result(), strict=True):
                    new[row] = new.get(row, {}) | values
        for number, row in enumerate(self.rows):
            yield row | new.get(number, {})


def open_finished(folder: Path, checking: Progress | None) -> list[FinishedShard]:
    """The shards of a dataset all of whose files are what they should be.

    A damaged shard must not be written anew with a sum that then fits.

    Args:
        folder: A dataset; if a run was interrupted while its files moved, the rest is moved.
        checking: Called with files checked and files in all.

    Raises:
        DatasetError: A file is missing or damaged, or has another schema.
    """
    steps.publish(folder / checksums.STAGED, folder)
    sums = checksums.read(folder)
    there = {p.relative_to(folder).as_posix() for p in folder.glob("*/*.parquet")}
    names = sorted(there | set(sums) | {steps.CARD, ORIGIN})
    for done, name in enumerate(names):
        if checking:
            checking(done, len(names))
        if not checksums.intact(folder, sums, name):
            raise DatasetError(
                f"{name} of {folder} is missing, damaged or not listed in {checksums.NAME}: only "
                f"a sound dataset is measured. `equime verify {folder}` says what is wrong, and "
                "the `equime build` that made it makes it whole."
            )
        if name in there and (schema := read_stamp(folder / name).schema_version) != SCHEMA_VERSION:
            raise DatasetError(
                f"{name} of {folder} has schema {schema}, this version writes {SCHEMA_VERSION}. "
                "Build the dataset anew."
            )
    if checking:
        checking(len(names), len(names))
    return [FinishedShard(folder, n, sums[n]) for n in sorted(sums) if n.startswith(steps.VIDEOS)]


def measured(folder: Path) -> tuple[Origin, dict[str, Any]]:
    """What `build.json` says, and what of it was measured later: "tools" and "gates"."""
    origin = read_origin(folder)
    assert origin is not None  # it was looked for
    built = origin.made_with
    before = {"tools": {}, "gates": built.get("gates", {})}
    return origin, built.get(steps.MEASURED, before)


def replace_values(
    folder: Path,
    workshop: Path,
    values: Mapping[FinishedShard, Sequence[Quality]],
    after: dict[str, Any],
    card: steps.WriteCard,
) -> int:
    """Give a dataset new values, all together or not at all; nothing is written if none is new.

    Args:
        folder: The dataset.
        workshop: Where new files are staged.
        values: Of every row of every shard.
        after: What `measured` is to say from now on.
        card: Writes the card.

    Returns:
        How many shards there are that changed.
    """
    shutil.rmtree(workshop / steps.NEW, ignore_errors=True)
    staging = steps.Staging(folder, workshop, checksums.read(folder))
    videos = {shard: shard.path for shard in values}
    for shard, qualities in values.items():
        changed = {
            name: column
            for name in COLUMNS
            if (column := [getattr(quality, name) for quality in qualities])
            != [row[name] for row in shard.rows]
        }
        if changed:
            videos[shard] = _rewrite(staging, shard.name, changed, "default")
            images = f"{FOLDERS['onset_apex']}/{shard.path.name}"
            if images in staging.sums:
                _rewrite(staging, images, changed, "onset_apex")
    replaced = sum(path != shard.path for shard, path in videos.items())
    origin, before = measured(folder)
    if not replaced and after == before:
        return 0
    for generation in dict.fromkeys(shard.generation for shard in values):
        own = [path for shard, path in videos.items() if shard.generation == generation]
        name = steps.labels_name(generation)
        staging.write_labels(name, own, read_stamp(folder / name))
    if after != before:
        origin = replace(origin, made_with=origin.made_with | {steps.MEASURED: after})
    origin.write(staging.new)
    staging.finish(card)
    staging.new.rename(folder / checksums.STAGED)
    steps.publish(folder / checksums.STAGED, folder)
    return replaced


def _rewrite(staging: steps.Staging, name: str, changed: dict[str, list[Any]], config: str) -> Path:
    """The same shard with other values in some columns."""

    def groups(file: pq.ParquetFile) -> Iterator[pa.Table]:
        start = 0
        for index in range(file.num_row_groups):
            table = file.read_row_group(index)
            for column, values in changed.items():
                at = table.schema.get_field_index(column)
                field = table.schema.field(at)
                own = values[start : start + len(table)]
                table = table.set_column(at, field, pa.array(own, field.type))
            start += len(table)
            yield table

    old = staging.folder / name
    with pq.ParquetFile(old, page_checksum_verification=True) as file:
        return staging.write(name, groups(file), read_stamp(old), config)
