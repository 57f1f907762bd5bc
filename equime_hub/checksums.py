"""`SHA256SUMS`: what every file of a dataset folder should hash to.

The format is the one of the `sha256sum` program, so `sha256sum -c SHA256SUMS` checks a copy
without this package.
"""

from __future__ import annotations

from pathlib import Path

from equime_hub.errors import DatasetError
from equime_hub.files import sha256, write_text

NAME = "SHA256SUMS"
STAGED = ".measured"
"""Folder of files that are about to replace others of a dataset, whole and with their sums."""


def read(folder: Path) -> dict[str, str]:
    """File name → SHA-256; empty if the folder has no sums. Lines it cannot read are left out.

    Raises:
        DatasetError: Files are being replaced (`refuse_half_moved`).
    """
    refuse_half_moved(folder)
    path = folder / NAME
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = [line.split("  ", 1) for line in lines]
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}


def write(folder: Path, sums: dict[str, str]) -> None:
    """Write all sums, sorted by name."""
    write_text(folder / NAME, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)))


def record(folder: Path, sums: dict[str, str], name: str) -> None:
    """Hash a file that was just finished, and write the sums with it."""
    sums[name] = sha256(folder / name)
    write(folder, sums)


def intact(folder: Path, sums: dict[str, str], name: str) -> bool:
    """Whether a file is there and hashes to what it should."""
    path = folder / name
    return name in sums and path.is_file() and sha256(path) == sums[name]


def refuse_half_moved(folder: Path) -> None:
    """Refuse a dataset of which some files are the new ones already and others not yet.

    Raises:
        DatasetError: The message says how to finish it.
    """
    if (folder / STAGED).is_dir():
        raise DatasetError(
            f"`equime measure` was interrupted in {folder} while it moved its finished files into "
            f"place. Nothing is damaged: `equime measure {folder}` moves the rest."
        )
