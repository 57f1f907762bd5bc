"""A row of an annotation table and a folder of frames, joined: what SAMM, CASME and SMIC share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import aus, frames, labels, tables
from equime_hub.loading_script.real.clip import Options, RealClip, RealDataset
from equime_hub.loading_script.real.quirks import corrected
from equime_hub.loading_script.real.tables import Row

Names = tuple[str, ...]
"""A folder below the root, one name a level."""


@dataclass(frozen=True)
class Layout:
    """A release with one table, one row a clip, and one folder a clip.

    Attributes:
        workbooks: Patterns of the table, the newest first (`tables.find`).
        columns: Headers of subject, name, onset, apex, offset, aus and emotion (`tables.read`).
        header_row: Row of the header, from 1.
        subject: Format of a subject's name, such as "sub{:02}".
        raw: Folders that may hold the subjects' folders of raw frames; the first is the official.
        cropped: The same of cropped faces.
        label_source: One of `taxonomy.LABEL_SOURCES`.
        gray: Whether the frames are gray.
    """

    workbooks: Sequence[str]
    columns: Mapping[str, tables.Names]
    header_row: int
    subject: str
    raw: Sequence[Names]
    cropped: Sequence[Names]
    label_source: str
    gray: bool = False


def clips(dataset: RealDataset, layout: Layout, root: Path, options: Options) -> Iterator[RealClip]:
    """All rows of the table as clips; see `clip.RealDataset`."""
    path = tables.find(root, *layout.workbooks)
    rows = tables.read(path, layout.columns, header_row=layout.header_row)
    for row in corrected(rows, dataset.name, fixes=options.fixes):
        subject, name = layout.subject.format(person(row)), row.must("name")
        bases = layout.cropped if options.cropped else layout.raw
        yield RealClip(
            dataset=dataset.name,
            subject=subject,
            name=name,
            fps=dataset.fps[""],
            licence=dataset.licence,
            label_source=layout.label_source,
            gray=layout.gray,
            fixes=row.fixes,
            row=row.where,
            **cut(root, [(*base, subject, name) for base in bases], row, times(row), options),
            **emotion(dataset.name, row.text("emotion"), options),
            **units(row),
        )


@dataclass(frozen=True)
class Times:
    """Frame numbers of a row; None is unknown. The notes say what was left out, and why."""

    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    notes: tuple[str, ...] = ()


def only(dataset: RealDataset, options: Options, cropped: Iterable[str] = ()) -> None:
    """Refuse a part that a dataset does not have, and cropped faces where it has none.

    Args:
        dataset: Its `fps` names its parts.
        options: What is wanted.
        cropped: Parts that the release has cropped too.

    Raises:
        DatasetError: The part or the cropped folder does not exist.
    """
    parts = [part for part in dataset.fps if part]
    if options.part is not None and options.part not in parts:
        choice = f"one of {', '.join(parts)}" if parts else "none"
        raise DatasetError(f"The parts of {dataset.title} are: {choice}; got {options.part!r}.")
    if options.cropped and (options.part or "") not in cropped:
        raise DatasetError(
            f"{dataset.title} has no cropped faces{f' of {options.part}' if options.part else ''}. "
            "Import the raw frames."
        )


def files(root: Path, *searches: Sequence[str]) -> list[Path]:
    """Annotation files that are there: at most one for each of several searches (`tables.find`)."""
    found = []
    for patterns in searches:
        try:
            found.append(tables.find(root, *patterns))
        except DatasetError:
            continue  # `clips` says so; here is only told what is there
    return found


def there(root: Path, patterns: Iterable[str]) -> bool:
    """Whether any file fits; that several do is for `tables.find` to say."""
    return any(tables.found_files(root, pattern) for pattern in patterns)


def times(row: Row, onset: str = "onset", apex: str = "apex", offset: str = "offset") -> Times:
    """Frame numbers of a row by our names of its columns.

    "/" is an unknown number. Numbers that contradict each other cannot cut a clip: an apex that is
    not between onset and offset is left out, and all three if the offset is before the onset. A
    note says so, and that the whole recording is taken where an end is not known.
    """
    start, top, stop = (row.integer(name, unknown=("/",)) for name in (onset, apex, offset))
    notes = []
    if start is None or stop is None:
        notes.append(f"{row.where} has no onset or no offset; the whole recording is taken.")
    elif stop < start:
        problem = f"the offset {stop} is before the onset {start}; the whole recording is taken"
        return Times(notes=(f"{row.where}: {problem}.",))
    given = [number for number in (start, top, stop) if number is not None]
    if given != sorted(given):
        notes.append(f"{row.where}: the apex {top} is not between {start} and {stop}; not taken.")
        top = None
    return Times(start, top, stop, tuple(notes))


def cut(
    root: Path,
    places: Sequence[Names],
    row: Row,
    at: Times,
    options: Options,
    last: dict[str, dict[int, str]] | None = None,
) -> dict[str, Any]:
    """Frames of a clip and its times among them, as keyword arguments of `RealClip`.

    Args:
        root: The lab's folder.
        places: Where the folder of the recording may be; the first that exists is it.
        row: For messages.
        at: Frame numbers.
        options: `span` is followed.
        last: Holds the files of the last recording, so that the next row of it need not list its
            thousands of frames again; start with an empty one.

    Returns:
        What `frames.span` gives, and the notes. If there is no such folder, or no image in it, no
        frame, and the folder is missing.

    Raises:
        DatasetError: The folder's files or the frame numbers cannot be right.
    """
    where = next((found for names in places if (found := frames.folder(root, *names))), None)
    if where is None:
        return absent(places[0])
    whole = options.span == "recording"
    try:
        last = {} if last is None else last
        if where not in last:
            numbered = frames.numbered(frames.images(root, where))
            last.clear()
            last[where] = numbered
        if not last[where]:
            return absent(tuple(where.split("/")))
        span = frames.span(last[where], at.onset, at.apex, at.offset, whole=whole)
    except DatasetError as error:
        raise DatasetError(f"{row.where}: {error}") from error
    return span.times() | {"notes": at.notes}


def absent(place: Names) -> dict[str, Any]:
    """Frames of a clip whose folder is not there or empty, as keyword arguments of `RealClip`."""
    return {"frames": (), "missing": ("/".join(place),)}


def emotion(dataset: str, raw: str, options: Options) -> dict[str, Any]:
    """The three label columns, as keyword arguments of `RealClip`."""
    return {
        "emotion_raw": raw or None,
        "emotion": labels.emotion_of(raw),
        "emotion_3": labels.emotion_3(dataset, raw, options.label_map),
    }


def units(row: Row, name: str = "aus") -> dict[str, Any]:
    """The AU columns, as keyword arguments of `RealClip`."""
    text = row.text(name)
    if not text:
        return {}
    return {"facs": text, "au_apex": aus.vector_of(text, f"{row.file} {row.cell(name)}")}


def person(row: Row, name: str = "subject") -> int:
    """Number of a subject: 6, "06" and "sub06" are 6.

    Raises:
        DatasetError: No number; the message has its coordinates.
    """
    text = row.must(name)
    digits = text.lower().removeprefix("sub").removeprefix("s")
    if not digits.isdecimal():
        raise row.error(name, f"is {text!r}, not the number of a subject. Correct the cell")
    return int(digits)
