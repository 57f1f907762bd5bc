"""Counts of a dataset, taken from its label files: every number on a card comes from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from equime_hub.cards.counting import (
    Spread,
    Table,
    claims,
    counted,
    cross,
    emotions_by,
    milliseconds,
    rejections,
    spread,
)
from equime_hub.cards.generations import read_origins
from equime_hub.errors import DatasetError
from equime_hub.schema import taxonomy as tx
from equime_hub.schema.features import FOLDERS
from equime_hub.schema.stamp import Origin, read_stamp
from equime_hub.splits.assign import SPLITS

LONGEST_MS = 500.0
"""An expression that lasts longer from onset to offset is no micro-expression (Yan et al. 2013)."""

MEASURED = (
    "psnr",
    "ssim",
    "tv",
    "brisque",
    "clip_iqa",
    "motion_amplitude",
    "motion_fwhm_ms",
    "motion_return",
    "head_motion",
    "first_frame_psnr",
    "bitrate_kbps",
)
"""Columns that hold what was measured on the clips."""

CLAIMANTS = (
    "label_source",
    "au_source",
    "apex_source",
    "demographics_source",
    "emotion_observer",
    "au_observer",
)
"""Columns that say who claims what other columns hold."""

SETTINGS = (
    "generator",
    "model_id",
    "model_revision",
    "steps",
    "guidance_scale",
    "batch_size",
    "software",
)
"""Columns that say how a clip was made, and are the same in many."""


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
class Generation:
    """One build of the dataset.

    Attributes:
        clips: Split → rows; splits without any are left out.
        subjects: Different people.
        origin: What it was built from; None if the folder does not say.
    """

    clips: dict[str, int]
    subjects: int
    origin: Origin | None


@dataclass(frozen=True)
class Statistics:
    """What a dataset holds, all its generations together.

    Attributes:
        splits: Sizes, in the order train, validation, test; absent splits are left out.
        configs: Names of the configs that are there.
        generations: Fingerprint of each build → what it holds, the first one first.
        emotions: Emotion × split.
        genders: Gender × split; "unknown" where null.
        age_groups: Age group × split.
        races: Race × split.
        emotions_by: "gender", "age group" and "race" → emotion × group.
        sources: Clips per source dataset and its licence.
        settings: Values of `SETTINGS` → clips.
        encodings: Codec settings → clips.
        frames: (frames, width, height, fps) → clips; fps is None where it is unknown.
        durations: From onset to offset, milliseconds; None if no clip has both.
        too_long: Clips of which that is more than `LONGEST_MS`.
        measured: Column of `MEASURED` → its values; those nobody measured are left out.
        rejections: Reason of rejection × split.
        retried: Clips that are second tries.
        claims: Column of `CLAIMANTS` → who → clips; "nobody" where null.
        filled: Column of `metadata` → rows in which it is not null.
    """

    splits: dict[str, SplitSize]
    configs: tuple[str, ...]
    generations: dict[str, Generation]
    emotions: Table
    genders: Table
    age_groups: Table
    races: Table
    emotions_by: dict[str, Table]
    sources: dict[tuple[str, str | None], int]
    settings: dict[tuple[Any, ...], int]
    encodings: dict[str, int]
    frames: dict[tuple[int, int, int, float | None], int]
    durations: Spread | None
    too_long: int
    measured: dict[str, Spread]
    rejections: Table
    retried: int
    claims: Table
    filled: dict[str, int]

    @property
    def clips(self) -> int:
        """Rows in all splits."""
        return sum(size.clips for size in self.splits.values())

    @property
    def subjects(self) -> int:
        """People in all splits; nobody is in two."""
        return sum(size.subjects for size in self.splits.values())


def count(folder: Path, num_bytes: Mapping[str, Mapping[str, int]] | None = None) -> Statistics:
    """Count a dataset folder by its label files, all generations together.

    Args:
        folder: Its `metadata/*.parquet` are read, and every `build*.json`; of the shards of other
            configs nothing but their footers.
        num_bytes: Config → split → bytes before compression, for what cannot be counted there,
            such as `onset_apex` where only label files are at hand.

    Raises:
        DatasetError: It has no label files, or they cannot be read.
    """
    found = {split: sorted(folder.glob(f"metadata/{split}-*.parquet")) for split in SPLITS}
    files = {split: paths for split, paths in found.items() if paths}
    if not files:
        raise DatasetError(f"{folder} has no metadata/*.parquet: it holds no built dataset.")
    tables = {split: [_read(path) for path in paths] for split, paths in files.items()}
    splits = {split: pa.concat_tables(parts) for split, parts in tables.items()}
    everything = pa.concat_tables(splits.values())
    configs = _configs(folder, num_bytes or {})
    durations = milliseconds(everything)
    return Statistics(
        splits={
            split: _size(folder, split, table, configs, num_bytes or {})
            for split, table in splits.items()
        },
        configs=configs,
        generations=_generations(folder, files, tables),
        emotions=cross(splits, "emotion", tx.EMOTIONS),
        genders=cross(splits, "gender", tx.GENDERS),
        age_groups=cross(splits, "age_group", tx.AGE_GROUPS),
        races=cross(splits, "race", tx.RACES),
        emotions_by={
            "gender": emotions_by(everything, "gender", tx.GENDERS),
            "age group": emotions_by(everything, "age_group", tx.AGE_GROUPS),
            "race": emotions_by(everything, "race", tx.RACES),
        },
        sources=counted(everything, "source_dataset", "license"),
        settings=counted(everything, *SETTINGS),
        encodings={name: n for (name,), n in counted(everything, "encoding").items()},
        frames=counted(everything, "num_frames", "width", "height", "fps"),
        durations=spread(durations),
        too_long=sum(value > LONGEST_MS for value in durations),
        measured={
            name: values
            for name in MEASURED
            if (values := spread(everything[name].drop_null().to_pylist()))
        },
        rejections=rejections(splits),
        retried=len(everything) - everything["retry_seed"].null_count,
        claims={name: claims(everything, name) for name in CLAIMANTS},
        filled={
            name: len(everything) - everything[name].null_count for name in everything.column_names
        },
    )


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} cannot be read ({error}).") from error


def _configs(folder: Path, num_bytes: Mapping[str, Mapping[str, int]]) -> tuple[str, ...]:
    """A card is written before the shards of `default` are in place, so those are taken as there.

    It needs the label files; every other config is optional.
    """
    return tuple(
        config
        for config, place in FOLDERS.items()
        if config in ("default", "metadata")
        or config in num_bytes
        or any(folder.glob(f"{place}/*.parquet"))
    )


def _size(
    folder: Path,
    split: str,
    table: pa.Table,
    configs: tuple[str, ...],
    num_bytes: Mapping[str, Mapping[str, int]],
) -> SplitSize:
    video = pc.sum(table["size_bytes"]).as_py() or 0
    labels = _bytes(folder, "metadata", split)
    found = {"default": labels + video, "metadata": labels}
    for config in configs:
        if split in num_bytes.get(config, {}):
            found[config] = num_bytes[config][split]
        elif config not in found:
            found[config] = _bytes(folder, config, split)
    return SplitSize(
        clips=len(table),
        subjects=pc.count_distinct(table["subject_id"]).as_py(),
        rejected=table["accepted"].to_pylist().count(False),
        video_bytes=video,
        num_bytes=found,
    )


def _bytes(folder: Path, config: str, split: str) -> int:
    paths = folder.glob(f"{FOLDERS[config]}/{split}-*.parquet")
    footers = [pq.read_metadata(path) for path in paths]
    return sum(f.row_group(i).total_byte_size for f in footers for i in range(f.num_row_groups))


def _generations(
    folder: Path, files: dict[str, list[Path]], tables: dict[str, list[pa.Table]]
) -> dict[str, Generation]:
    origins = read_origins(folder)
    clips: dict[str, dict[str, int]] = {fingerprint: {} for fingerprint in origins}
    people: dict[str, set[str]] = {}
    for split, paths in files.items():
        for path, table in zip(paths, tables[split], strict=True):
            build = read_stamp(path).build
            rows = clips.setdefault(build, {})
            rows[split] = rows.get(split, 0) + len(table)
            people.setdefault(build, set()).update(table["subject_id"].unique().to_pylist())
    return {
        build: Generation(rows, len(people[build]), origins.get(build))
        for build, rows in clips.items()
        if rows
    }
