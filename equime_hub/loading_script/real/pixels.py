"""Frames of a `RealClip` to encoded bytes, and the row they stand in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from equime_hub.errors import DatasetError, VideoError
from equime_hub.loading_script.real.clip import RealClip
from equime_hub.loading_script.real.frames import IMAGE_SUFFIXES, inside
from equime_hub.schema.imports import Problem, Reading
from equime_hub.schema.licences import RESTRICTED
from equime_hub.schema.taxonomy import IMAGES_AS_PEOPLE, age_group
from equime_hub.splits.people import full_name
from equime_hub.video import codec
from equime_hub.video.codec import EncoderConfig

ENCODER = EncoderConfig(preset="ultrafast", crf=6)
"""As near to lossless as veryfast at crf 2, with more of a subtle motion; on noisy frames encoded
five times and decoded twice as fast, and about as large as JPEG (`benchmarks/importing.py`)."""

NOMINAL_FPS = 1.0
"""Rate in the file of a clip whose rate is not known; the column `fps` is then null."""

_AS_FIELDS = (
    "clip_id", "part", "num_frames", "fps", "emotion", "emotion_3", "emotion_raw", "label_source",
    "expression", "facs", "au_source_subject", "apex_source", "gender", "age", "race", "generator",
)  # fmt: skip
"""Columns that are called as the fields of `RealClip` that they hold."""

Image = npt.NDArray[np.uint8]


def read(root: Path, clip: RealClip) -> Reading:
    """Read, encode and describe a clip.

    Gray frames stay gray: one channel is read and stored as luma with neutral chroma, which costs
    next to nothing and decodes to three equal channels. Odd sizes grow by one row or column,
    which repeats the last. A video that is taken whole and is H.264 in MP4 is stored as it is.

    Args:
        root: The lab's folder.
        clip: What to read.

    Returns:
        The row; none if a file cannot be read, which the problems then name.
    """
    if not clip.frames:
        return Reading(None, (_nothing(clip),))
    problems = [
        Problem(clip.clip_id, name, "The frame is missing; the clip goes on without it.")
        for name in clip.missing
    ]
    problems += [Problem(clip.clip_id, clip.frames[0], note) for note in clip.notes]
    try:
        row = _video_row(root, clip, problems) if clip.is_video else _image_row(root, clip)
    except _UnreadableError as error:
        return Reading(None, (*problems, Problem(clip.clip_id, error.file, str(error), lost=True)))
    except (DatasetError, VideoError) as error:
        return Reading(None, (*problems, Problem(clip.clip_id, clip.frames[0], str(error), True)))
    return Reading(row, tuple(problems))


def labels(clip: RealClip) -> dict[str, Any]:
    """All columns that are known without reading a file; unknown ones are None."""
    declared = any(value is not None for value in (clip.gender, clip.age, clip.race))
    whose = f" ({IMAGES_AS_PEOPLE})" if clip.images_as_people else ""
    return {
        **{name: getattr(clip, name) for name in _AS_FIELDS},
        "subject_id": person(clip.dataset, clip.subject),
        "source_dataset": clip.dataset + whose,
        "source_image": clip.frames[0] if clip.frames else None,
        "license": RESTRICTED + clip.licence,
        "fixes": "; ".join(clip.fixes) or None,
        "au_onset": None if clip.au_onset is None else list(clip.au_onset),
        "au_apex": None if clip.au_apex is None else list(clip.au_apex),
        "au_source": clip.au_source or (None if clip.au_apex is None else "annotated"),
        **{f"{name}_frame": getattr(clip, name) for name in ("onset", "apex", "offset")},
        "age_group": age_group(clip.age),
        "demographics_source": f"{clip.dataset} release" if declared else None,
        **{f"declared_{name}": getattr(clip, name) for name in ("gender", "age", "race")},
        "accepted": True,
        **dict(clip.others),
    }


def person(dataset: str, subject: str) -> str:
    """Name of a person across datasets; a subject that names its dataset stays.

    >>> person("samm", "006"), person("megc2019", "casme2/sub01")
    ('samm/006', 'casme2/sub01')
    """
    return subject if "/" in subject else full_name(dataset, subject)


def images(root: Path, clip: RealClip, hashed: Any = None) -> Iterator[Image]:
    """Frames of an image sequence one by one, H×W×3 uint8 RGB, of one even size.

    Args:
        root: The lab's folder.
        clip: Its `frames` are image files.
        hashed: A hash that is fed with the bytes of the files.

    Raises:
        VideoError: A file cannot be read, or has another size than the first.
        DatasetError: A file lies outside the root.
    """
    size: tuple[int, int] | None = None
    for name in clip.frames:
        data = _bytes(root, name)
        if hashed is not None:
            hashed.update(data)
        flags = cv2.IMREAD_GRAYSCALE if clip.gray else cv2.IMREAD_COLOR
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if _whole(data) else None
        if image is None:
            raise _UnreadableError(name, "It is no readable image; unpack or copy it again.")
        if size and image.shape[:2] != size:
            raise _UnreadableError(
                name,
                f"It has {image.shape[1]}×{image.shape[0]} pixels, the first frame of its clip "
                f"{size[1]}×{size[0]}.",
            )
        size = image.shape[:2]
        code = cv2.COLOR_GRAY2RGB if clip.gray else cv2.COLOR_BGR2RGB
        yield _even(np.asarray(cv2.cvtColor(image, code), np.uint8))


def encoded(root: Path, clip: RealClip) -> bytes:
    """The clip as the bytes that an import embeds.

    Raises:
        VideoError: A file cannot be read; the message names it.
        DatasetError: A file lies outside the root, or there is none.
    """
    reading = read(root, clip)
    if reading.row is None:
        worst = reading.problems[-1]
        raise VideoError(f"{clip.clip_id}: {worst.file}: {worst.problem}")
    data: bytes = reading.row["video"]["bytes"]
    return data


def _nothing(clip: RealClip) -> Problem:
    """Why a clip without any frame is lost: its folder is not there, or what it needs of it."""
    file = clip.missing[0] if clip.missing else clip.name
    if Path(file).suffix.lower() not in IMAGE_SUFFIXES:
        why = "The folder is not there, or has no frame of the clip."
    elif len(clip.missing) == 1:
        why = "The frame is missing; without it there is no clip."
    else:
        more = len(clip.missing) - 1
        why = f"The frame is missing, and {more} more; without them there is no clip."
    return Problem(clip.clip_id, file, why, lost=True)


def _image_row(root: Path, clip: RealClip) -> dict[str, Any]:
    hashed = hashlib.sha256()
    video = codec.encode_frames(images(root, clip, hashed), clip.fps or NOMINAL_FPS, ENCODER)
    return _row(clip, video, hashed.hexdigest(), ENCODER.describe())


def _video_row(root: Path, clip: RealClip, problems: list[Problem]) -> dict[str, Any]:
    name = clip.frames[0]
    data = _bytes(root, name)
    try:
        info = codec.probe(data)
        if clip.fps is not None and abs(info.fps - clip.fps) > 0.01 * clip.fps:
            said = f"It says {info.fps:g} fps, the dataset declares {clip.fps:g}, which is taken."
            problems.append(Problem(clip.clip_id, name, said))
        if clip.window is None and info.codec == "h264" and data[4:8] == b"ftyp":
            codec.decode(data, [info.num_frames - 1])  # its index promises frames; are they there?
            video, encoding = data, f"{info.codec}, as released"
        else:
            start, stop = clip.window or (0, info.num_frames)
            frames = map(_even, codec.decode(data, range(start, stop)).frames)
            video = codec.encode_frames(frames, clip.fps or NOMINAL_FPS, ENCODER)
            encoding = ENCODER.describe()
    except VideoError as error:
        raise _UnreadableError(name, str(error)) from error
    return _row(clip, video, hashlib.sha256(data).hexdigest(), encoding)


def _row(clip: RealClip, video: bytes, sha256: str, encoding: str) -> dict[str, Any]:
    info = codec.probe(video)
    late = [t for t in (clip.onset, clip.apex, clip.offset) if t is not None]
    if max(late, default=0) >= info.num_frames:
        problem = f"Frame {max(late)} is not in its {info.num_frames} frames."
        raise _UnreadableError(clip.frames[0], problem)
    seconds = info.num_frames / clip.fps if clip.fps else None
    return labels(clip) | {
        "video": {"bytes": video, "path": f"{clip.clip_id}.mp4"},
        "source_sha256": sha256,
        "num_frames": info.num_frames,
        "width": info.width,
        "height": info.height,
        "encoding": encoding,
        "size_bytes": len(video),
        "bitrate_kbps": len(video) * 8 / 1000 / seconds if seconds else None,
    }


def _bytes(root: Path, name: str) -> bytes:
    try:
        return inside(root, name).read_bytes()
    except OSError as error:
        raise _UnreadableError(name, f"It cannot be read: {error.strerror}.") from error


def _whole(data: bytes) -> bool:
    """Whether a file has its end; decoders fill what is cut off with gray and say nothing."""
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" in data
    if data.startswith(b"\x89PNG"):
        return b"IEND" in data
    if data.startswith(b"BM"):
        return len(data) >= int.from_bytes(data[2:6], "little")
    return bool(data)


def _even(image: Image) -> Image:
    height, width = image.shape[:2]
    if not (height % 2 or width % 2):
        return image
    grown = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return np.asarray(grown, np.uint8)


class _UnreadableError(VideoError):
    def __init__(self, file: str, problem: str) -> None:
        super().__init__(problem)
        self.file = file
