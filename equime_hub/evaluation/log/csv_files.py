"""CSV: logs in and out, and the predictions of others, whatever their columns are called.

What `to_csv` writes has the columns of the log. The probabilities stand in one column a class,
`p(class)`, in the order of the classes. Without probabilities the classes are those that occur,
unless they are named: a class that does not occur is lost.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from equime_hub.errors import DatasetError
from equime_hub.evaluation.log.columns import of
from equime_hub.evaluation.log.record import SCHEMA, PredictionLog
from equime_hub.files import written

_PROBABILITY = re.compile(r"p\((.+)\)")
_OPTIONAL = {"dataset": "", "fold": "test", "seed": "0", "config_hash": ""}
"""Columns that may be absent or empty, and what they are then."""
_NAMES = tuple(name for name in SCHEMA.names if name != "probabilities")


@dataclass(frozen=True)
class CsvMapping:
    """How a CSV of other people is to be read.

    Attributes:
        columns: Column of the log → column of the file, for those that differ. "p(class)" is the
            probability of a class.
        classes: All classes, in the order of their numbers if the file has numbers.
        dataset: Dataset of rows that name none.
        clips_by_subject: Names of clips are unique only within a subject (CASME II has many
            EP02_01f): "dataset/subject/" is put before them.
    """

    columns: dict[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    dataset: str | None = None
    clips_by_subject: bool = False


def from_csv(path: Path, mapping: CsvMapping | None = None) -> PredictionLog:
    """Read a CSV file in UTF-8 with a header.

    Needed are clip_id, subject_id, reference and prediction. Absent or empty, a dataset is
    unknown, the fold is "test" and the seed 0. Classes are names, or numbers if `mapping` names
    the classes.

    Raises:
        DatasetError: No such file, a column is missing, a cell is no number where one is needed,
            or what `checks.check` refuses.
    """
    how = mapping or CsvMapping()
    header, rows = _parsed(path)
    try:
        return _log(header, rows, how)
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from error


def to_csv(log: PredictionLog, path: Path) -> None:
    """Write a log as CSV; `from_csv` with the same classes reads the same log."""
    probable = any(row is not None for row in log.table["probabilities"].to_pylist())
    header = [*_NAMES, *(f"p({name})" for name in log.classes if probable)]
    with written(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(header)
        for row in log.table.to_pylist():
            chances = row["probabilities"] or [None] * len(log.classes)
            lines.writerow([*(row[n] for n in _NAMES), *(chances if probable else ())])


def _parsed(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines: Iterator[list[str]] = csv.reader(file, strict=True)
            header, rows = next(lines, []), list(lines)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} cannot be read as CSV in UTF-8: {error}.") from error
    rows = [row for row in rows if row]
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise DatasetError(
                f"{path}: row {number} (counted from 0, without the header) has {len(row)} cells, "
                f"and the header {len(header)}."
            )
    return [name.strip() for name in header], rows


def _log(header: Sequence[str], rows: Sequence[Sequence[str]], how: CsvMapping) -> PredictionLog:
    for ours in how.columns:
        if ours not in _NAMES and not _PROBABILITY.fullmatch(ours):
            raise DatasetError(
                f"A log has no column {ours!r}; its columns are {', '.join(_NAMES)} and p(class)."
            )
    cells = dict(zip(header, zip(*rows, strict=True), strict=True)) if rows else {}

    def column(ours: str) -> list[str]:
        theirs = how.columns.get(ours, ours)
        if theirs in cells:
            return [cell.strip() or _OPTIONAL.get(ours, "") for cell in cells[theirs]]
        if rows and (ours not in _OPTIONAL or ours in how.columns):
            raise DatasetError(
                f"There is no column {theirs!r} for {ours}; the file has {', '.join(header)}. "
                f"Say which it is (columns, --column {ours}=NAME)."
            )
        return [_OPTIONAL.get(ours, "")] * len(rows)

    read: dict[str, list[Any]] = {name: column(name) for name in _NAMES}
    read["dataset"] = [name or how.dataset for name in read["dataset"]]
    read["seed"] = [_whole(cell, row) for row, cell in enumerate(read["seed"])]
    read["config_hash"] = [cell or None for cell in read["config_hash"]]
    if how.clips_by_subject:
        parts = zip(read["dataset"], read["subject_id"], read["clip_id"], strict=True)
        read["clip_id"] = ["/".join(part for part in names if part) for names in parts]
    for name in ("reference", "prediction"):
        read[name] = _classes(read[name], how.classes)
    named = _probable(header, how)
    classes = how.classes or tuple(named) or None
    return of(
        {**read, "probabilities": _chances(cells, named, classes or ()) if named else None},
        classes,
    )


def _probable(header: Sequence[str], how: CsvMapping) -> dict[str, str]:
    """Class → column of its probability."""
    named = {ours: theirs for ours, theirs in how.columns.items() if _PROBABILITY.fullmatch(ours)}
    named |= {name: name for name in header if _PROBABILITY.fullmatch(name) and name not in named}
    return {ours[2:-1]: theirs for ours, theirs in named.items()}


def _chances(
    cells: Mapping[str, Sequence[str]], named: Mapping[str, str], classes: Sequence[str]
) -> list[list[float] | None]:
    if set(named) != set(classes) or not set(named.values()) <= set(cells):
        raise DatasetError(
            f"There are probabilities of {', '.join(named)} and the classes {', '.join(classes)}; "
            "name one column for each class (columns, --column 'p(class)=NAME')."
        )
    found: list[list[float] | None] = []
    for row, texts in enumerate(zip(*(cells[named[name]] for name in classes), strict=True)):
        try:
            found.append([float(text) for text in texts] if any(texts) else None)
        except ValueError:
            raise DatasetError(
                f"The probabilities of row {row} (counted from 0) are no numbers: {list(texts)}."
            ) from None
    return found


def _classes(cells: list[str], classes: Sequence[str] | None) -> list[str | int]:
    """Names as they are; numbers, where these are no names of classes, as integers."""
    if classes is None or set(cells) <= set(classes):
        return list(cells)
    return [int(cell) if cell not in classes and cell.isdecimal() else cell for cell in cells]


def _whole(cell: str, row: int) -> int:
    try:
        return int(cell)
    except ValueError:
        raise DatasetError(
            f"The seed of row {row} (counted from 0) is {cell!r}; give a whole number."
        ) from None
