"""How finished files get into a dataset folder: all together or not at all.

New files are made in the folder `new` of a job's workshop, under the names that they will have in
the dataset. When all are there, `stage` adds card and sums, and `publish` moves everything to its
place, the sums last. Who is killed while files move comes back and moves the rest.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from equime_hub import checksums
from equime_hub.builder import shards
from equime_hub.cards import dataset_card
from equime_hub.files import sha256
from equime_hub.schema.features import FOLDERS
from equime_hub.schema.stamp import Stamp

CARD = dataset_card.NAME
NEW = "new"
"""Folder in a workshop."""
_VIDEOS = f"{FOLDERS['default']}/"

WriteCard = Callable[[Path], object]
"""Writes the card of a folder from its label files, such as `cards.dataset_card.write`."""


def labels_name(split: str) -> str:
    """Name of the label file of a split."""
    return f"{FOLDERS['metadata']}/{split}-00000-of-00001.parquet"


def write(
    new: Path,
    sums: dict[str, str],
    name: str,
    groups: Iterable[pa.Table],
    stamp: Stamp,
    config: str,
) -> None:
    """Write a new Parquet file, and its sum.

    Args:
        new: The folder of new files.
        sums: Of files that are there; this one's is added.
        name: Of the file.
        groups: One table a row group.
        stamp: For its footer.
        config: Whose columns are written.
    """
    shards.write(new / name, iter(groups), stamp, config)
    checksums.record(new, sums, name)


def write_labels(
    new: Path, sums: dict[str, str], name: str, videos: Sequence[Path], stamp: Stamp
) -> None:
    """Write the label file of some shards, and its sum."""
    write(new, sums, name, [shards.labels_only(videos)], stamp, "metadata")


def stage(folder: Path, new: Path, sums: dict[str, str], card: WriteCard | None) -> None:
    """Complete new files with the card, and with the sums of the dataset as it will be.

    Args:
        folder: The dataset, or what will be one.
        new: The folder of new files.
        sums: Of all files of the dataset as it will be, but for the card.
        card: Sees label files, images and `build.json`, old and new, side by side.
    """
    for name in sums:
        if not (name == CARD or name.startswith(_VIDEOS) or (new / name).exists()):
            _lend(folder / name, new / name)
    sums = dict(sums)
    if card:
        card(new)
        sums[CARD] = sha256(new / CARD)
    checksums.write(new, sums)


def _lend(old: Path, new: Path) -> None:
    """Put a file that does not change beside the new ones; moved back, it stays where it is."""
    new.parent.mkdir(exist_ok=True)
    try:
        os.link(old, new)
    except OSError:  # not every file system has links
        shutil.copyfile(old, new)


def publish(new: Path, folder: Path) -> None:
    """Move staged files to their places; does nothing if there are none.

    The card goes before the videos: it says how many rows there must be, so that a reader who
    comes in between refuses instead of reading less. The images that it counts go before it.
    """
    names = [path.relative_to(new).as_posix() for path in new.rglob("*") if path.is_file()]
    for name in sorted(names, key=_turn):
        (folder / name).parent.mkdir(exist_ok=True)
        (new / name).replace(folder / name)
    if new.is_dir():
        shutil.rmtree(new)


def _turn(name: str) -> tuple[bool, bool, bool, str]:
    return name == checksums.NAME, name.startswith(_VIDEOS), name == CARD, name
