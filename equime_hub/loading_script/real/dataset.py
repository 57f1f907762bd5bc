"""What a licensed dataset declares, and how its annotation becomes clips.

A dataset is a subclass of `RealDataset` with little more than class attributes; those of ours
stand in `declared/*.yaml`. One with annotation tables says where they are (`tables`) and where the
folders of frames (`raw`); one that differs overrides `row_clips`, and one without tables `clips`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import REAL, aus, frames, labels
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.frames import Place
from equime_hub.loading_script.real.quirks import corrected
from equime_hub.loading_script.real.tables import Annotation, TableRow, Times

FOLDER = Path(__file__).with_name("declared")


@dataclass(frozen=True)
class Expected:
    """What the official release holds of a part.

    Attributes:
        subjects: People; None if nobody says.
        clips: Rows.
        classes: Raw label → clips; empty if nobody says.
        incomplete: Clip id, with "*" for what may differ → how many of these clips lack frames
            in the official release itself. Only a clip whose whole id is given may lack them all.
    """

    subjects: int | None
    clips: int
    classes: Mapping[str, int] = field(default_factory=dict)
    incomplete: Mapping[str, int] = field(default_factory=dict)


class LabFolder:
    """A lab's folder while one part of a dataset is read (`part`), and what is wanted of it."""

    def __init__(self, root: Path, options: Options, part: str) -> None:
        self.root, self.options, self.part = root, options, part
        self._recording: tuple[str, dict[int, str]] = ("", {})

    def cut(
        self, places: Sequence[Place], row: TableRow, at: Times | None = None
    ) -> dict[str, Any]:
        """Frames of a clip and its times among them, as keyword arguments of `RealClip`.

        Args:
            places: Where the folder of the recording may be; the first that exists is it.
            row: Of the table.
            at: Frame numbers; None are the row's.

        Returns:
            What `frames.span` gives, and the notes. If there is no such folder, or no image in it,
            no frame, and the folder is missing.

        Raises:
            DatasetError: The folder's files or the frame numbers cannot be right.
        """
        at = at or row.times()
        where = frames.first_folder(self.root, places)
        try:
            numbered = self.numbered(where)
            if not numbered:
                return frames.absent(where.split("/") if where else places[0])
            whole = self.options.span == "recording"
            span = frames.span(numbered, at.onset, at.apex, at.offset, whole=whole)
        except DatasetError as error:
            raise DatasetError(f"{row.where}: {error}") from error
        return span | {"notes": at.notes}

    def numbered(self, where: str | None) -> dict[int, str]:
        """Frame number → file of a recording's folder; none if there is no such folder."""
        if where is None:
            return {}
        # A recording may have thousands of frames and dozens of rows, which follow each other.
        if self._recording[0] != where:
            self._recording = where, frames.numbered(frames.images(self.root, where))
        return self._recording[1]


class RealDataset:
    """One licensed dataset: where its annotation is, and how it becomes clips.

    Attributes:
        name: In the registry.
        title: As the papers write it.
        licence: What the licence is called, without prefix.
        citation: Authors, year and venue.
        needs: What must lie in the root, in one sentence.
        fps: Part → declared frames per second, None if nobody declares them; a dataset without
            parts has the part "".
        expected: Part → what the official release holds; the part "" likewise.
        tables: Part → its annotation table; empty if folders are the annotation.
        subject: Format of a subject's name, whose number the table has, such as "sub{:02}"; "" if
            the table has the name.
        raw: Folders that may hold the subjects' folders of raw frames; the first is the official.
        cropped: The same of cropped faces.
        cropped_parts: Parts that the release has cropped too.
        label_source: One of `taxonomy.LABEL_SOURCES`.
        expression: One of `taxonomy.EXPRESSIONS`.
        gray: Whether the frames are gray.
        label_maps: Name of a map in `labels.MAPS` → raw label → class, where it takes the labels
            of this dataset otherwise than those of all others.
        numbers: Number → class, if the release gives its classes as numbers.
        may_be_passed_on: Whether a push takes rows that name this dataset as their source. What
            was imported it never takes: such rows are marked.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    licence: ClassVar[str]
    citation: ClassVar[str]
    needs: ClassVar[str]
    fps: ClassVar[Mapping[str, float | None]] = {"": None}
    expected: ClassVar[Mapping[str, Expected]] = {}
    tables: ClassVar[Mapping[str, Annotation]] = {}
    subject: ClassVar[str] = ""
    raw: ClassVar[Sequence[Place]] = ((),)
    cropped: ClassVar[Sequence[Place]] = ()
    cropped_parts: ClassVar[Sequence[str]] = ()
    label_source: ClassVar[str | None] = None
    expression: ClassVar[str] = "micro"
    gray: ClassVar[bool] = False
    label_maps: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    numbers: ClassVar[Mapping[int, str]] = {}
    may_be_passed_on: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Take over what `declared/{name}.yaml` says and the class itself does not.

        Of a label map the file has the negative labels only (`labels.three`).
        """
        path = FOLDER / f"{cls.__dict__.get('name')}.yaml"
        said = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
        made: dict[str, Callable[[Any], Any]] = {
            "expected": lambda said: Expected(**said),
            "tables": lambda said: Annotation(**said),
            "label_maps": lambda negative: labels.three(*negative),
        }
        for name in said.keys() - cls.__dict__.keys():
            value = said[name]
            if name in made:
                value = {part: made[name](each) for part, each in value.items()}
            setattr(cls, name, value)

    @property
    def parts(self) -> list[str]:
        """Names of the parts; none if there is only the whole."""
        return [part for part in self.fps if part]

    def files(self, root: Path) -> list[Path]:
        """Annotation files that are there, for inspection and for the cache's fingerprint."""
        there = []
        for table in self.tables.values():
            try:
                there.append(table.find(root))
            except DatasetError:
                continue  # `clips` says so; here is only told what is there
        return there

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """All clips, in the order of the annotation.

        Without `Options.part` the part "" is read, or else all whose table is there.

        Raises:
            DatasetError: A file is not there or not what it should be; the message says what to
                do.
        """
        self.refuse(options)
        there = [part for part in self.tables if self.tables[part].is_in(root)]
        usual = [""] if "" in self.tables else there or list(self.tables)[:1]
        for part in [options.part] if options.part else usual:
            yield from self.part_clips(LabFolder(root, options, part))

    def part_clips(self, folder: LabFolder) -> Iterator[RealClip]:
        """Clips of all rows of a part's table."""
        for row in self.rows(folder):
            yield from self.row_clips(row, folder)

    def rows(self, folder: LabFolder) -> list[TableRow]:
        """Rows of a part's table, corrected if that is wanted."""
        table = self.tables[folder.part]
        rows = table.read(table.find(folder.root))
        return corrected(rows, self.name, fixes=folder.options.fixes)

    def row_clips(self, row: TableRow, folder: LabFolder) -> Iterator[RealClip]:
        """Clips of a row: usually one, in the folder of its subject and name."""
        tops = self.cropped if folder.options.cropped else self.raw
        own = self.subject_of(row), row.must("name")
        yield self.row_clip(row, folder, folder.cut([(*top, *own) for top in tops], row))

    def subject_of(self, row: TableRow) -> str:
        """Name of a row's subject, as its folder is called."""
        return self.subject.format(row.person()) if self.subject else row.must("subject")

    def row_clip(
        self, row: TableRow, folder: LabFolder, span: Mapping[str, Any], **known: Any
    ) -> RealClip:
        """One clip of a row.

        Args:
            row: It gives what is not given otherwise: subject, name, label and AUs.
            folder: Holds the frames.
            span: Those of the clip (`LabFolder.cut`).
            known: Further fields of `RealClip`, and `label`, the raw one.
        """
        given: dict[str, Any] = {
            "subject": self.subject_of(row),
            "name": row.must("name"),
            "label": row.text("emotion"),
            "fixes": row.fixes,
            "row": row.where,
        }
        if text := row.text("aus"):
            given |= {"facs": text, "au_apex": aus.vector_of(text, f"{row.file} {row.cell('aus')}")}
        given |= {**span, **known}
        return self.clip(folder, given.pop("label"), **given)

    def clip(self, folder: LabFolder, label: str, **known: Any) -> RealClip:
        """A clip with what the declaration says of all of them.

        Args:
            folder: Of its part; `Options.label_map` gives `emotion_3`.
            label: As the release writes it; "" is none.
            known: Further fields of `RealClip`; they go before what is declared.
        """
        declared: dict[str, Any] = {
            "dataset": self.name,
            "part": folder.part or None,
            "fps": self.fps.get(folder.part),
            "licence": self.licence,
            "label_source": self.label_source,
            "expression": self.expression,
            "gray": self.gray,
            "emotion_raw": label or None,
            "emotion": labels.emotion_of(label),
            "emotion_3": labels.emotion_3(self.name, label, folder.options.label_map),
        }
        return RealClip(**(declared | known))

    def refuse(self, options: Options) -> None:
        """Refuse a part that the dataset does not have, and cropped faces where it has none.

        Raises:
            DatasetError: The part or the cropped folder does not exist.
        """
        if options.part is not None and options.part not in self.parts:
            choice = f"one of {', '.join(self.parts)}" if self.parts else "none"
            raise DatasetError(f"The parts of {self.title} are: {choice}; got {options.part!r}.")
        if options.cropped and (options.part or "") not in self.cropped_parts:
            of = f" of {options.part}" if options.part else ""
            raise DatasetError(f"{self.title} has no cropped faces{of}. Import the raw frames.")


def declared() -> list[RealDataset]:
    """All datasets of the registry, ours first."""
    return [REAL.get(name)() for name in REAL.names()]


def is_licensed(source_dataset: str | None) -> bool:
    """Whether a row is from a dataset that may not be passed on, however its name is written.

    >>> is_licensed("CAS(ME)^2"), is_licensed("CK+"), is_licensed("celebahq"), is_licensed(None)
    (True, True, False, False)
    """
    return _plain((source_dataset or "").partition(" (")[0]) in _licensed()


@functools.cache
def _licensed() -> frozenset[str]:
    kept = [dataset for dataset in declared() if not dataset.may_be_passed_on]
    return frozenset(_plain(name) for each in kept for name in (each.name, each.title))


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower().replace("+", "plus")))


def listed(dataset: RealDataset, root: Path, options: Options) -> list[RealClip]:
    """Clips of a dataset, none twice.

    Raises:
        DatasetError: What `RealDataset.clips` raises; no clip at all; or two rows of one id, both
            of which are named.
    """
    if not root.is_dir():
        raise DatasetError(
            f"{root} is no folder. {dataset.title} needs a root with: {dataset.needs}"
        )
    root = root.absolute()
    found: dict[str, RealClip] = {}
    for clip in dataset.clips(root, options):
        if (other := found.setdefault(clip.clip_id, clip)) is not clip:
            raise DatasetError(
                f"Two clips of {dataset.title} have the id {clip.clip_id}: "
                f"{_where(other)} and {_where(clip)}. Take one of them out of the annotation."
            )
    if not found:
        raise DatasetError(
            f"{root} has no clip of {dataset.title}. It needs: {dataset.needs} "
            f"`equime import {dataset.name} --root {root} --check` says what is there."
        )
    return list(found.values())


def _where(clip: RealClip) -> str:
    return clip.row or (clip.frames[0] if clip.frames else clip.name)
