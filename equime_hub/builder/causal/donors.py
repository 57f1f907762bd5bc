"""The samplers `micro` and `macro`: AU vectors borrowed from people in real clips.

They are MiE-X's z_MiE, annotated micro-expressions, and z_MaE, the early frames of
macro-expressions (paper §4.2).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from equime_hub import seeds
from equime_hub.builder.causal import openface
from equime_hub.builder.causal.draw import Draw, demand
from equime_hub.errors import PlanError
from equime_hub.files import read_csv, sha256
from equime_hub.schema.taxonomy import EMOTIONS

Vectors = npt.NDArray[np.float64]

_COLUMNS = ("file", "subject", "dataset", "emotion")
_SHOWN = 10
"""Problems that one message lists."""


Donation = tuple[Vectors, Vectors]
"""What one clip has to give: 17 intensities at the onset, and k×17, k >= 1, any of which may be
the apex."""


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
    def donation(self, row: dict[str, str], track: openface.OpenFaceTrack) -> Donation:
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
        subject, (onset, apexes) = clips[int(rng.integers(len(clips)))]
        apex = apexes[int(rng.integers(len(apexes)))]
        return Draw(_rounded(onset), _rounded(apex), self.source, subject)

    def _rows(self) -> list[dict[str, str]]:
        needed = _COLUMNS + self.columns
        lines = read_csv(self.index, PlanError, needed)
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


@dataclass(frozen=True)
class MicroSampler(DonorSampler):
    """Onset and apex of a real micro-expression, at the frames that its annotators named.

    The index has two more columns, `onset_frame` and `apex_frame`: frame numbers as the OpenFace
    file has them, so 1 is the first frame of what OpenFace was given. A pair without any
    difference between the two is refused, as is a frame in which the face was not tracked.
    """

    source: ClassVar[str] = "micro"
    columns: ClassVar[tuple[str, ...]] = ("onset_frame", "apex_frame")

    def donation(self, row: dict[str, str], track: openface.OpenFaceTrack) -> Donation:
        """The pair.

        Raises:
            PlanError: A frame is no number, not there or not tracked, the apex does not come
                after the onset, or nothing moves between them.
        """
        texts = [row[column] for column in self.columns]
        if not all(text.isdecimal() for text in texts) or not int(texts[0]) < int(texts[1]):
            raise PlanError(
                f"{track.path}: onset_frame and apex_frame must be whole numbers, the first "
                f"below the second, got {texts[0]!r} and {texts[1]!r}."
            )
        onset, apex = (track.at(int(text)) for text in texts)
        apexes = _moving(onset, apex[None])
        if not len(apexes):
            raise PlanError(
                f"{track.path}: the AUs of frames {texts[0]} and {texts[1]} are the same."
            )
        return onset, apexes


@dataclass(frozen=True)
class MacroSampler(DonorSampler):
    """First frame of a macro-expression as onset, and as apex a frame before it is strong.

    The apex is uniform over the frames ⌊α·n⌋ to ⌊β·n⌋ of the n of a clip, both included,
    counted from 0. (The paper prints the lower end alone; its §5.3 names both.) Frames in which
    the face was not tracked, and such as do not differ from the onset, are not drawn; a clip
    without any other, or with an untracked first frame, is refused.

    Attributes:
        interval: (α, β), 0 <= α <= β <= 1; MiE-X uses (0.3, 0.5).
    """

    source: ClassVar[str] = "macro"

    interval: tuple[float, float] = (0.3, 0.5)

    def __post_init__(self) -> None:
        low, high = self.interval
        if not 0 <= low <= high <= 1:
            raise PlanError(f"interval must satisfy 0 <= low <= high <= 1, got ({low}, {high}).")
        super().__post_init__()

    def donation(self, row: dict[str, str], track: openface.OpenFaceTrack) -> Donation:
        """The first frame and all that may be the apex.

        Raises:
            PlanError: The face was not tracked in the first frame, or in no frame of the
                interval, or nothing moves until then.
        """
        onset = track.at(int(track.frames[0]))
        # Rounded first: 0.29 · 100 is 28.999… in floating point.
        low, high = (int(np.floor(round(share * len(track.frames), 9))) for share in self.interval)
        early = slice(low, high + 1)
        apexes = _moving(onset, track.aus[early][track.tracked[early]])
        if not len(apexes):
            raise PlanError(
                f"{track.path}: of its {len(track.frames)} frames none from {low} to {high} "
                "(counted from 0) is tracked and differs from the first."
            )
        return onset, apexes


@lru_cache(maxsize=16)
def _donations(sampler: DonorSampler) -> dict[str, list[tuple[str, Donation]]]:
    """Emotion → the person ("dataset/subject") and the gift of each of its clips.

    All clips can be used, or none can and one message says why.
    """
    rows = sampler._rows()
    found = _digest(sampler.index, rows)
    if found != sampler.sha256:
        raise PlanError(
            f"{sampler.index} and the files it lists have the SHA-256 {found[:12]}…, expected "
            f"{sampler.sha256[:12]}…: they were changed. Bring the old ones back, or leave "
            "sha256 empty to use them as they are."
        )
    donations: dict[str, list[tuple[str, Donation]]] = {}
    problems = []
    for row in rows:
        try:
            track = openface.read(sampler.index.parent / row["file"], sampler.min_confidence)
            given = f"{row['dataset']}/{row['subject']}", sampler.donation(row, track)
            donations.setdefault(row["emotion"], []).append(given)
        except PlanError as error:
            problems.append(str(error))
    if problems:
        more = [f"And {len(problems) - _SHOWN} more."] if len(problems) > _SHOWN else []
        raise PlanError(
            f"{len(problems)} of the {len(rows)} clips in {sampler.index} cannot be used; take "
            "them out of it or extract their AUs again. " + " ".join(problems[:_SHOWN] + more)
        )
    return donations


def _digest(index: Path, rows: list[dict[str, str]]) -> str:
    try:
        clips = [sha256(index.parent / row["file"]) for row in rows]
        return seeds.digest(sha256(index), clips)
    except (OSError, ValueError) as error:
        raise PlanError(f"{index} lists a file that cannot be read: {error}.") from error


def _moving(onset: Vectors, apexes: Vectors) -> Vectors:
    """The apexes that differ from the onset, at the precision of a draw."""
    moved: Vectors = apexes[(apexes.round(4) != onset.round(4)).any(axis=1)]
    return moved


def _rounded(vector: Vectors) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in vector)
