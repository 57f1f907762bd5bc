"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from equime_hub.errors import EquimeError, HubError

TEMPORARY = ".tmp"
"""Suffix of a file that is being written; anything that carries it may be deleted."""


@contextlib.contextmanager
def written(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, it becomes `path`.

    The bytes reach the disk before the name does (fsync, then rename). If the block fails or
    the process dies, `path` is what it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically (UTF-8, as given)."""
    with written(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def beside(module: str, name: str) -> Any:
    """What a JSON file of this package holds that lies beside a module (its `__file__`)."""
    return json.loads(Path(module).with_name(name).read_text(encoding="utf-8"))


def read_csv(
    path: Path, refuse: type[EquimeError], needed: Sequence[str] = ()
) -> list[tuple[int, dict[str, str]]]:
    """Rows of a CSV file, each with its line; spaces around names and cells are dropped.

    Args:
        path: CSV file in UTF-8, with or without a byte order mark.
        refuse: Raised if the file is missing or no CSV file, has no row, lacks a column or has
            it twice, or has a row of another length.
        needed: Columns that it must have.

    Returns:
        At least one row: column → cell, in the order of the header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise refuse(f"{path} cannot be read as a CSV file in UTF-8: {error}.") from error
    if len(lines) < 2:
        raise refuse(f"{path} needs a header and at least one row, got {len(lines)} lines.")
    (_, header), *rows = lines
    if twice := sorted({column for column in header if header.count(column) > 1}):
        raise refuse(f"{path} has the column {twice[0]!r} more than once; keep one.")
    if missing := [column for column in needed if column not in header]:
        raise refuse(
            f"{path} lacks the columns {', '.join(missing)}; it needs {', '.join(needed)}."
        )
    for number, cells in rows:
        if len(cells) != len(header):
            raise refuse(
                f"{path}, line {number}: {len(cells)} cells under a header of {len(header)}; "
                "the file is cut off or was edited by hand. Write it again."
            )
    return [(number, dict(zip(header, cells, strict=True))) for number, cells in rows]


def inside(folder: Path, name: str) -> Path:
    """Place inside a folder of a file that a list from elsewhere names.

    Raises:
        HubError: The name is absolute, climbs out of the folder, or is written as no honest list
            writes it (backslash, colon, control character, empty part).
    """
    parts = name.split("/")
    if not {"", ".", ".."}.isdisjoint(parts) or any(
        character in "\\:" or not character.isprintable() for character in name
    ):
        raise HubError(
            f"A file is listed as {name!r}, which is no path inside a folder. Nothing was read or "
            "written under that name; tell whoever made the list."
        )
    return folder.joinpath(*parts)


def remove_temporaries(folder: Path) -> None:
    """Delete what an interrupted writer left in a folder (not below it)."""
    for leftover in folder.glob(f"*{TEMPORARY}"):
        leftover.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
