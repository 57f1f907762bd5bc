"""Parquet shards: which rows go where, and how a file is written.

A shard is made of *chunks* of a few clips, each a small Parquet file of its own, so that an
interrupted build loses seconds of work and not a whole shard. The finished shard is a file of the
config `default` and one of `onset_apex` with the same rows, unless no images are wanted. They hold
64 rows a row group, their videos and images uncompressed and without dictionary (neither
compresses, and single rows are read faster), a page index, and content-defined chunks, so that
the Hub stores equal content once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub.builder.plan import Plan
from equime_hub.files import written
from equime_hub.schema.features import FOLDERS, columns, features
from equime_hub.schema.records import ClipRecord, ClipSpec
from equime_hub.schema.stamp import Stamp
from equime_hub.splits.assign import SPLITS

ROW_GROUP = 64
CHUNK = 8
"""Clips in a chunk, rounded up to whole batches."""


@dataclass(frozen=True)
class Shard:
    """Rows of the dataset that lie in one file, of each config that holds pixels.

    Attributes:
        split: "train", "validation" or "test".
        index: From 0.
        count: Shards in the split.
        start: First row, counted inside the split.
        stop: One past the last row.
    """

    split: str
    index: int
    count: int
    start: int
    stop: int

    @property
    def path(self) -> str:
        """Name inside the dataset folder of the file with the videos."""
        return self.name("default")

    def name(self, config: str) -> str:
        """Name inside the dataset folder of the file of a config."""
        return f"{FOLDERS[config]}/{self.split}-{self.index:05d}-of-{self.count:05d}.parquet"

    def chunks(self, batch: int) -> list[tuple[int, int]]:
        """(start, stop) of each chunk, counted inside the split; chunks are whole batches."""
        size = -(-CHUNK // batch) * batch
        return [(s, min(s + size, self.stop)) for s in range(self.start, self.stop, size)]


def layout(plan: Plan, clips: int) -> list[Shard]:
    """Shards of a plan, about `clips` rows each; splits without clips have none.

    The number is rounded to whole row groups.
    """
    rows = max(1, round(clips / ROW_GROUP)) * ROW_GROUP
    shards = []
    for split in SPLITS:
        total = plan.table["split"].to_pylist().count(split)
        count = -(-total // rows)
        shards += [
            Shard(split, i, count, i * rows, min((i + 1) * rows, total)) for i in range(count)
        ]
    return shards


def split_specs(plan: Plan, split: str) -> list[ClipSpec]:
    """Specs of a split, in the order of its rows."""
    return [spec for spec in plan.specs if spec.split == split]


def table(records: Iterable[ClipRecord], config: str | None = "default") -> pa.Table:
    """Records as an Arrow table in the types of a config's columns (None: of all)."""
    return table_of_rows((record.row() for record in records), config)


def table_of_rows(values: Iterable[Mapping[str, Any]], config: str | None = "default") -> pa.Table:
    """The same for rows, as `ClipRecord.row` gives them."""
    everything, labels = features(config), features("metadata")
    rows = []
    for value in values:
        row = dict(value)
        # datasets would look for videos and images on disk by their names.
        pixels = {name: row.pop(name) for name in list(row) if name not in labels}
        rows.append({**labels.encode_example(row), **pixels})
    return pa.Table.from_pylist(rows, schema=everything.arrow_schema)


def write(
    path: Path, groups: Iterator[pa.Table], stamp: Stamp, config: str | None = "default"
) -> None:
    """Write row groups as one Parquet file, whole or not at all.

    Args:
        path: The file.
        groups: One table a row group.
        stamp: Stored in the file's metadata.
        config: Whose columns are written; None is all that there are.
    """
    from datasets.arrow_writer import get_parquet_column_options
    from datasets.config import DEFAULT_CDC_OPTIONS

    found = features(config)
    schema = found.arrow_schema
    options = get_parquet_column_options(found, schema)
    with (
        written(path) as temporary,
        pq.ParquetWriter(
            temporary,
            schema,
            use_content_defined_chunking=DEFAULT_CDC_OPTIONS,
            write_page_index=True,
            write_page_checksum=True,
            **options,
        ) as writer,
    ):
        for group in groups:
            writer.write_table(group.select(schema.names))
        chunking = {"content_defined_chunking": json.dumps(DEFAULT_CDC_OPTIONS)}
        writer.add_key_value_metadata(stamp.metadata() | chunking)


def row_groups(
    chunks: Sequence[Path], config: str = "default", size: int = ROW_GROUP
) -> Iterator[pa.Table]:
    """Tables of `size` rows out of consecutive chunks, without holding many."""
    held: list[pa.Table] = []
    names = [column.name for column in columns(config)]
    for number, chunk in enumerate(chunks, 1):
        held.append(pq.read_table(chunk, columns=names))
        rows = sum(map(len, held))
        while rows >= size or (rows and number == len(chunks)):
            table = pa.concat_tables(held)
            yield table[:size].combine_chunks()
            held = [table[size:]]
            rows = len(held[0])


def labels_only(paths: Sequence[Path]) -> pa.Table:
    """Everything but the video of some shards."""
    names = [column.name for column in columns("metadata")]
    return pa.concat_tables([pq.read_table(path, columns=names) for path in paths])
