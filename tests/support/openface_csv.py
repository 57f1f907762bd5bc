"""OpenFace files and indices of clips, made up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from equime_hub.schema.taxonomy import AU_INDEX, AU_NUMBERS

HEADER = (
    ["frame", "face_id", "timestamp", "confidence", "success", "gaze_0_x"]
    + [f"AU{number:02d}_r" for number in AU_NUMBERS]
    + [f"AU{number:02d}_c" for number in (*AU_NUMBERS, 28)]
)


def openface(
    path: Path,
    intensities: Sequence[Mapping[int, float]],
    *,
    confidence: Mapping[int, float] | None = None,
    failed: Iterable[int] = (),
    first: int = 1,
) -> Path:
    """Write a file as OpenFace does: ", " between cells, 0 to 5, failed frames all zero.

    Args:
        path: The file.
        intensities: FACS number → 0 to 5, one mapping a frame.
        confidence: Of some frames; 0.98 of all others.
        failed: Frame numbers without success.
        first: Number of the first frame.
    """
    lines = [", ".join(HEADER)]
    for frame, values in enumerate(intensities, first):
        success = frame not in failed
        aus = np.zeros(len(AU_NUMBERS))
        for number, value in values.items():
            aus[AU_INDEX[number]] = value * success
        sure = (confidence or {}).get(frame, 0.98 if success else 0.0)
        start = [str(frame), "0", f"{(frame - first) / 25:.3f}", f"{sure:.2f}", str(int(success))]
        presences = [f"{float(value >= 1):.2f}" for value in (*aus, 0)]
        lines.append(", ".join([*start, "0.1", *(f"{value:.2f}" for value in aus), *presences]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def index(path: Path, header: str, *rows: str) -> Path:
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def micro(folder: Path) -> Path:
    """Three clips of two emotions and two people; the apex of clip i is AU 4 at i / 5."""
    for i in (1, 2, 3):
        track: list[dict[int, float]] = [{1: 0.5}, {4: i / 2, 1: 0.5}, {4: i, 1: 0.5}, {}]
        openface(folder / f"{i}.csv", track)
    return index(
        folder / "micro.csv",
        "file,subject,dataset,emotion,onset_frame,apex_frame",
        "1.csv,sub01,casme2,anger,1,3",
        "2.csv,006,samm,anger,1,3",
        "3.csv,006,samm,sadness,1,3",
    )


def macro(folder: Path, frames: int = 20) -> Path:
    """One clip of surprise: AU 2 is 0.2 at frame 1 (counted from 0) and rises by that much."""
    openface(folder / "S001.csv", [{2: 0.2 * i, 1: 0.1} for i in range(frames)])
    return index(folder / "macro.csv", "file,subject,dataset,emotion", "S001.csv,S001,ck+,surprise")
