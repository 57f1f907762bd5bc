"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from equime_hub.errors import HubError

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
