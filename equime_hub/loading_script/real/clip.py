"""What passes between a dataset's annotation and its pixels: `Options` and `RealClip`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from equime_hub.errors import DatasetError
from equime_hub.schema.taxonomy import (
    ACTION_UNITS,
    APEX_SOURCES,
    AU_SOURCES,
    EMOTIONS,
    EMOTIONS_3,
    EXPRESSIONS,
    LABEL_SOURCES,
)

SPANS = ("expression", "recording")
"""What a clip holds: onset..offset inclusive, or all frames of its recording."""

VIDEO_SUFFIXES = {".mp4", ".avi", ".mov", ".mkv", ".webm"}

Vector = tuple[float, ...]


@dataclass(frozen=True)
class Options:
    """What is wanted of a dataset.

    Attributes:
        span: One of `SPANS`.
        cropped: Read the folder of faces that the release has cropped, not the raw frames.
        fixes: Correct known errors of the annotation (`quirks`).
        part: Only this part, such as "hs" of SMIC; None is the dataset's usual one, or all.
        label_map: Named map that gives `emotion_3`, such as "he3"; None is the dataset's own.
        normalize_fps: Frames per second that faster clips are reduced to; None keeps them all.

    Raises:
        DatasetError: Unknown span, or a rate that is not positive.
    """

    span: str = "expression"
    cropped: bool = False
    fixes: bool = True
    part: str | None = None
    label_map: str | None = None
    normalize_fps: float | None = None

    def __post_init__(self) -> None:
        if self.span not in SPANS:
            raise DatasetError(f"span is one of {', '.join(SPANS)}, got {self.span!r}.")
        if self.normalize_fps is not None and not 0 < self.normalize_fps < float("inf"):
            raise DatasetError(f"normalize_fps is a positive rate, got {self.normalize_fps}.")


@dataclass(frozen=True)
class RealClip:
    """All that is known of one clip before its pixels are read.

    Attributes:
        dataset: Name in the registry.
        subject: The person as the papers count them. "sub01" is one of this dataset;
            "casme2/sub01" says of which it is, for collections and for releases that show the
            people of another one.
        name: Of the clip; with dataset, part and subject it makes `clip_id`, which is unique.
        frames: Image files relative to the root, with "/", in order, only those of the span.
            Or one video file.
        fps: Frames per second as the dataset declares them; None if it does not (image pairs).
        window: First frame and one past the last of the video file; None for images, and for a
            video that is taken whole and as it is.
        onset: Index into this clip's frames, from 0.
        apex: Likewise.
        offset: Likewise; onset <= apex <= offset.
        apex_source: One of `taxonomy.APEX_SOURCES`; None without apex.
        emotion_raw: The label as the release writes it.
        emotion: One of `taxonomy.EMOTIONS`; None if no class fits.
        emotion_3: One of `taxonomy.EMOTIONS_3`; None if the map excludes it.
        label_source: One of `taxonomy.LABEL_SOURCES`; objective classes are "action_units".
        facs: The AU cell as the release writes it.
        au_onset: 17 intensities in [0, 1] in the order of `taxonomy.AU_NUMBERS`.
        au_apex: The same at the apex.
        au_source: One of `taxonomy.AU_SOURCES`; None takes "annotated" if there is `au_apex`.
        au_source_subject: Person whose AUs these are, if borrowed (MiE-X).
        licence: What the licence is called, without prefix, such as "SAMM release agreement".
        gender: One of `taxonomy.GENDERS`, if the release declares it.
        age: Years, likewise.
        race: One of `taxonomy.RACES`, likewise.
        expression: One of `taxonomy.EXPRESSIONS`.
        gray: Whether the frames are gray; they are then read as one channel.
        fixes: Ids of the corrections that touched the row.
        missing: Frame files that should be there and are not.
        part: Of the dataset, such as "hs" or "test_A".
        row: Where the annotation has it, such as "SAMM_Micro_FACS_Codes_v2.xlsx row 15".
        generator: What made the frames, if they are synthetic (MiE-X, EquiME).
        images_as_people: Whether the subject is the number of an image, who is in it not being
            known; the row's `source_dataset` then says so.
        others: Name and value of further columns of the schema that the release fills.
        notes: What is odd about the clip, one sentence each; an import lists them.

    Raises:
        DatasetError: A value that is none of the above; the message names the clip.
    """

    dataset: str
    subject: str
    name: str
    frames: tuple[str, ...]
    fps: float | None
    licence: str
    window: tuple[int, int] | None = None
    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    apex_source: str | None = None
    emotion_raw: str | None = None
    emotion: str | None = None
    emotion_3: str | None = None
    label_source: str | None = None
    facs: str | None = None
    au_onset: Vector | None = None
    au_apex: Vector | None = None
    au_source: str | None = None
    au_source_subject: str | None = None
    gender: str | None = None
    age: float | None = None
    race: str | None = None
    expression: str = "micro"
    gray: bool = False
    fixes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    part: str | None = None
    row: str | None = None
    generator: str | None = None
    images_as_people: bool = False
    others: tuple[tuple[str, str | int | float | None], ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, allowed in (
            ("emotion", EMOTIONS),
            ("emotion_3", EMOTIONS_3),
            ("label_source", LABEL_SOURCES),
            ("au_source", AU_SOURCES),
            ("apex_source", APEX_SOURCES),
            ("expression", EXPRESSIONS),
        ):
            if (value := getattr(self, name)) is not None and value not in allowed:
                raise self._error(f"{name} is one of {', '.join(allowed)}, got {value!r}")
        if self.fps is not None and not 0 < self.fps < float("inf"):
            raise self._error(f"fps is a positive number, got {self.fps}")
        for vector in (self.au_onset, self.au_apex):
            if vector is None:
                continue
            if len(vector) != len(ACTION_UNITS) or not all(0 <= value <= 1 for value in vector):
                raise self._error(f"AU intensities are 17 numbers in [0, 1], got {vector}")
        times = [t for t in (self.onset, self.apex, self.offset) if t is not None]
        last = self.num_frames
        if times != sorted(times) or (times and times[0] < 0):
            raise self._error(f"onset, apex and offset are not in order: {times}")
        if times and last is not None and last and times[-1] >= last:
            raise self._error(f"frame {times[-1]} is not in a clip of {last} frames")
        if (self.apex is None) != (self.apex_source is None):
            raise self._error("apex and apex_source are both given or both None")

    @property
    def clip_id(self) -> str:
        """Dataset, part, subject and name, of letters, digits and "._-" only.

        >>> RealClip("samm", "006", "006_1_2", (), 200.0, "").clip_id
        'samm-006-006_1_2'
        """
        pieces = (self.dataset, self.part or "", self.subject, self.name)
        return "-".join(re.sub(r"[^\w.-]+", "_", p, flags=re.ASCII) for p in pieces if p)

    @property
    def num_frames(self) -> int | None:
        """Frames in the clip; None for a video file that is taken whole, until it is opened."""
        if self.window:
            return self.window[1] - self.window[0]
        return None if self.is_video else len(self.frames)

    @property
    def is_video(self) -> bool:
        """Whether `frames` is one video file."""
        return len(self.frames) == 1 and Path(self.frames[0]).suffix.lower() in VIDEO_SUFFIXES

    def _error(self, problem: str) -> DatasetError:
        where = f" ({self.row})" if self.row else ""
        return DatasetError(f"{self.clip_id}{where}: {problem}.")
