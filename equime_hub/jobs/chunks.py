"""Chunks: the few clips whose values a worker measures in one go, and their files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from equime_hub.builder.measure.basic import BROKEN
from equime_hub.builder.measure.meter import TOOLS, Measures, Meter, Values
from equime_hub.files import write_text
from equime_hub.schema.features import FOLDERS
from equime_hub.schema.records import Landmarks, Quality
from equime_hub.video import codec
from equime_hub.video.clip import Clip
from equime_hub.video.locate import canonical, locate

CHUNK = 16
"""Most clips in a chunk."""
COLUMNS = [field.name for field in fields(Quality)]
"""Those that are measured."""


@dataclass(frozen=True)
class Chunk:
    """Some clips of one row group, for an engine.

    Attributes:
        path: Where their values go.
        shard: The shard.
        group: The row group.
        todo: (row within the group, tools to measure with).
    """

    path: Path
    shard: Path
    group: int
    todo: tuple[tuple[int, tuple[str, ...]], ...]

    def values(self) -> dict[int, Values]:
        """What was measured, by row within the group."""
        found = json.loads(self.path.read_text(encoding="utf-8"))
        return {int(row): values for row, values in found.items()}


@dataclass(frozen=True)
class Source:
    """A shard as it is.

    Attributes:
        folder: The dataset.
        name: Of the file in it.
    """

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / self.name

    @property
    def images(self) -> str:
        """Name of the file with the images of the same clips, which may be missing."""
        return f"{FOLDERS['onset_apex']}/{self.path.name}"

    @property
    def generation(self) -> str:
        """Its split, and which append to it: what its labels are filed under."""
        return self.path.stem.rsplit("-", 3)[0]

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The measured columns, and those that say what was planned."""
        names = [*COLUMNS, "onset_frame", "offset_frame", "fps"]
        rows: list[dict[str, Any]] = pq.read_table(self.path, columns=names).to_pylist()
        return rows

    @cached_property
    def groups(self) -> list[int]:
        """First row of each row group, and one past the last row."""
        metadata, starts = pq.read_metadata(self.path), [0]
        for index in range(metadata.num_row_groups):
            starts.append(starts[-1] + metadata.row_group(index).num_rows)
        return starts

    def chunks(self, workshop: Path, tools: tuple[str, ...], refresh: bool) -> Iterator[Chunk]:
        """What is to be measured of it.

        Args:
            workshop: Where the values go.
            tools: What to measure with.
            refresh: Measure rows that have values, too.
        """
        for group, (start, stop) in enumerate(pairwise(self.groups)):
            todo = [
                (index, lacking)
                for index, row in enumerate(self.rows[start:stop])
                if (lacking := _lacking(row, tools, refresh))
            ]
            for at in range(0, len(todo), CHUNK):
                name = f"{self.path.stem}-{group:05d}-{at // CHUNK}.json"
                yield Chunk(workshop / name, self.path, group, tuple(todo[at : at + CHUNK]))


def start(measures: Measures) -> Callable[[Chunk], Chunk]:
    """What a worker does first; gives the function that measures a chunk."""
    meter = Meter(measures)

    def measure(chunk: Chunk) -> Chunk:
        with pq.ParquetFile(chunk.shard, page_checksum_verification=True) as file:
            videos = file.read_row_group(chunk.group, columns=["video"])["video"]
        values = {}
        for row, tools in chunk.todo:
            clip = codec.decode(videos[row].as_py()["bytes"])
            values[row] = meter.measure(clip, partial(_face, clip), tools)
        write_text(chunk.path, json.dumps(values))
        return chunk

    return measure


def _face(clip: Clip) -> Landmarks:
    """The face in the first frame; where alignment puts it if it is not found."""
    found = locate(clip.frames[0])
    return found[0] if found else canonical(clip.width, clip.height)


def _lacking(row: dict[str, Any], tools: tuple[str, ...], refresh: bool) -> tuple[str, ...]:
    """The tools that a row has no value of."""
    if row["rejection_reason"] in BROKEN:
        return ()
    return tuple(
        tool for tool in tools if refresh or all(row[column] is None for column in TOOLS[tool])
    )
