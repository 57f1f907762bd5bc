"""Annotation tables (xlsx, xls, csv) as rows that know where in the file they stand."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real.frames import inside
from equime_hub.loading_script.real.notes import say
from equime_hub.loading_script.real.sheets import Broken, Cell, Value, letters, load
from equime_hub.schema.taxonomy import EXPRESSIONS

HEADER_WITHIN = 100
"""Rows from the top in which a header is looked for."""

Names = str | int | Sequence[str]
"""A column: its header, several spellings of it, or its place from 0 in a table without header."""


@dataclass(frozen=True)
class Times:
    """Frame numbers of a row; None is unknown. The notes say what was left out, and why."""

    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableRow:
    """One row of an annotation table.

    Attributes:
        values: Our name of a column → trimmed text, number, or None if the cell is empty.
        places: Our name → place of the column, from 0 (its letter follows from it).
        headers: Our name → header as the file writes it; in a table without header the letter.
        path: The file.
        number: Row as a spreadsheet counts, from 1.
        index: Row below the header, from 0, blank ones counted, as pandas numbers them.
        fixes: Ids of the corrections that touched it (`quirks`).
    """

    values: Mapping[str, Value]
    places: Mapping[str, int]
    headers: Mapping[str, str]
    path: Path
    number: int
    index: int
    fixes: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.path.name

    @property
    def where(self) -> str:
        """Where the row stands: "SAMM_Micro_FACS_Codes_v2.xlsx row 31"."""
        return f"{self.file} row {self.number}"

    def cell(self, name: str) -> str:
        """Coordinates of a cell by our name of its column: "F31"."""
        return f"{letters(self.places[name])}{self.number}"

    def text(self, name: str) -> str:
        """A cell as trimmed text; 12.0 is "12", an empty cell or an absent column is ""."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def must(self, name: str) -> str:
        """The same, never empty.

        Raises:
            DatasetError: The cell is empty; the message has its coordinates.
        """
        return self.text(name) or self._refuse(name, "is empty")

    def integer(self, name: str, *, unknown: Iterable[str] = ()) -> int | None:
        """A cell as a whole number; None if it is empty or its column absent.

        Args:
            name: Our name of the column.
            unknown: Texts that stand for an unknown number too, such as "/".

        Raises:
            DatasetError: It is something else; the message has its coordinates.
        """
        text = self.text(name)
        if not text or text in unknown:
            return None
        try:
            number = float(text)
            if number == int(number):
                return int(number)
        except (ValueError, OverflowError):
            pass
        return self._refuse(name, f"is {text!r}, not a whole number")

    def times(self, onset: str = "onset", apex: str = "apex", offset: str = "offset") -> Times:
        """Frame numbers by our names of their columns.

        "/" is an unknown number. Numbers that contradict each other cannot cut a clip: an apex
        that is not between onset and offset is left out, and all three if the offset is before the
        onset. A note says so, and that the whole recording is taken where an end is not known.
        """
        start, top, stop = (self.integer(name, unknown=("/",)) for name in (onset, apex, offset))
        notes = []
        if start is None or stop is None:
            notes.append(f"{self.where} has no onset or no offset; the whole recording is taken.")
        elif stop < start:
            problem = f"the offset {stop} is before the onset {start}; the whole recording is taken"
            return Times(notes=(f"{self.where}: {problem}.",))
        given = [number for number in (start, top, stop) if number is not None]
        if given != sorted(given):
            notes.append(
                f"{self.where}: the apex {top} is not between {start} and {stop}; not taken."
            )
            top = None
        return Times(start, top, stop, tuple(notes))

    def person(self) -> int:
        """Number of the subject: 6, "06" and "sub06" are 6.

        Raises:
            DatasetError: No number; the message has its coordinates.
        """
        text = self.must("subject")
        digits = text.lower().removeprefix("sub").removeprefix("s")
        if not digits.isdecimal():
            raise self.error(
                "subject", f"is {text!r}, not the number of a subject. Correct the cell"
            )
        return int(digits)

    def expression(self) -> str:
        """Micro or macro, by how the column "type" begins.

        Raises:
            DatasetError: It is neither; the message has its coordinates.
        """
        kind = self.must("type").lower()
        if kind[:5] not in EXPRESSIONS:
            raise self.error("type", f"is {kind!r}, not micro-expression or macro-expression")
        return kind[:5]

    def error(self, name: str, problem: str) -> DatasetError:
        """An error about one cell; `problem` goes on after "SAMM.xlsx F31"."""
        return DatasetError(f"{self.file} {self.cell(name)} ({name}) {problem}.")

    def _refuse(self, name: str, problem: str) -> NoReturn:
        raise self.error(name, f"{problem}. Correct the cell, or take its row out of the table")


@dataclass(frozen=True)
class Annotation:
    """One annotation table of a release.

    Attributes:
        workbooks: Patterns of the file, the newest first: as in a shell, whatever the letter case,
            for a name directly in the root, or for "folder/name".
        columns: Our name → header, spellings of it, or place. A table in which all columns are
            given by their places has no header.
        sheet: Name of the sheet, whatever its letter case; None is the first.
        header_row: Row of the header in the official file, as a spreadsheet counts, from 1; None
            is not compared.
        optional: Our names of columns that may be absent; `TableRow.values` has them not then.
    """

    workbooks: Sequence[str]
    columns: Mapping[str, Names]
    sheet: str | None = None
    header_row: int | None = 1
    optional: Sequence[str] = ()

    def is_in(self, root: Path) -> bool:
        """Whether any file fits; that several do is for `find` to say."""
        return any(found_files(root, pattern) for pattern in self.workbooks)

    def find(self, root: Path) -> Path:
        """The one file below a root that fits a pattern: the first that fits any file counts.

        Raises:
            DatasetError: None fits, several fit, or it is a link that leads out of the root.
        """
        for pattern in self.workbooks:
            found = found_files(root, pattern)
            if len(found) > 1:
                names = ", ".join(str(path.relative_to(root)) for path in found)
                raise DatasetError(
                    f"{root} has several files {pattern}: {names}. "
                    "Move all but the right one elsewhere."
                )
            if found:
                return inside(root, found[0])
        raise DatasetError(
            f"{root} has no file {' or '.join(self.workbooks)}. Copy it there from the official "
            "release."
        )

    def read(self, path: Path) -> list[TableRow]:
        """Read the rows of a file.

        The header is found by its content: the first of the first 100 rows that has all columns,
        whatever their letter case, spaces and order. Rows in which all columns are empty are left
        out. Values are those that were stored when the file was last saved; formulas are not
        computed. Said as remarks (`notes`): a header elsewhere than in `header_row`, formulas, rows
        that occur twice.

        Args:
            path: The file; what it is, is seen by its first bytes.

        Raises:
            DatasetError: The file is absent or damaged or has macros, the sheet or a column is not
                there, or a cell is an error or a formula without a stored value.
            MissingDependencyError: The package that reads this kind of file is not installed.
        """
        title, lines = load(path, self.sheet)
        top, places = self._header(f"{path}{f' (sheet {title!r})' if title else ''}", lines)
        if top and self.header_row not in (None, top):
            said = f"{path.name} has its header in row {top}"
            say(f"{said}, the official file in row {self.header_row}.")
        headers = {
            name: str(_cell(path, lines, top, place, name) or "") if top else letters(place)
            for name, place in places.items()
        }
        rows: list[TableRow] = []
        first: dict[tuple[Value, ...], int] = {}
        for number in range(top + 1, len(lines) + 1):
            values = {n: _cell(path, lines, number, place, n) for n, place in places.items()}
            if all(value is None for value in values.values()):
                continue
            rows.append(TableRow(values, places, headers, path, number, number - top - 1))
            if (twin := first.setdefault(tuple(values.values()), number)) != number:
                say(f"{path.name} has the same in row {twin} and in row {number}.")
        return rows

    def _header(self, where: str, lines: Sequence[Sequence[Cell]]) -> tuple[int, dict[str, int]]:
        """Row of the header, from 1, and the places of our columns in it; row 0 is no header."""
        given = {name: place for name, place in self.columns.items() if isinstance(place, int)}
        if len(given) == len(self.columns):
            return 0, given
        most: tuple[int, dict[str, int]] = (0, {})
        for number, cells in enumerate(lines[:HEADER_WITHIN], 1):
            there = {plain(cell): place for place, cell in reversed(list(enumerate(cells)))}
            places = dict(given)
            for name, names in self.columns.items():
                spellings = () if isinstance(names, int) else _spellings(names)
                if fitting := [s for s in map(plain, spellings) if s in there]:
                    places[name] = there[fitting[0]]
            if set(self.columns) <= {*places, *self.optional}:
                return number, places
            most = max(most, (number, places), key=lambda found: len(found[1]))
        lacking = [
            _spellings(names)[0]
            for name, names in self.columns.items()
            if name not in {*most[1], *self.optional} and not isinstance(names, int)
        ]
        nearest = f"; the most of them are in row {most[0]}" if most[1] else ""
        raise DatasetError(
            f"{where} has no header row with the columns {', '.join(lacking)}{nearest}. Take the "
            "annotation file of the official release."
        )


def coding_columns(*names: Names, **more: Names) -> dict[str, Names]:
    """Columns of a table that calls its first two "Subject" and "Filename", as most do.

    Args:
        names: Headers of onset, apex, offset, AUs and, if there is one, emotion.
        more: Further columns.
    """
    ours = ("subject", "name", "onset", "apex", "offset", "aus", "emotion")
    return dict(zip(ours, ("Subject", "Filename", *names), strict=False)) | more


def found_files(root: Path, pattern: str) -> list[Path]:
    """All files that fit one pattern, sorted; none if a folder is not there.

    "~$..." is what a spreadsheet that is open leaves, and is passed over.
    """
    folder, _, name = pattern.rpartition("/")
    folders = [root]
    for step in filter(None, folder.split("/")):
        folders = [path for above in folders for path in _entries(above, step) if path.is_dir()]
    files = [path for above in folders for path in _entries(above, name) if path.is_file()]
    return sorted(path for path in files if not path.name.startswith("~$"))


def _entries(folder: Path, pattern: str) -> list[Path]:
    # brackets and parentheses are meant in "CAS(ME)^2code_final(Updated).xlsx": only * is special
    fits = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.IGNORECASE).fullmatch
    try:
        return [folder / name for name in os.listdir(folder) if fits(name)]
    except OSError:
        return []


def _spellings(names: str | Sequence[str]) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


def plain(text: object) -> str:
    """A header or cell for comparison: letters and digits only, in lower case.

    >>> plain(" Onset_Frame "), plain(12.0), plain(None)
    ('onsetframe', '12', '')
    """
    if isinstance(text, float) and text.is_integer():
        text = int(text)
    return "" if text is None else re.sub(r"[\W_]+", "", str(text)).casefold()


def _cell(path: Path, lines: Sequence[Sequence[Cell]], number: int, place: int, name: str) -> Value:
    """A cell that can be used; None if it is empty or its row ends before it."""
    cells = lines[number - 1]
    value = cells[place] if place < len(cells) else None
    if isinstance(value, Broken):
        raise DatasetError(
            f"{path} {letters(place)}{number} ({name}) {value.problem}. "
            "Open the file, type what is meant as text, and save it."
        )
    return value
