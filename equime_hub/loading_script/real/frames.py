"""Image files of a recording: which there are, which are wanted, which are missing.

Nothing here reads a pixel (`pixels.py` does). All paths are relative to the root, with "/".
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real.clip import RealClip
from equime_hub.video.sampling import by_time
from equime_hub.video.timing import exact

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"}
LONGEST = 1_000_000
"""Frames that no recording has; more are a typing error in the annotation."""

_NUMBER = re.compile(r"\d+")


Place = Sequence[str]
"""A folder below the root, one name a level."""


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """Sorting key that counts: img2 before img10, letters without case.

    >>> sorted(["img10.jpg", "Img2.jpg", "img1.jpg"], key=natural)
    ['img1.jpg', 'Img2.jpg', 'img10.jpg']
    """
    pieces = re.split(r"(\d+)", name.lower())
    return tuple((0, int(p)) if p.isdecimal() else (1, p) for p in pieces if p)


def inside(root: Path, path: str | Path) -> Path:
    """A path below the root, links followed.

    Args:
        root: The lab's folder; it may itself be a link.
        path: Relative to it, or absolute.

    Raises:
        DatasetError: It leads out of the root, by a link or by "..".
    """
    full = root / path
    if not full.resolve().is_relative_to(root.resolve()):
        raise DatasetError(
            f"{full} leads out of {root} to {full.resolve()}. Nothing outside the root is read: "
            "copy the files into it, or take the folder that holds both for the root."
        )
    return full


def folder(root: Path, *names: str) -> str | None:
    """A folder below the root whose names are those given, whatever their letter case.

    A name that fits exactly is preferred.

    Returns:
        Its path relative to the root, as it is on disk; None if there is none.

    Raises:
        DatasetError: It leads out of the root.
    """
    found = PurePosixPath()
    for name in names:
        here = root / found
        if not name or not here.is_dir():
            return None
        there = [p.name for p in here.iterdir() if p.is_dir()]
        fitting = sorted((n for n in there if n.lower() == name.lower()), key=lambda n: n != name)
        if not fitting:
            return None
        found /= fitting[0]
    inside(root, str(found))
    return str(found)


def first_folder(root: Path, places: Iterable[Place]) -> str | None:
    """The first `folder` of several that exists; None if none does."""
    return next(filter(None, (folder(root, *names) for names in places)), None)


def absent(place: Place) -> dict[str, Any]:
    """What `span` would give for a clip whose folder is not there or empty."""
    return {"frames": (), "missing": ("/".join(place),)}


def images(root: Path, folder: str) -> tuple[str, ...]:
    """Image files directly in a folder, in natural order; hidden ones are left out.

    Raises:
        DatasetError: The folder is not there, or it or a file in it leads out of the root.
    """
    where = inside(root, folder)
    if not where.is_dir():
        raise DatasetError(f"{root} has no folder {folder}. Unpack the whole release there.")
    with os.scandir(where) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".")]
    there = [entry for entry in visible if Path(entry.name).suffix.lower() in IMAGE_SUFFIXES]
    for entry in there:
        if entry.is_symlink():
            inside(root, f"{folder}/{entry.name}")
    names = sorted((entry.name for entry in there), key=natural)
    return tuple(str(PurePosixPath(folder, name)) for name in names)


def numbered(paths: Iterable[str]) -> dict[int, str]:
    """Frame number → file: the last number in each name, whatever its padding.

    Raises:
        DatasetError: A name without number, or two files of one number.
    """
    found: dict[int, str] = {}
    for path in paths:
        numbers = _NUMBER.findall(PurePosixPath(path).stem)
        if not numbers:
            raise DatasetError(f"{path} has no frame number in its name. Move it elsewhere.")
        number = int(numbers[-1])
        if number in found:
            raise DatasetError(
                f"{found[number]} and {path} have the same frame number {number}. "
                "Move one of them elsewhere."
            )
        found[number] = path
    return dict(sorted(found.items()))


def span(
    numbered: Mapping[int, str],
    onset: int | None,
    apex: int | None,
    offset: int | None,
    *,
    whole: bool = False,
) -> dict[str, Any]:
    """Choose the frames of a clip by the frame numbers of the annotation.

    Where the very frame is missing, the time is that of the nearest frame that is there. Without
    apex, the middle between onset and offset takes its place.

    Args:
        numbered: Frame number → file of the whole recording, as `numbered` gives them.
        onset: Frame number; None, or None for `offset`, takes the whole recording.
        apex: Likewise.
        offset: Likewise, inclusive.
        whole: Take the whole recording (`Options.span` is "recording").

    Returns:
        Keyword arguments of `RealClip`: `frames` that are there, in order, empty if none of the
        wanted ones is; names of those that are `missing`; onset, apex and offset as indices into
        `frames`; and whether the apex is "annotated" or the "middle" (`apex_source`).

    Raises:
        DatasetError: Not onset <= apex <= offset, or more than `LONGEST` frames.
    """
    given = [number for number in (onset, apex, offset) if number is not None]
    if given != sorted(given):
        raise DatasetError(f"onset, apex and offset are not in order: {onset}, {apex}, {offset}.")
    wanted = set(numbered) | set(given)
    first, last = min(wanted, default=0), max(wanted, default=-1)
    if not whole and onset is not None and offset is not None:
        first, last = onset, offset
    if last - first >= LONGEST:
        raise DatasetError(
            f"Frames {first} to {last} are more than any recording has. Look at the frame numbers "
            "of the annotation and of the files."
        )
    chosen = {n: path for n, path in numbered.items() if first <= n <= last}
    missing = [n for n in range(first, last + 1) if n not in chosen]
    source = None if apex is None else "annotated"
    if apex is None and onset is not None and offset is not None:
        apex, source = (onset + offset) // 2, "middle"
    places = list(chosen)
    onset, apex, offset = (_nearest(places, number) for number in (onset, apex, offset))
    return {
        "frames": tuple(chosen.values()),
        "missing": tuple(_name(numbered, number) for number in missing),
        "onset": onset,
        "apex": apex,
        "offset": offset,
        "apex_source": source if apex is not None else None,
    }


def _nearest(places: list[int], number: int | None) -> int | None:
    """Index of the nearest number that is there; the earlier of two."""
    if number is None or not places:
        return None
    return min(range(len(places)), key=lambda index: abs(places[index] - number))


def _name(numbered: Mapping[int, str], number: int) -> str:
    """What the file of a missing number would be called, by its nearest neighbour."""
    if not numbered:
        return str(number)
    neighbour = numbered[min(numbered, key=lambda other: abs(other - number))]
    path = PurePosixPath(neighbour)
    digits = list(_NUMBER.finditer(path.stem))[-1]
    padded = str(number).zfill(len(digits[0]))
    stem = path.stem[: digits.start()] + padded + path.stem[digits.end() :]
    return str(path.with_name(stem + path.suffix))


def normalized(clip: RealClip, fps: float | None) -> RealClip:
    """A clip reduced to a common rate (He et al. take 100 fps).

    Frames are chosen, never mixed: those on screen at the instants k / fps
    (`video.sampling.by_time`). A clip that is as slow or slower keeps its frames and its own rate:
    repeating frames would only feign time resolution. A clip without declared rate, and a video
    file that is taken as it is, stay too.

    Args:
        clip: Any clip.
        fps: The rate; None changes nothing.

    Returns:
        The clip with fewer frames, the new rate, and the times of the nearest frames kept.
    """
    if fps is None or clip.fps is None or clip.is_video or not clip.frames:
        return clip
    if exact(clip.fps) <= exact(fps):
        return clip
    kept = [int(index) for index in by_time(len(clip.frames), clip.fps, fps)]
    return replace(
        clip,
        frames=tuple(clip.frames[index] for index in kept),
        fps=fps,
        onset=_nearest(kept, clip.onset),
        apex=_nearest(kept, clip.apex),
        offset=_nearest(kept, clip.offset),
    )
