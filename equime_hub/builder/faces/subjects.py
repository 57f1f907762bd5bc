"""The CSV file that says who is in which image."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from equime_hub.errors import FaceError
from equime_hub.schema.taxonomy import GENDERS, RACES

REQUIRED = ("file", "subject_id")
OPTIONAL = ("gender", "age", "race", "license")

Row = dict[str, str]
"""Column → cell; an empty cell is unknown."""


def read_rows(path: Path, names: Collection[str]) -> dict[str, Row]:
    """Rows of the file by image, checked.

    Args:
        path: CSV file in UTF-8.
        names: POSIX paths of the images there are.

    Raises:
        FaceError: No CSV file, another header, an unknown value, an image listed twice or not
            there; one sentence with the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            _check_header(path, list(reader.fieldnames or ()))
            lines = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FaceError(f"{path} cannot be read as a CSV file in UTF-8: {error}.") from error
    rows: dict[str, Row] = {}
    for number, cells in lines:
        where = f"{path}, line {number}"
        if None in cells or None in cells.values():
            raise FaceError(f"{where}: the number of cells is not that of the header.")
        row = {column: cell.strip() for column, cell in cells.items()}
        row["file"] = PurePosixPath(row["file"]).as_posix()
        _check_row(where, row)
        if row["file"] in rows:
            raise FaceError(f"{where}: {row['file']} is listed twice; keep one row.")
        if row["file"] not in names:
            raise FaceError(f"{where}: there is no image {row['file']} in the folder.")
        rows[row["file"]] = row
    return rows


def _check_header(path: Path, header: list[str]) -> None:
    unknown = [column for column in header if column not in REQUIRED + OPTIONAL]
    missing = [column for column in REQUIRED if column not in header]
    if unknown or missing or len(set(header)) < len(header):
        raise FaceError(
            f"{path} has the header {','.join(header)!r}; it needs {' and '.join(REQUIRED)}, "
            f"may have {', '.join(OPTIONAL)}, each once, and nothing else."
        )


def _check_row(where: str, row: Row) -> None:
    if not row["subject_id"]:
        raise FaceError(f"{where}: subject_id is empty; say who it is.")
    for column, classes in {"gender": GENDERS, "race": RACES}.items():
        if row.get(column) and row[column] not in classes:
            raise FaceError(
                f"{where}: {column} is {row[column]!r}; write one of {', '.join(classes)}, "
                "or nothing if it is unknown."
            )
    if row.get("age") and not re.fullmatch(r"1?\d{1,2}(\.\d+)?", row["age"]):
        raise FaceError(f"{where}: age is {row['age']!r}; write years as a number such as 34.")
