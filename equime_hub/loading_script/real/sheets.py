"""The cells of one sheet of an xlsx, xls or csv file; what is in them is `tables`' business."""

from __future__ import annotations

import contextlib
import csv
import datetime
import hashlib
import io
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equime_hub.errors import DatasetError, EquimeError
from equime_hub.loading_script.real.notes import say
from equime_hub.optional import require

Value = str | int | float | None
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Broken:
    """A cell that has no usable value.

    Attributes:
        problem: What it is, to go on after its coordinates: "is the error #REF!".
    """

    problem: str


Cell = Value | Broken


def load(path: Path, sheet: str | None = None) -> tuple[str, list[list[Cell]]]:
    """Read a sheet; the kind of file is seen by its first bytes.

    Args:
        path: The file.
        sheet: Name, whatever its letter case; None is the first.

    Returns:
        Its name, "" for csv, and its rows from the first on; they may differ in length.

    Raises:
        DatasetError: The file is absent, damaged or has macros, or has no such sheet.
        MissingDependencyError: The package that reads this kind of file is not installed.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}.") from error
    reader = {_ZIP: _xlsx, _OLE: _xls}.get(data[:4], _csv)
    try:
        with warnings.catch_warnings():  # of styles, dates and validations openpyxl does not know
            warnings.simplefilter("ignore")
            return reader(path, data, sheet)
    except EquimeError:
        raise
    except Exception as error:  # what openpyxl and xlrd raise on damaged files has no common base
        raise DatasetError(
            f"{path} is damaged or no table ({type(error).__name__}: {error}). "
            "Copy it again from the release, or save it as xlsx or csv."
        ) from error


def names(path: Path) -> list[str]:
    """Names of the sheets; none for csv and for what `load` would refuse."""
    data = path.read_bytes()
    with warnings.catch_warnings(), contextlib.suppress(Exception):  # `load` says what is wrong
        warnings.simplefilter("ignore")
        if data[:4] == _ZIP:
            return list(_book(data).sheetnames)
        if data[:4] == _OLE:
            return list(_old_book(data).sheet_names())
    return []


def md5(path: Path) -> str:
    """MD5 of a file's bytes, by which official files are known, as 32 hexadecimal digits."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def letters(place: int) -> str:
    """Letters of a column as a spreadsheet names it, from place 0.

    >>> letters(0), letters(25), letters(26)
    ('A', 'Z', 'AA')
    """
    text = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        text = chr(65 + rest) + text
    return text


def _xlsx(path: Path, data: bytes, sheet: str | None) -> tuple[str, list[list[Cell]]]:
    archive = zipfile.ZipFile(io.BytesIO(data))
    if any(name.endswith("vbaProject.bin") for name in archive.namelist()):
        raise _macros(path)

    def cells(values: bool) -> tuple[str, list[list[Any]]]:
        book = _book(data, values)
        found = book[_named(path, book.sheetnames, sheet)]
        found.reset_dimensions()  # some programs store too small ones
        return found.title, list(map(list, found.iter_rows()))

    name, there = cells(values=False)
    formulas = [
        (number, place)
        for number, row in enumerate(there)
        for place, cell in enumerate(row)
        if cell.data_type == "f"
    ]
    if formulas:
        _, there = cells(values=True)
        number, place = formulas[0]
        say(
            f"{path.name} has {len(formulas)} formula{'s' * (len(formulas) > 1)}, first in "
            f"{letters(place)}{number + 1}: only values stored when it was last saved are read."
        )
    rows = [[_cell(cell.value, cell.data_type == "e") for cell in row] for row in there]
    for number, place in formulas:
        if rows[number][place] is None:
            rows[number][place] = Broken("is a formula whose value was never stored")
    return name, rows


def _book(data: bytes, values: bool = True) -> Any:
    """An xlsx file, its formulas as stored values or as formulas."""
    openpyxl = require("openpyxl", extra="real")
    return openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=values)


def _xls(path: Path, data: bytes, sheet: str | None) -> tuple[str, list[list[Cell]]]:
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise DatasetError(f"{path} has a password. Open it, and save it without.")
    if "_VBA_PROJECT".encode("utf-16-le") in data:
        raise _macros(path)
    xlrd, book = require("xlrd", extra="real"), _old_book(data)
    found = book.sheet_by_name(_named(path, book.sheet_names(), sheet))

    def cell(value: object, kind: int) -> Cell:
        if kind == xlrd.XL_CELL_ERROR:
            return _cell(xlrd.error_text_from_code.get(value, "?"), error=True)
        if kind == xlrd.XL_CELL_DATE:
            return _cell(datetime.date.min, error=False)
        return _cell(value, error=False)

    return found.name, [
        [cell(c.value, c.ctype) for c in found.row(number)] for number in range(found.nrows)
    ]


def _old_book(data: bytes) -> Any:
    log = io.StringIO()  # xlrd prints to stdout what it thinks of a file
    xlrd = require("xlrd", extra="real")
    return xlrd.open_workbook(file_contents=data, on_demand=True, logfile=log)


def _csv(path: Path, data: bytes, sheet: str | None) -> tuple[str, list[list[Cell]]]:
    if sheet is not None:
        raise DatasetError(f"{path} has no sheet {sheet!r}: it is no spreadsheet.")
    if b"\0" in data:
        raise DatasetError(
            f"{path} is no table: neither xlsx nor xls nor csv. Copy it again from the release."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8. Save it as “CSV UTF-8”.") from error
    delimiter = max(",;\t", key=text[:10_000].count)  # what Excel writes depends on its language
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return "", [[_cell(value, error=False) for value in line] for line in lines]


def _named(path: Path, names: list[str], sheet: str | None) -> str:
    """The sheet of a name; an exact one is preferred."""
    if sheet is None:
        return names[0]
    fitting = [name for name in names if name.strip().casefold() == sheet.strip().casefold()]
    if not fitting:
        raise DatasetError(
            f"{path} has no sheet {sheet!r}. It has: {', '.join(map(repr, names))}. "
            "Take the annotation file of the official release."
        )
    return sheet if sheet in fitting else fitting[0]


def _macros(path: Path) -> DatasetError:
    return DatasetError(
        f"{path} has macros and is not opened. Save it without them, as xlsx or csv."
    )


def _cell(value: object, error: bool) -> Cell:
    if error:
        return Broken(f"is the error {value}")
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta):
        return Broken("is a date: the spreadsheet took its text for one")
    if isinstance(value, str):
        return value.strip() or None
    if value is None or isinstance(value, int | float):
        return value
    return Broken(f"is a {type(value).__name__}")
