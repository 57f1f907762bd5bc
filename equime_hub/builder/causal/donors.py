"""AU vectors borrowed from people in real clips: what `micro` and `macro` share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from equime_hub import seeds
from equime_hub.builder.causal import openface, table
from equime_hub.builder.causal.draw import Draw, demand
from equime_hub.errors import PlanError
from equime_hub.files import sha256
from equime_hub.schema.taxonomy import EMOTIONS

Vectors = npt.NDArray[np.float64]

_COLUMNS = ("file", "subject", "dataset", "emotion")
_SHOWN = 10
"""Problems that one message lists."""


@dataclass(frozen=True)
class Donation:
    """What one clip has to give.

    Attributes:
        subject: "dataset/subject".
        onset: 17 intensities.
        apexes: k×17 intensities, k >= 1: any of them may be the apex.
    """

    subject: str
    onset: Vectors
    apexes: Vectors


@dataclass(frozen=True)
class DonorSampler(ABC):
    """Draws a clip of the emotion, each equally likely, and takes its AUs.

    The index is a CSV file with one row a clip. Its columns are `file` (an OpenFace file,
    relative to the index), `subject`, `dataset`, `emotion` and those of `columns`; others are
    ignored. Files are read once a process, when they are first needed. The subject goes with
    every draw, so that what was borrowed from a test subject can be left out of training
    (MiE-X's rule against leakage).

    Attributes:
        index: The index.
        sha256: Hash of the index and of all files it lists, 64 hexadecimal digits. If left
            empty it becomes that of the files as they are; otherwise other files are refused.
        min_confidence: Frames that OpenFace is less sure of are not used; in [0, 1].
    """

    source: ClassVar[str]
    columns: ClassVar[tuple[str, ...]] = ()

    index: Path = field(metadata={"location": True})
    sha256: str = ""
    min_confidence: float = 0.8

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise PlanError(f"min_confidence must be in [0, 1], got {self.min_confidence}.")
        if not self.sha256:
            object.__setattr__(self, "sha256", _digest(self.index, self._rows()))

    @abstractmethod
    def donation(self, row: table.Row, track: openface.Track) -> Donation:
        """What a clip has to give.

        Raises:
            PlanError: Nothing; the message says why, and names the file.
        """

    def emotions(self) -> tuple[str, ...]:
        """Those of the clips, in the order of `EMOTIONS`."""
        return tuple(emotion for emotion in EMOTIONS if emotion in _donations(self))

    def draw(self, emotion: str, rng: np.random.Generator) -> Draw:
        """The AU vectors of one clip.

        Raises:
            PlanError: No clip shows the emotion, or the files cannot be used.
        """
        demand(emotion, self.emotions())
        clips = _donations(self)[emotion]
        clip = clips[int(rng.integers(len(clips)))]
        apex = clip.apexes[int(rng.integers(len(clip.apexes)))]
        return Draw(_rounded(clip.onset), _rounded(apex), self.source, clip.subject)

    def _rows(self) -> list[table.Row]:
        header, lines = table.read(self.index)
        needed = _COLUMNS + self.columns
        missing = [column for column in needed if column not in header]
        if missing:
            raise PlanError(
                f"{self.index} lacks the columns {', '.join(missing)}; it needs "
                f"{', '.join(needed)}."
            )
        for number, row in lines:
            for column in needed:
                if not row[column]:
                    raise PlanError(f"{self.index}, line {number}: {column} is empty.")
            if row["emotion"] not in EMOTIONS:
                raise PlanError(
                    f"{self.index}, line {number}: emotion is {row['emotion']!r}; write one of "
                    f"{', '.join(EMOTIONS)}."
                )
        return [row for _, row in lines]


@lru_cache(maxsize=16)
def _donations(sampler: DonorSampler) -> dict[str, list[Donation]]:
    """Emotion → what its clips have to give; all of them, or none and one message."""
    rows = sampler._rows()
    found = _digest(sampler.index, rows)
    if found != sampler.sha256:
        raise PlanError(
            f"{sampler.index} and the files it lists have the SHA-256 {found[:12]}…, expected "
            f"{sampler.sha256[:12]}…: they were changed. Bring the old ones back, or leave "
            "sha256 empty to use them as they are."
        )
    donations: dict[str, list[Donation]] = {}
    problems = []
    for row in rows:
        try:
            track = openface.read(sampler.index.parent / row["file"], sampler.min_confidence)
            donations.setdefault(row["emotion"], []).append(sampler.donation(row, track))
        except PlanError as error:
            problems.append(str(error))
    if problems:
        more = [f"And {len(problems) - _SHOWN} more."] if len(problems) > _SHOWN else []
        raise PlanError(
            f"{len(problems)} of the {len(rows)} clips in {sampler.index} cannot be used; take "
            "them out of it or extract their AUs again. " + " ".join(problems[:_SHOWN] + more)
        )
    return donations


def _digest(index: Path, rows: list[table.Row]) -> str:
    try:
        clips = [sha256(index.parent / row["file"]) for row in rows]
        return seeds.digest(sha256(index), clips)
    except (OSError, ValueError) as error:
        raise PlanError(f"{index} lists a file that cannot be read: {error}.") from error


def moving(onset: Vectors, apexes: Vectors) -> Vectors:
    """The apexes that differ from the onset, at the precision of a draw."""
    moved: Vectors = apexes[(apexes.round(4) != onset.round(4)).any(axis=1)]
    return moved


def _rounded(vector: Vectors) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in vector)
