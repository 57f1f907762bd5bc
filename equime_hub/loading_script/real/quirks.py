"""Known errors of official annotation files, and their corrections, as data (`quirks/*.json`).

One JSON file a dataset, a list of corrections. Columns are named as the official file heads them.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real.notes import say
from equime_hub.loading_script.real.sheets import Value, md5
from equime_hub.loading_script.real.tables import TableRow, plain

FOLDER = Path(__file__).with_suffix("")


@dataclass(frozen=True)
class Correction:
    """A known error of an official file.

    Which row is meant is said by what is in it, by its number in a file of known length, or both.

    Attributes:
        id: Unique; rows that it touched carry it.
        dataset: Name in the registry.
        file: Name of the file, "*" for what may differ, in lower case.
        where: Column → what the row has there.
        index: Row below the header, from 0.
        rows: How many rows the official files have; with other numbers, `index` means nothing.
        says: Column → what is wrong there, if that is known; null is an empty cell.
        times: The columns of onset, apex and offset. If given, the row is wrong only if these are
            not in order or one of them is no number.
        should_be: Column → what it should be; null is "not known".
        swap_with: The row whose cells these are, and the other way round.
        swap_from: From this column on to the right.
        md5: Sums of the files that are known to have the error; empty if none was at hand. A file
            with another sum is then left alone.
        why: What is wrong, one sentence.
        known_from: Where that is known from.
    """

    id: str
    dataset: str
    file: str
    why: str
    known_from: str
    where: Mapping[str, Value] = field(default_factory=dict)
    index: int | None = None
    rows: tuple[int, ...] = ()
    says: Mapping[str, Value] = field(default_factory=dict)
    times: tuple[str, ...] = ()
    should_be: Mapping[str, Value] = field(default_factory=dict)
    swap_with: int | None = None
    swap_from: str | None = None
    md5: tuple[str, ...] = ()


def corrected(rows: Sequence[TableRow], dataset: str, *, fixes: bool = True) -> list[TableRow]:
    """Rows with the corrections of their dataset; `TableRow.fixes` names those that touched each.

    A correction that does not fit the file is not applied, and a remark says why (`notes`).

    Args:
        rows: All rows of one table, as `tables.read` gives them.
        dataset: Name in the registry.
        fixes: Whether to correct; False gives the rows back as they are (`Options.fixes`).
    """
    done = list(rows)
    if not fixes or not done:
        return done
    unfit: dict[str, list[str]] = {}
    for correction in corrections(dataset):
        if fnmatchcase(done[0].file.lower(), correction.file):
            try:
                _apply(correction, done)
            except _UnfitError as error:
                unfit.setdefault(str(error), []).append(correction.id)
    if unfit:
        each = "; ".join(f"{', '.join(ids)} ({reason})" for reason, ids in unfit.items())
        say(f"Corrections that do not fit {done[0].file} and were not applied: {each}.")
    return done


@functools.cache
def corrections(dataset: str) -> tuple[Correction, ...]:
    """All corrections of a dataset, in the order in which they are applied.

    Raises:
        DatasetError: Its JSON file is not what it should be.
    """
    path = FOLDER / f"{dataset}.json"
    if not path.is_file():
        return ()
    known = {f.name for f in fields(Correction)}
    found = []
    for entry in json.loads(path.read_text(encoding="utf-8")):
        if unknown := set(entry) - known:
            raise DatasetError(f"{path}: unknown keys {', '.join(sorted(unknown))}.")
        lists = {name: tuple(entry[name]) for name in ("rows", "times", "md5") if name in entry}
        correction = Correction(**(entry | lists | {"dataset": dataset}))
        by_index = correction.index is not None and correction.rows
        if not correction.where and not correction.md5 and not by_index:
            raise DatasetError(f"{path}: nothing says to which row {correction.id} belongs.")
        found.append(correction)
    return tuple(found)


class _UnfitError(Exception):
    """Why a correction does not fit a file, a few words."""


def _apply(correction: Correction, rows: list[TableRow]) -> None:
    if correction.md5 and md5(rows[0].path) not in correction.md5:
        raise _UnfitError("this is another file")
    place = _row(correction, rows)
    if correction.swap_with is not None:
        other = _position(rows, correction.swap_with)
        before, after = rows[place], rows[other]
        rows[place] = _swapped(correction, before, after)
        rows[other] = _swapped(correction, after, before)
        return
    row = rows[place]
    changes = {_ours(row, column): value for column, value in correction.should_be.items()}
    values = {name: changes.get(name, value) for name, value in row.values.items()}
    if values == row.values and row.fixes:
        return  # another correction knew it by its name
    after = replace(row, values=values, fixes=(*row.fixes, correction.id))
    if values == row.values or not _rising(_numbers(after, correction.times)):
        raise _UnfitError(f"row {row.number} would be no better")
    rows[place] = after


def _row(correction: Correction, rows: list[TableRow]) -> int:
    """Position of the row that is meant.

    Raises:
        _UnfitError: It is not there, or not what the correction knows.
    """
    if correction.index is not None:
        length = rows[-1].index + 1
        if correction.rows and length not in correction.rows:
            official = " or ".join(map(str, correction.rows))
            raise _UnfitError(f"the official file has {official} rows, this one {length}")
        places: Iterable[int] = [_position(rows, correction.index)]
    else:
        places = range(len(rows))
    places = [place for place in places if _says(rows[place], correction.where)]
    if not places:
        wanted = " ".join(f"{name} {value}" for name, value in correction.where.items())
        raise _UnfitError(f"no row has {wanted}")
    wrong = [place for place in places if _says(rows[place], correction.says)]
    if correction.times:
        numbers = {place: _numbers(rows[place], correction.times) for place in wrong}
        wrong = [
            place
            for place, found in numbers.items()
            if not found or None in found or not _rising(found)
        ]
    if not wrong:
        raise _UnfitError(f"row {rows[places[0]].number} does not say what was wrong")
    if len(wrong) > 1:
        raise _UnfitError(f"{len(wrong)} rows are alike")
    return wrong[0]


def _position(rows: list[TableRow], index: int) -> int:
    found = next((place for place, row in enumerate(rows) if row.index == index), None)
    if found is None:
        raise _UnfitError(f"no row has the index {index}")
    return found


def _says(row: TableRow, cells: Mapping[str, Value]) -> bool:
    """Whether these cells have these values; "/" and other signs count, letter case does not."""
    names = {column: _ours(row, column) for column in cells}
    return None not in names.values() and all(
        _same(row.values.get(names[column] or "")) == _same(value)
        for column, value in cells.items()
    )


def _same(value: Value) -> str:
    text = "" if value is None else str(value).strip().casefold()
    return str(int(text)) if text.isdecimal() else text


def _rising(numbers: Sequence[int | None]) -> bool:
    """Whether no number is smaller than one before it; unknown ones do not count."""
    given = [number for number in numbers if number is not None]
    return given == sorted(given)


def _numbers(row: TableRow, times: Sequence[str]) -> list[int | None]:
    """Times of a row; None is what is empty or no number."""
    numbers: list[int | None] = []
    for name in filter(None, (_ours(row, column) for column in times)):
        try:
            numbers.append(row.integer(name))
        except DatasetError:
            numbers.append(None)
    return numbers


def _ours(row: TableRow, column: str) -> str | None:
    """Our name of an official column; None if the loader does not read it."""
    return next((n for n, header in row.headers.items() if plain(header) == plain(column)), None)


def _swapped(correction: Correction, row: TableRow, other: TableRow) -> TableRow:
    first = _ours(row, correction.swap_from or "")
    if first is None:
        raise _UnfitError(f"there is no column {correction.swap_from}")
    moved = {
        name: value for name, value in other.values.items() if row.places[name] >= row.places[first]
    }
    return replace(row, values={**row.values, **moved}, fixes=(*row.fixes, correction.id))
