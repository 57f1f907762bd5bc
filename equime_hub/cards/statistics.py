"""Counts of a dataset, taken from its label files: every number on a card comes from here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from equime_hub.errors import DatasetError
from equime_hub.schema import taxonomy as tx
from equime_hub.schema.features import COLUMNS, FOLDERS
from equime_hub.schema.stamp import Origin, read_origins, read_stamp
from equime_hub.splits.assign import SPLITS
from equime_hub.video import timing

Table = dict[str, dict[str, int]]
"""Row name → column name, such as a split → clips."""

LONGEST_MS = 500.0
"""An expression that lasts longer from onset to offset is no micro-expression (Yan et al. 2013)."""

MEASURED: Mapping[str, int] = {
    "psnr": 2,
    "ssim": 4,
    "tv": 2,
    "brisque": 1,
    "clip_iqa": 3,
    "motion_amplitude": 4,
    "motion_fwhm_ms": 0,
    "motion_return": 3,
    "head_motion": 4,
    "first_frame_psnr": 2,
    "bitrate_kbps": 0,
}
"""Columns that hold what was measured on the clips → decimals that mean something."""

_GROUPS = (
    ("gender", "gender", tx.GENDERS),
    ("age group", "age_group", tx.AGE_GROUPS),
    ("race", "race", tx.RACES),
)
"""What a group of people is called, its column, and its names."""

CLAIMANTS = (
    "label_source", "au_source", "apex_source", "demographics_source", "emotion_observer",
    "au_observer",
)  # fmt: skip
"""Columns that say who claims what other columns hold."""

SETTINGS = (
    "generator", "model_id", "model_revision", "steps", "guidance_scale", "batch_size", "software",
)  # fmt: skip
"""Columns that say how a clip was made, and are the same in many."""


@dataclass(frozen=True)
class Distribution:
    """How some numbers lie; quartiles are interpolated linearly.

    Attributes:
        n: How many are known.
        mean: Of those.
        sd: Standard deviation (n − 1); None for a single one.
        least: The smallest.
        quartiles: First quartile, median, third quartile.
        largest: The largest.
    """

    n: int
    mean: float
    sd: float | None
    least: float
    quartiles: tuple[float, float, float]
    largest: float


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
class BuildCounts:
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
        groups: "gender", "age group" and "race" → group × split; "unknown" where null.
        emotions_by: The same → emotion × group.
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
    generations: dict[str, BuildCounts]
    emotions: Table
    groups: dict[str, Table]
    emotions_by: dict[str, Table]
    sources: dict[tuple[str, str | None], int]
    settings: dict[tuple[Any, ...], int]
    encodings: dict[str, int]
    frames: dict[tuple[int, int, int, float | None], int]
    durations: Distribution | None
    too_long: int
    measured: dict[str, Distribution]
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
    told = num_bytes or {}
    configs = _configs(folder, told)
    durations = _milliseconds(everything)
    reasons = sorted(everything["rejection_reason"].drop_null().unique().to_pylist())
    return Statistics(
        splits={s: _size(folder, s, table, configs, told) for s, table in splits.items()},
        configs=configs,
        generations=_builds(folder, files, tables),
        emotions=_cross(splits, "emotion", _known(tx.EMOTIONS)),
        groups={said: _cross(splits, column, _known(names)) for said, column, names in _GROUPS},
        emotions_by={
            said: _emotions_by(everything, column, _known(names)) for said, column, names in _GROUPS
        },
        sources=_values(everything, "source_dataset", "license"),
        settings=_values(everything, *SETTINGS),
        encodings={name: n for (name,), n in _values(everything, "encoding").items()},
        frames=_values(everything, "num_frames", "width", "height", "fps"),
        durations=distribution(durations),
        too_long=sum(value > LONGEST_MS for value in durations),
        measured={
            name: values
            for name in MEASURED
            if (values := distribution(everything[name].drop_null().to_pylist()))
        },
        rejections=_cross(splits, "rejection_reason", {reason: reason for reason in reasons}),
        retried=len(everything) - everything["retry_seed"].null_count,
        claims={name: _claims(everything, name) for name in CLAIMANTS},
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


def _builds(
    folder: Path, files: dict[str, list[Path]], tables: dict[str, list[pa.Table]]
) -> dict[str, BuildCounts]:
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
        build: BuildCounts(rows, len(people[build]), origins.get(build))
        for build, rows in clips.items()
        if rows
    }


def distribution(values: Iterable[float]) -> Distribution | None:
    """How numbers lie; None if there are none."""
    numbers = np.fromiter(values, np.float64)
    if not numbers.size:
        return None
    least, *quartiles, largest = (float(q) for q in np.quantile(numbers, (0, 0.25, 0.5, 0.75, 1)))
    return Distribution(
        n=numbers.size,
        mean=float(numbers.mean()),
        sd=float(numbers.std(ddof=1)) if numbers.size > 1 else None,
        least=least,
        quartiles=(quartiles[0], quartiles[1], quartiles[2]),
        largest=largest,
    )


def _milliseconds(table: pa.Table) -> list[float]:
    """From onset to offset of every clip that has both and a frame rate."""
    columns = (table[name].to_pylist() for name in ("onset_frame", "offset_frame", "fps"))
    return [
        timing.milliseconds(offset - onset, fps)
        for onset, offset, fps in zip(*columns, strict=True)
        if None not in (onset, offset, fps)
    ]


def _values(table: pa.Table, *names: str) -> dict[tuple[Any, ...], int]:
    """Values of some columns → rows, in the order of the values; None comes first."""
    values = zip(*(table[name].to_pylist() for name in names), strict=True)
    return dict(
        sorted(
            Counter(values).items(),
            key=lambda item: [(value is not None, value) for value in item[0]],
        )
    )


def _cross(tables: dict[str, pa.Table], column: str, names: Mapping[Any, str]) -> Table:
    """Value by its name × split; values without a clip are left out."""
    counts = {split: Counter(table[column].to_pylist()) for split, table in tables.items()}
    rows = {
        name: {split: counts[split][value] for split in counts} for value, name in names.items()
    }
    return {name: row for name, row in rows.items() if any(row.values())}


def _emotions_by(table: pa.Table, column: str, names: Mapping[Any, str]) -> Table:
    """Emotion × group; groups and emotions without a clip are left out."""
    pairs = Counter(zip(table["emotion"].to_pylist(), table[column].to_pylist(), strict=True))
    there = [value for value in names if any(group == value for _, group in pairs)]
    emotions = [e for e in range(len(tx.EMOTIONS)) if any(emotion == e for emotion, _ in pairs)]
    return {tx.EMOTIONS[e]: {names[value]: pairs[e, value] for value in there} for e in emotions}


def _known(names: Iterable[str]) -> dict[Any, str]:
    """Class number → name; null is "unknown"."""
    return dict(enumerate(names)) | {None: "unknown"}


def _claims(table: pa.Table, column: str) -> dict[str, int]:
    """Who is named in a column → clips; "nobody" where it is null."""
    names = next(c.names for c in COLUMNS if c.name == column)
    counts = Counter(table[column].to_pylist())
    said = sorted(
        (names[value] if names else value, n) for value, n in counts.items() if value is not None
    )
    return dict(said) | ({"nobody": counts[None]} if counts[None] else {})
