"""The expression-transfer grid of any person: which clips stand in its rows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub.errors import DatasetError
from equime_hub.reports.figures import GridRow
from equime_hub.schema.taxonomy import EMOTIONS

_TIMES = ("onset_frame", "apex_frame", "offset_frame")
_COLUMNS = (
    "clip_id", "subject_id", "emotion", "facs", "accepted", "counterfactual_of", *_TIMES
)  # fmt: skip


def grid_rows(folder: Path, subject: str | None = None) -> tuple[str, list[GridRow]]:
    """One clip an emotion of one person, emotions in alphabetical order as in the supplement.

    Of several clips of an emotion the first one that passed every gate is taken. Counterfactuals,
    and clips whose onset, apex or offset is unknown, are left out.

    Args:
        folder: A dataset; of its videos only the chosen ones are read.
        subject: Whose; None takes the first of those with the most emotions.

    Returns:
        The person and the rows.

    Raises:
        DatasetError: No dataset there, no such person, or no clip of theirs that can be shown.
    """
    people: dict[str, dict[str, dict[str, Any]]] = {}
    for row in _labels(folder):
        clips = people.setdefault(row["subject_id"], {})
        if row["counterfactual_of"] is None and None not in [row[name] for name in _TIMES]:
            emotion = "unknown" if row["emotion"] is None else EMOTIONS[row["emotion"]]
            if not clips.get(emotion, {}).get("accepted"):
                clips[emotion] = row if row["accepted"] else clips.get(emotion, row)
    if subject is None:
        subject = max(people, key=lambda person: len(people[person]))
    if subject not in people:
        raise DatasetError(
            f"{folder} has no person {subject!r}. Some of its {len(people):,} are: "
            + ", ".join(list(people)[:5])
            + "."
        )
    chosen = people[subject]
    if not chosen:
        raise DatasetError(
            f"No clip of {subject!r} in {folder} says where onset, apex and offset are."
        )
    videos = _videos(folder, {row["clip_id"] for row in chosen.values()})
    return subject, [
        _grid_row(emotion, row, videos[row["clip_id"]]) for emotion, row in sorted(chosen.items())
    ]


def _labels(folder: Path) -> Iterable[dict[str, Any]]:
    # In the order of splits in which a dataset is read elsewhere too.
    paths = [p for split in ("train", "validation", "test")
             for p in sorted(folder.glob(f"metadata/{split}-*.parquet"))]  # fmt: skip
    if not paths:
        raise DatasetError(f"{folder} has no metadata/*.parquet: it holds no built dataset.")
    try:
        tables = [pq.read_table(path, columns=list(_COLUMNS)) for path in paths]
    except pa.ArrowInvalid as error:
        raise DatasetError(f"The labels in {folder} cannot be read ({error}).") from error
    rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
    return rows


def _videos(folder: Path, clips: set[str]) -> dict[str, bytes]:
    """Videos of clips; row groups without any of them are not read."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.glob("data/*.parquet")):
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                names = file.read_row_group(group, ["clip_id"])["clip_id"].to_pylist()
                if clips.isdisjoint(names):
                    continue
                videos = file.read_row_group(group, ["video"])["video"]
                found |= {n: videos[i]["bytes"].as_py() for i, n in enumerate(names) if n in clips}
    if missing := clips - found.keys():
        raise DatasetError(
            f"{folder}/data lacks the videos of clips {', '.join(sorted(missing))}. See what else "
            f"is wrong with: equime verify {folder}"
        )
    return found


def _grid_row(emotion: str, row: dict[str, Any], video: bytes) -> GridRow:
    from equime_hub.video.codec import decode

    return GridRow(
        title=emotion,
        subtitle=f"AU {row['facs']}" if row["facs"] else "",
        clip=decode(video),
        onset=row["onset_frame"],
        apex=row["apex_frame"],
        offset=row["offset_frame"],
    )
