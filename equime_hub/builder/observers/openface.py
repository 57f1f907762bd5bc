"""AUs as OpenFace 2 saw them: one CSV a clip, made by `FeatureExtraction -aus`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equime_hub.builder.causal import openface
from equime_hub.builder.observers import Apex, SeenUnits
from equime_hub.errors import DatasetError

CONFIDENCE = 0.8
"""Least confidence of the tracker; in [0, 1]."""


@dataclass(frozen=True)
class OpenFaceFolder:
    """Reads CLIP_ID.csv; see `AuObserver`. Intensities of 0 to 5 become 0 to 1.

    A clip has no answer without a file, or if its face is not tracked at the apex.

    Attributes:
        folder: Where the files are.

    Raises:
        DatasetError: No such folder, or no CSV in it.
    """

    folder: Path | None

    def __post_init__(self) -> None:
        if self.folder is None or not any(self.folder.glob("*.csv")):
            where = "no folder is named" if self.folder is None else f"{self.folder} holds none"
            raise DatasetError(
                f"The AUs of OpenFace are read from CSV files named CLIP_ID.csv, but {where}. "
                "Name their folder with --csv."
            )

    @property
    def tool(self) -> str:
        """The files do not say which version of OpenFace 2 made them."""
        return f"openface 2 (csv, confidence >= {CONFIDENCE:g})"

    def units(self, apex: Apex) -> SeenUnits | None:
        """The intensities at the apex.

        Raises:
            DatasetError: The file is about a clip of other frames.
            PlanError: The file is none of OpenFace 2.
        """
        assert self.folder is not None  # it was looked into
        path = self.folder / f"{apex.clip_id}.csv"
        if not path.is_file():
            return None
        track = openface.read(path, CONFIDENCE)
        last = int(track.frames[-1]) if len(track.frames) else 0
        at = np.flatnonzero(track.frames == apex.frame + 1)  # OpenFace counts from 1
        if last > apex.num_frames or not len(at):
            raise DatasetError(
                f"{path} ends with frame {last} and {'has' if len(at) else 'lacks'} frame "
                f"{apex.frame + 1}, but the clip has {apex.num_frames} frames. Run OpenFace on "
                "the clip as it is in the dataset."
            )
        if not track.tracked[at[0]]:
            return None
        return SeenUnits(tuple(track.aus[at[0]].tolist()))
