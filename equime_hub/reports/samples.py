"""A set of clips as columns of numbers: from a dataset, a metric CSV, or a folder of clips."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub.errors import DatasetError
from equime_hub.progress import Progress, watched
from equime_hub.reports.clips import named
from equime_hub.schema.taxonomy import EMOTIONS

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, Sequence[Any]]
"""Column name → one cell a clip; None, or words such as N/A, where nothing is known."""

MeasureClip = Callable[[Path], Mapping[str, float | int | None]]
"""Measures a video file; the keys are column names of the schema or of `METRICS`."""

PSNR_CAP = 100.0
"""What the published script writes when all frames are equal, dB."""

VIDEOS = (".avi", ".mkv", ".mov", ".mp4")
"""What the published script takes for a clip."""

_UNKNOWN = ("", "n/a", "na", "nan", "none", "null")
_PATHS = ("video_path", "directory", "video", "path")


@dataclass(frozen=True)
class Metric:
    """One number a clip.

    Attributes:
        key: Name in JSON.
        title: Name in print.
        unit: Its unit; empty if it has none.
        columns: Columns it is read from, the first that is there. The schema's name, then the
            two that the published CSVs use.
        between_frames: It compares consecutive frames, so it depends on the time between them.
        codec_bound: It tells of the encoder, not of the picture.
    """

    key: str
    title: str
    unit: str
    columns: tuple[str, ...]
    between_frames: bool = False
    codec_bound: bool = False

    @property
    def label(self) -> str:
        """Title with unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


def _published(key: str, title: str, unit: str = "", *, between_frames: bool = False) -> Metric:
    return Metric(key, title, unit, (key, f"{key}_mean", f"avg_{key}"), between_frames)


METRICS = (
    _published("psnr", "PSNR", "dB", between_frames=True),
    _published("ssim", "SSIM", between_frames=True),
    _published("tv", "Total variation"),
    _published("brisque", "BRISQUE"),
    _published("clip_iqa", "CLIP-IQA"),
    Metric("motion_amplitude", "Motion", "IOD", ("motion_amplitude",)),
    Metric("motion_fwhm_ms", "Motion width", "ms", ("motion_fwhm_ms",)),
    Metric("head_motion", "Head motion", "IOD", ("head_motion",)),
    Metric("bitrate_kbps", "Bit rate", "kbit/s", ("bitrate_kbps",), codec_bound=True),
    Metric("size_mib", "File size", "MiB", ("size_mb",), codec_bound=True),
)
"""All that is compared. IOD are inter-ocular distances. The published `size_mb` is in MiB."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One set of clips, n of them.

    Attributes:
        name: In tables and figures.
        size: n.
        values: Metric key → n values, NaN where unknown; absent if there is none at all.
        columns: Metric key → column it was read from.
        subjects: n numbers, equal for clips of one person; None if any is unknown.
        emotions: The different ones, in the schema's order; empty if any is unknown.
        fps: The different frame rates, rounded to 0.01; empty if any is unknown.
        frame_sizes: The different (width, height), pixels; empty if any is unknown.
        rejected: Clips that failed a gate and are not among the n.
    """

    name: str
    size: int
    values: Mapping[str, Floats]
    columns: Mapping[str, str]
    subjects: npt.NDArray[np.int64] | None = None
    emotions: tuple[str, ...] = ()
    fps: tuple[float, ...] = ()
    frame_sizes: tuple[tuple[int, int], ...] = ()
    rejected: int = 0

    def known(self, metric: Metric) -> Floats:
        """The finite values of a metric; empty if there are none."""
        values = self.values.get(metric.key, np.empty(0))
        return values[np.isfinite(values)]


def read(
    path: Path,
    name: str | None = None,
    *,
    rejected: bool = False,
    measure: MeasureClip | None = None,
    progress: Progress | None = None,
) -> Sample:
    """Read a set of clips.

    Args:
        path: A dataset in our schema (its label files alone are read), a CSV with one line a clip
            and the columns of `METRICS`, or a folder of video files.
        name: What to call it; None takes it from the path.
        rejected: Keep clips that failed a gate.
        measure: Measures the files of a folder of clips.
        progress: Called with files measured and files in all.

    Raises:
        DatasetError: Nothing there, nothing in it, a cell that is no number, or no known column.
    """
    path = path.expanduser()
    if path.is_file():
        columns = _from_csv(path)
    elif labels := sorted(path.glob("metadata/*.parquet")):
        columns = _from_labels(labels)
    elif clips := sorted(p for p in path.rglob("*") if p.suffix.lower() in VIDEOS):
        columns = _from_clips(path, clips, measure, progress)
    else:
        raise DatasetError(
            f"{path} is no dataset (metadata/*.parquet), no CSV file, and no folder of clips "
            f"({', '.join(VIDEOS)})."
        )
    own = path.stem if path.is_file() else path.resolve().name
    return sample(name or own, columns, str(path), rejected=rejected)


def sample(name: str, columns: Columns, origin: str, *, rejected: bool = False) -> Sample:
    """Make sense of columns.

    Args:
        name: What to call the set.
        columns: Equally long ones.
        origin: Where they are from, for messages.
        rejected: Keep clips that failed a gate.

    Raises:
        DatasetError: No clip, no known column, or a cell that is no number.
    """
    accepted = columns.get("accepted", ())
    kept = [i for i, ok in enumerate(accepted) if rejected or str(ok).lower() != "false"]
    left_out = len(accepted) - len(kept)
    if left_out:
        columns = {key: [cells[i] for i in kept] for key, cells in columns.items()}
    size = max(map(len, columns.values()), default=0)
    if not size:
        gates = f" but {left_out} that failed a gate (keep them with --rejected)"
        raise DatasetError(f"{origin} holds no clip{gates if left_out else ''}.")
    columns = _derived(columns, origin)
    there = {metric.key: [c for c in metric.columns if c in columns] for metric in METRICS}
    sources = {key: present[0] for key, present in there.items() if present}
    if not sources:
        known = ", ".join(column for metric in METRICS for column in metric.columns)
        raise DatasetError(
            f"{origin} has no column of a metric; its columns are {', '.join(columns)}. "
            f"Expected, separated by commas, any of: {known}."
        )
    values = {}
    for key, column in sources.items():
        found = _numbers(columns, column, origin)
        if key == "psnr":
            found = np.minimum(found, PSNR_CAP)  # of equal frames it is infinite
        if np.isfinite(found).any():
            values[key] = np.where(np.isfinite(found), found, np.nan)
    sides = (_all_numbers(columns, side, origin) for side in ("width", "height"))
    people = _all_words(columns, "subject_id", "subject")
    return Sample(
        name=name,
        size=size,
        values=values,
        columns={key: sources[key] for key in values},
        subjects=np.unique(people, return_inverse=True)[1] if people else None,
        emotions=_emotions(columns),
        fps=tuple(sorted({round(f, 2) for f in _all_numbers(columns, "fps", origin)})),
        # Where one side is unknown, there is nothing to pair the other with.
        frame_sizes=tuple(sorted({(int(w), int(h)) for w, h in zip(*sides, strict=False)})),
        rejected=left_out,
    )


def _from_csv(path: Path) -> Columns:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is no CSV file ({error}).") from error
    if not lines:
        raise DatasetError(f"{path} is empty: expected a line of column names, then clips.")
    header = [cell.strip().lower() for cell in lines[0]]
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(header):
            raise DatasetError(
                f"{path}: row {number} has {len(line)} cells, the first row {len(header)}."
            )
    return {key: [line[i] for line in lines[1:]] for i, key in enumerate(header)}


def _from_labels(paths: Sequence[Path]) -> Columns:
    wanted = {
        *(column for metric in METRICS for column in metric.columns), "size_bytes", "accepted",
        "subject_id", "emotion", "fps", "width", "height",
    }  # fmt: skip
    tables = []
    for path in paths:
        try:
            names = [name for name in pq.read_schema(path).names if name in wanted]
            tables.append(pq.read_table(path, columns=names))
        except pa.ArrowInvalid as error:
            raise DatasetError(f"{path} cannot be read ({error}).") from error
    return named(pa.concat_tables(tables, promote_options="default").to_pydict())


def _from_clips(
    folder: Path, clips: Sequence[Path], measure: MeasureClip | None, progress: Progress | None
) -> Columns:
    if measure is None:
        raise DatasetError(
            f"{folder} is a folder of clips, which cannot be measured here. Give a dataset or a "
            "CSV of its metrics."
        )
    rows = [measure(clip) for clip in watched(clips, progress)]
    paths = [clip.relative_to(folder.parent).as_posix() for clip in clips]
    keys = dict.fromkeys(key for row in rows for key in row)
    return {"path": paths, **{key: [row.get(key) for row in rows] for key in keys}}


def _derived(columns: Columns, origin: str) -> Columns:
    """With the file size in MiB and the frame rate, where they follow from other columns."""
    found = dict(columns)
    if "size_mb" not in found and "size_bytes" in found:
        found["size_mb"] = (_numbers(found, "size_bytes", origin) / 2**20).tolist()
    if "fps" not in found and {"num_frames", "duration_s"} <= found.keys():
        seconds = _numbers(found, "duration_s", origin)
        frames = _numbers(found, "num_frames", origin)
        found["fps"] = (frames / np.where(seconds > 0, seconds, np.nan)).tolist()
    return found


def _numbers(columns: Columns, name: str, origin: str) -> Floats:
    return np.array([_number(cell, name, row, origin) for row, cell in enumerate(columns[name], 2)])


def _number(cell: Any, name: str, row: int, origin: str) -> float:
    if cell is None or str(cell).strip().lower() in _UNKNOWN:
        return math.nan
    try:
        return float(cell)
    except ValueError:
        raise DatasetError(
            f"{origin}: {name} in row {row} is {cell!r}, expected a number, or nothing if it is "
            "unknown."
        ) from None


def _all_numbers(columns: Columns, name: str, origin: str) -> list[float]:
    """The column, or nothing if any cell is unknown."""
    found = _numbers(columns, name, origin) if name in columns else np.array([math.nan])
    return found.tolist() if np.isfinite(found).all() else []


def _all_words(columns: Columns, *names: str) -> list[str]:
    """The first of these columns that is there, or nothing if any cell is unknown."""
    cells: Sequence[Any] = next((columns[name] for name in names if name in columns), ())
    words = ["" if cell is None else str(cell).strip() for cell in cells]
    return [] if any(word.lower() in _UNKNOWN for word in words) else words


def _emotions(columns: Columns) -> tuple[str, ...]:
    """From the column, or else from a folder's name in the path, as EquiME lays out its clips."""
    found = {word.lower() for word in _all_words(columns, "emotion")}
    if not found:
        paths = [PurePosixPath(path.lower()).parts for path in _all_words(columns, *_PATHS)]
        named = [next((part for part in parts if part in EMOTIONS), None) for parts in paths]
        found = set() if None in named else {name for name in named if name}
    known = [emotion for emotion in EMOTIONS if emotion in found]
    return (*known, *sorted(found.difference(EMOTIONS)))
