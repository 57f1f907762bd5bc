"""CSV files as rows of stripped text."""

from __future__ import annotations

import csv
from pathlib import Path

from equime_hub.errors import PlanError

CsvRow = dict[str, str]
"""Column → cell."""


def read(path: Path) -> tuple[tuple[str, ...], list[tuple[int, CsvRow]]]:
    """Header and rows, each with its line; spaces around names and cells are dropped.

    Args:
        path: CSV file in UTF-8, with or without a byte order mark.

    Raises:
        PlanError: The file is missing or no CSV file, has no row, a column twice, or a row of
            another length.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PlanError(f"{path} cannot be read as a CSV file in UTF-8: {error}.") from error
    if len(lines) < 2:
        raise PlanError(f"{path} needs a header and at least one row, got {len(lines)} lines.")
    header = lines[0][1]
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise PlanError(f"{path} has the column {twice[0]!r} more than once; keep one.")
    for number, cells in lines[1:]:
        if len(cells) != len(header):
            raise PlanError(
                f"{path}, line {number}: {len(cells)} cells under a header of {len(header)}; "
                "the file is cut off or was edited by hand. Write it again."
            )
    return tuple(header), [
        (number, dict(zip(header, cells, strict=True))) for number, cells in lines[1:]
    ]
