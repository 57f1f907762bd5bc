"""What any video shows: how the face moves, when, and which expression a model takes it for.

The face is found in the first frame, and its motion measured against that frame over all others
(`video.moments`). A long video is measured in windows, each with a first frame of its own; what
is told is the window with the clearest expression, and the model is shown that window alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from equime_hub.errors import EquimeError, VideoError
from equime_hub.video import codec, sampling, timing
from equime_hub.video.clip import Clip
from equime_hub.video.face import align
from equime_hub.video.footage import Footage, footage
from equime_hub.video.moments import MeasuredMoments, Moments, estimate
from equime_hub.video.motion import Motion, classify
from equime_hub.video.picture import Picture, Pixels, centre

if TYPE_CHECKING:
    from equime_hub.models.inputs import Inputs
    from equime_hub.models.saved import SavedModel

SUFFIXES = frozenset((
    ".3gp", ".avi", ".flv", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts",
    ".ogv", ".ts", ".webm", ".wmv",
))  # fmt: skip
"""Endings of files that are looked for in a folder."""
WINDOW, HOP = 600, 450
"""Frames that are measured together, and from one window to the next: the time that measuring
takes grows with the square of the frames. An expression of half a second fits into what two
windows share at any rate up to 300 frames a second."""
PICTURES = 7
SIDE = 224
_MARGIN = 0.85
"""Pixels of a picture, and what it shows of the face: less than CelebA-HQ does."""
_ROOM = 2**28
"""Bytes of frames that are held at once for processors that take whole clips."""
_UNEVEN = 0.2
"""Share of a frame's time by which others may differ from it before a rate is called uneven."""


@dataclass(frozen=True, eq=False)
class VideoReading:
    """What is told of one video. Frames are those of the file, from 0.

    Attributes:
        path: The file.
        trouble: Why nothing can be told; then all else is empty.
        frames: How many it has.
        fps: Frames per second, as the file says or as was said instead.
        size: Width and height in pixels.
        window: First frame that was measured, and the one after the last.
        face: Whether a face was found in the first of them.
        motion: What was measured there; None if there is no face or only one frame.
        kind: What it is called, one of `video.motion.KINDS`; None with `motion`.
        moments: Onset, apex and offset, each None where it cannot be told.
        clock: When each frame is shown, in milliseconds from the first.
        probabilities: Class → probability; empty without a model.
        places: Frames of `pictures`.
        pictures: N×224×224×3 uint8, the face upright; None unless asked for.
        notes: Sentences.
    """

    path: Path
    trouble: str | None = None
    frames: int = 0
    fps: float = 0.0
    size: tuple[int, int] = (0, 0)
    window: tuple[int, int] = (0, 0)
    face: bool = False
    motion: Motion | None = None
    kind: str | None = None
    moments: Moments = field(default_factory=Moments)
    clock: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    probabilities: dict[str, float] = field(default_factory=dict)
    places: tuple[int, ...] = ()
    pictures: npt.NDArray[np.uint8] | None = None
    notes: tuple[str, ...] = ()

    @property
    def emotion(self) -> str | None:
        """The most probable class; None without a model."""
        return max(self.probabilities, key=self.probabilities.__getitem__, default=None)

    def ms(self, frame: int | None) -> float | None:
        """When a frame is shown."""
        return None if frame is None else float(self.clock[frame])


def found_in(paths: Iterable[Path]) -> list[Path]:
    """Files themselves, and the videos of folders and what is below them, sorted and once each.

    Raises:
        VideoError: A folder holds none.
    """
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not inside:
            raise VideoError(
                f"{path} holds no video: no file ends in {', '.join(sorted(SUFFIXES))}. Name "
                "files of other endings one by one."
            )
        files += inside
    return list(dict.fromkeys(files))


def read(
    path: Path, model: SavedModel | None = None, *, fps: float | None = None, pictures: bool = False
) -> VideoReading:
    """Look at one video; whatever is wrong with it is told in `VideoReading.trouble`.

    Args:
        path: Any file that PyAV reads.
        model: Says which expression it is; None tells of motion alone.
        fps: Frames per second of the scene, if the file does not say them truly.
        pictures: Also cut out faces to show.
    """
    if not path.is_file():
        return VideoReading(path, f"There is no file {path}.")
    if not path.stat().st_size:
        return VideoReading(path, f"{path} is empty; fetch or make it again.")
    try:
        return _read(path, model, fps, pictures)
    except EquimeError as error:
        return VideoReading(path, str(error))


def _read(path: Path, model: SavedModel | None, fps: float | None, pictures: bool) -> VideoReading:
    shown = _upright(path, footage(path))
    clock, notes = _clock(path, shown, fps)
    shown = replace(shown, rate=fps or shown.rate)
    first, part, found = _clearest(shown)
    motion = found.motion
    if shown.count > WINDOW:
        last = first + part.count - 1
        notes.append(f"A long video; told is what happens in its frames {first} to {last}.")
    if found.landmarks is None:
        notes.append(f"No face is found in frame {first}; the middle of the picture is taken.")
    elif motion is None:
        few = "There is only one frame" if shown.count == 1 else "The face is too small"
        notes.append(f"{few} to measure motion.")
    moments = Moments()
    if motion is not None and motion.apex_frame is not None:
        times = (motion.onset_frame, motion.apex_frame, motion.offset_frame)
        moments = Moments(*(None if time is None else first + time for time in times))
    height, width = part.frame(0).shape[:2]
    places = tuple(_places(moments, first, part.count)) if pictures else ()
    return VideoReading(
        path,
        frames=shown.count,
        fps=shown.fps,
        size=(width, height),
        window=(first, first + part.count),
        face=found.landmarks is not None,
        motion=motion,
        kind=None if motion is None else classify(motion),
        moments=moments,
        clock=clock,
        probabilities={} if model is None else _probabilities(model, part, found.moments),
        places=places,
        pictures=_pictures(shown, places, found) if pictures else None,
        notes=tuple(notes),
    )


def _upright(path: Path, shown: Footage) -> Footage:
    """As a player shows it: phones film lying down, and write how to turn that in their files."""
    turns = 0
    with contextlib.suppress(av.FFmpegError, StopIteration), av.open(str(path)) as container:
        first: Any = next(container.decode(container.streams.best("video")))
        turns = round(first.rotation / 90) % 4  # counterclockwise
    if not turns:
        return shown

    def pictures(indices: Iterable[int]) -> Iterator[Picture]:
        for frame in shown.stream(indices):
            yield Pixels(np.ascontiguousarray(np.rot90(frame, turns)))

    return replace(shown, pictures=pictures)


def _clock(
    path: Path, shown: Footage, fps: float | None
) -> tuple[npt.NDArray[np.float64], list[str]]:
    """When each frame is shown in milliseconds, and what is odd about that."""
    even = timing.milliseconds(np.arange(shown.count), fps or shown.fps)
    if fps is not None:
        return even, []
    starts = 1000 * codec.timeline(path)[0]
    steps = np.diff(starts)
    if len(starts) != shown.count or not len(steps):
        return even, []
    usual = float(np.median(steps))
    # Containers round times, to a millisecond at worst.
    if np.abs(steps - usual).max() <= max(_UNEVEN * usual, 1.5):
        return even, []
    note = "Its frames come at uneven times, which are given; motion is measured as if even."
    return starts - starts[0], [note]


def _clearest(shown: Footage) -> tuple[int, Footage, MeasuredMoments]:
    """Where motion was measured: the first frame, the frames, and what was found."""
    starts = [0]
    if shown.count > WINDOW:
        starts = [*range(0, shown.count - WINDOW, HOP), shown.count - WINDOW]
    parts = [(first, _part(shown, first, min(WINDOW, shown.count))) for first in starts]
    measured = ((first, part, estimate(part)) for first, part in parts)
    return max(measured, key=lambda each: _clearness(each[2].motion))


def _clearness(motion: Motion | None) -> tuple[bool, bool, float]:
    """An expression comes before none, and a whole one before one that is cut off."""
    if motion is None:
        return False, False, -1.0
    onset, offset = motion.onset_frame, motion.offset_frame
    last = len(motion.expression) - 1
    whole = onset is not None and offset is not None and onset > 0 and offset < last
    return motion.apex_frame is not None, whole, motion.peak_to_noise


def _part(shown: Footage, first: int, count: int) -> Footage:
    """Some frames in a row."""
    if count == shown.count:
        return shown

    def pictures(indices: Iterable[int]) -> Iterator[Picture]:
        return shown.pictures(first + index for index in indices)

    return Footage(count, shown.rate, pictures)


def _probabilities(model: SavedModel, part: Footage, moments: Moments) -> dict[str, float]:
    from equime_hub.prediction.clips import probabilities

    values = model.inputs.prepare(_whole(model.inputs, part), moments).values
    return dict(zip(model.classes, probabilities(model, [values])[0].tolist(), strict=True))


def _whole(inputs: Inputs, part: Footage) -> Any:
    """What the processor takes: ours decodes for itself, others are given frames that fit."""
    if hasattr(inputs.processor, "prepare"):
        return part
    shrink = 1.0
    frames: list[npt.NDArray[np.uint8]] = []
    for frame in part.stream(range(part.count)):
        if not frames:
            shrink = min(1.0, float(np.sqrt(_ROOM / (frame.nbytes * part.count))))
        if shrink < 1:
            size = tuple(max(1, round(shrink * side)) for side in frame.shape[1::-1])
            frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
        frames.append(frame)
    return Clip(np.stack(frames), part.fps)


def _places(moments: Moments, first: int, count: int) -> list[int]:
    """Frames to show: evenly spaced around the expression, with its moments among them."""
    last = first + count - 1
    if moments.apex is None:
        return sorted({int(i) for i in first + sampling.uniform(count, min(PICTURES, count))})
    begin, end = (
        limit if moment is None else moment
        for moment, limit in ((moments.onset, first), (moments.offset, last))
    )
    room = max((end - begin) // 3, 2)
    begin, end = max(first, begin - room), min(last, end + room)
    shown = begin + sampling.uniform(end - begin + 1, min(PICTURES, end - begin + 1))
    free = set(range(len(shown)))
    for moment in (moments.apex, moments.onset, moments.offset):
        if moment is not None and free and moment not in shown:
            nearest = min(free, key=lambda place: abs(int(shown[place]) - moment))
            shown[nearest] = moment
        free -= {int(place) for place in np.flatnonzero(shown == moment)}
    return sorted({int(place) for place in shown})


def _pictures(
    shown: Footage, places: Sequence[int], found: MeasuredMoments
) -> npt.NDArray[np.uint8]:
    frames = shown.stream(places)
    if found.landmarks is None:
        return np.stack([centre(frame, SIDE) for frame in frames])
    return align(frames, found.landmarks, SIDE, _MARGIN)
