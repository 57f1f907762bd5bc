"""CSV files of OpenFace 2 (`FeatureExtraction -aus`): 17 AU intensities a frame.

Its header has a space before every name but the first. Intensities (`AU01_r` to `AU45_r`) go
from 0 to 5; presences (`AU01_c`) and all other columns are ignored (Baltrušaitis et al. 2018).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from equime_hub.errors import PlanError
from equime_hub.files import read_csv
from equime_hub.schema.taxonomy import AU_NUMBERS

SCALE = 5.0
"""OpenFace's highest intensity; it becomes 1."""

INTENSITIES = tuple(f"AU{number:02d}_r" for number in AU_NUMBERS)


@dataclass(frozen=True)
class OpenFaceTrack:
    """The AUs of one person in one clip.

    Attributes:
        path: The file, for messages.
        frames: Frame numbers, n integers that rise; OpenFace counts from 1.
        aus: n×17 intensities in [0, 1], in the order of `AU_NUMBERS`.
        tracked: n truth values: whether the face was found and surely enough. Where it was not,
            `aus` is 0 and means nothing.
    """

    path: Path
    frames: npt.NDArray[np.int64]
    aus: npt.NDArray[np.float64]
    tracked: npt.NDArray[np.bool_]

    def at(self, frame: int) -> npt.NDArray[np.float64]:
        """The 17 intensities at a frame number.

        Raises:
            PlanError: There is no such frame, or the face was not tracked in it.
        """
        found = np.flatnonzero(self.frames == frame)
        if not len(found):
            raise PlanError(
                f"{self.path} has no frame {frame}; its frames are {self.frames[0]} to "
                f"{self.frames[-1]}, and OpenFace counts from 1."
            )
        if not self.tracked[found[0]]:
            raise PlanError(f"{self.path}: the face was not tracked in frame {frame}.")
        vector: npt.NDArray[np.float64] = self.aus[found[0]]
        return vector


def read(path: Path, min_confidence: float = 0.8) -> OpenFaceTrack:
    """Read a file of OpenFace.

    Args:
        path: CSV file, one row a frame.
        min_confidence: Frames below it count as not tracked, as do those without success; in
            [0, 1].

    Raises:
        PlanError: No CSV file, columns missing (another version, or images in place of a
            clip), several faces, or a cell that is no number; one sentence with the place.
    """
    rows = read_csv(path, PlanError)
    _check_header(path, rows[0][1])
    frames = np.zeros(len(rows), np.int64)
    aus = np.zeros((len(rows), len(AU_NUMBERS)))
    tracked = np.zeros(len(rows), np.bool_)
    for index, (line, row) in enumerate(rows):
        where = f"{path}, line {line}"
        frames[index] = _frame(where, row, after=frames[index - 1] if index else -1)
        confidence, success = (_number(where, row, name) for name in ("confidence", "success"))
        tracked[index] = success == 1 and confidence >= min_confidence
        if tracked[index]:
            aus[index] = [_number(where, row, name) for name in INTENSITIES]
    return OpenFaceTrack(path, frames, (aus / SCALE).clip(0, 1), tracked)


def _check_header(path: Path, header: Collection[str]) -> None:
    missing = [name for name in INTENSITIES if name not in header]
    if missing:
        raise PlanError(
            f"{path} lacks {', '.join(missing)}: it is of another version than OpenFace 2, or "
            "was made without AUs. Run `FeatureExtraction -aus` of OpenFace 2."
        )
    missing = [name for name in ("frame", "confidence", "success") if name not in header]
    if missing:
        raise PlanError(
            f"{path} lacks {', '.join(missing)}: it is not about the frames of a clip. Run "
            "`FeatureExtraction` of OpenFace 2, not `FaceLandmarkImg`."
        )


def _frame(where: str, row: dict[str, str], after: int) -> int:
    if not re.fullmatch(r"\d{1,9}", row["frame"], re.ASCII):
        raise PlanError(f"{where}: frame is {row['frame']!r}, expected a whole number.")
    frame = int(row["frame"])
    if frame <= after:
        raise PlanError(
            f"{where}: frame {frame} comes after frame {after}, but frames must rise. If the "
            "file holds several faces, make one file for each face_id."
        )
    return frame


def _number(where: str, row: dict[str, str], column: str) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise PlanError(f"{where}: {column} is {row[column]!r}, expected a number.")
    return value
