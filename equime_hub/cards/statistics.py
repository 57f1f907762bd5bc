"""Counts of a dataset, taken from its label files: every number on a card comes from here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub.errors import DatasetError
from equime_hub.schema import taxonomy as tx
from equime_hub.splits.assign import SPLITS

FOLDERS = {"default": "data", "metadata": "metadata"}
"""Config → folder of its shards."""

Table = dict[str, dict[str, int]]
"""Row name → split → clips."""


@dataclass(frozen=True)
class SplitSize:
    """Size of one split.

    Attributes:
        clips: Rows.
        subjects: Different people.
        rejected: Clips that failed a gate.
        video_bytes: Bytes of embedded video.
        num_bytes: Bytes of all columns before compression, by config.
    """

    clips: int
    subjects: int
    rejected: int
    video_bytes: int
    num_bytes: dict[str, int]


@dataclass(frozen=True)
class Statistics:
    """What a dataset holds.

    Attributes:
        splits: Sizes, in the order train, validation, test; absent splits are left out.
        emotions: Emotion × split.
        genders: Gender × split; "unknown" where null.
        age_groups: Age group × split.
        races: Race × split.
        sources: Clips per source dataset and its licence.
        generators: Backend and software of the clips.
        encodings: Codec settings of the clips.
        frames: (frames, width, height, fps) of the clips.
        duration_ms: Shortest, mean and longest time from onset to offset, milliseconds.
    """

    splits: dict[str, SplitSize]
    emotions: Table
    genders: Table
    age_groups: Table
    races: Table
    sources: dict[tuple[str, str | None], int]
    generators: tuple[tuple[str, str], ...]
    encodings: tuple[str, ...]
    frames: tuple[tuple[int, int, int, float], ...]
    duration_ms: tuple[float, float, float]

    @property
    def clips(self) -> int:
        """Rows in all splits."""
        return sum(size.clips for size in self.splits.values())


def count(folder: Path) -> Statistics:
    """Count a dataset folder.

    Raises:
        DatasetError: It has no label files.
    """
    found = {split: sorted(folder.glob(f"metadata/{split}-*.parquet")) for split in SPLITS}
    tables: dict[str, Any] = {
        split: pa.concat_tables([pq.read_table(path) for path in paths])
        for split, paths in found.items()
        if paths
    }
    if not tables:
        raise DatasetError(f"{folder} has no metadata/*.parquet: it holds no built dataset.")
    everything = pa.concat_tables(tables.values())
    milliseconds = [
        1000 * (offset - onset) / fps
        for onset, offset, fps in _rows(everything, "onset_frame", "offset_frame", "fps")
    ]
    return Statistics(
        splits={
            split: SplitSize(
                clips=len(table),
                subjects=len(set(table["subject_id"].to_pylist())),
                rejected=table["accepted"].to_pylist().count(False),
                video_bytes=sum(table["size_bytes"].to_pylist()),
                num_bytes=_num_bytes(folder, split, sum(table["size_bytes"].to_pylist())),
            )
            for split, table in tables.items()
        },
        emotions=_cross(tables, "emotion", tx.EMOTIONS),
        genders=_cross(tables, "gender", tx.GENDERS),
        age_groups=_cross(tables, "age_group", tx.AGE_GROUPS),
        races=_cross(tables, "race", tx.RACES),
        sources=dict(Counter(_rows(everything, "source_dataset", "license"))),
        generators=tuple(sorted(set(_rows(everything, "generator", "software")))),
        encodings=tuple(sorted(set(everything["encoding"].to_pylist()))),
        frames=tuple(sorted(set(_rows(everything, "num_frames", "width", "height", "fps")))),
        duration_ms=(
            min(milliseconds),
            sum(milliseconds) / len(milliseconds),
            max(milliseconds),
        ),
    )


def _num_bytes(folder: Path, split: str, video: int) -> dict[str, int]:
    """Counted from the label files alone: a card is written before the shards are in place."""
    footers = [pq.read_metadata(path) for path in folder.glob(f"metadata/{split}-*.parquet")]
    labels = sum(f.row_group(i).total_byte_size for f in footers for i in range(f.num_row_groups))
    return {"default": labels + video, "metadata": labels}


def _rows(table: pa.Table, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def _cross(tables: dict[str, pa.Table], column: str, names: tuple[str, ...]) -> Table:
    counts = {split: Counter(table[column].to_pylist()) for split, table in tables.items()}
    rows: Table = {}
    for value, name in [*enumerate(names), (None, "unknown")]:
        row = {split: counts[split][value] for split in counts}
        if any(row.values()):
            rows[name] = row
    return rows
