"""Puts changed files of a finished dataset in their places, all together or not at all.

New files are made beside the old ones, in a folder that is renamed to `.measured` when it is
complete: the point of no return. Then they replace those of the dataset, the sums last. Until
that has ended `checksums.read` refuses the folder with a sentence, and `move` goes on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from equime_hub import checksums
from equime_hub.builder import shards
from equime_hub.errors import BuildError, DatasetError
from equime_hub.files import sha256
from equime_hub.jobs.chunks import COLUMNS, Source
from equime_hub.progress import Progress
from equime_hub.schema.features import FOLDERS, SCHEMA_VERSION
from equime_hub.schema.records import Quality
from equime_hub.schema.stamp import ORIGIN, Origin, read_origin, read_stamp

_CARD = "README.md"
_VIDEOS = f"{FOLDERS['default']}/"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds the lock of builds, which would make anew what is replaced here."""
    place = folder / ".building"
    place.mkdir(exist_ok=True)
    lock = FileLock(place / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BuildError(
            f"A build or a measurement is running in {folder}; wait for it or stop it."
        ) from None
    try:
        yield
    finally:
        # Deleted while it is held: whoever comes next makes a lock of their own.
        (place / "lock").unlink(missing_ok=True)
        lock.release()
        with contextlib.suppress(OSError):
            place.rmdir()


def sound(folder: Path, checking: Progress | None) -> dict[str, str]:
    """Sums of a dataset all of whose files are what they should be.

    A damaged shard must not be written anew with a sum that then fits.
    """
    sums = checksums.read(folder)
    there = {p.relative_to(folder).as_posix() for p in folder.glob("*/*.parquet")}
    names = sorted(there | set(sums) | {_CARD, ORIGIN})
    for done, name in enumerate(names):
        if checking:
            checking(done, len(names))
        if not checksums.intact(folder, sums, name):
            raise DatasetError(
                f"{name} of {folder} is missing, damaged or not listed in {checksums.NAME}: only "
                f"a sound dataset is measured. `equime verify {folder}` says what is wrong, and "
                "the `equime build` that made it makes it whole."
            )
        if (
            name in there
            and (version := read_stamp(folder / name).schema_version) != SCHEMA_VERSION
        ):
            raise DatasetError(
                f"{name} of {folder} has schema {version}, this version writes {SCHEMA_VERSION}. "
                "Build the dataset anew."
            )
    if checking:
        checking(len(names), len(names))
    return sums


def stage(
    folder: Path,
    workshop: Path,
    judged: dict[Source, list[Quality]],
    origin: Origin,
    sums: dict[str, str],
    card: Callable[[Path], object],
) -> int:
    """Make all files that change and rename their folder; returns how many shards there are.

    If nothing changes, there is no folder.
    """
    new = workshop / "new"
    shutil.rmtree(new, ignore_errors=True)
    places = {source: source.path for source in judged}
    for source, qualities in judged.items():
        changed = {
            name: values
            for name in COLUMNS
            if (values := [getattr(quality, name) for quality in qualities])
            != [row[name] for row in source.rows]
        }
        if changed:
            places[source] = new / source.name
            _rewrite(folder, source.name, changed, new, "default")
            if source.images in sums:
                _rewrite(folder, source.images, changed, new, "onset_apex")
    replaced = sum(path.is_relative_to(new) for path in places.values())
    if not replaced and origin == read_origin(folder):
        return 0
    for generation in dict.fromkeys(source.generation for source in judged):
        table = shards.labels_only([p for s, p in places.items() if s.generation == generation])
        (name,) = (n for n in sums if n.startswith(f"metadata/{generation}-0"))
        shards.write(new / name, iter([table]), read_stamp(folder / name), config="metadata")
    origin.write(new)
    lent = _lend(folder, new, sums)
    card(new)
    staged = {p.relative_to(new).as_posix() for p in new.rglob("*") if p.is_file()}
    own = {name: sha256(new / name) for name in staged - lent - {checksums.NAME}}
    checksums.write(new, sums | own)
    new.rename(folder / checksums.STAGED)
    return replaced


def _rewrite(
    folder: Path, name: str, changed: dict[str, list[Any]], new: Path, config: str
) -> None:
    """The same shard with other values in some columns."""

    def groups(file: pq.ParquetFile) -> Iterator[pa.Table]:
        start = 0
        for index in range(file.num_row_groups):
            table = file.read_row_group(index)
            for name, values in changed.items():
                at = table.schema.get_field_index(name)
                field = table.schema.field(at)
                own = values[start : start + len(table)]
                table = table.set_column(at, field, pa.array(own, field.type))
            start += len(table)
            yield table

    with pq.ParquetFile(folder / name, page_checksum_verification=True) as file:
        shards.write(new / name, groups(file), read_stamp(folder / name), config)


def _lend(folder: Path, new: Path, names: Iterable[str]) -> set[str]:
    """What a card tells of and does not change: put beside the new files, copied only if need be.

    Moved back over itself, such a file stays where it is.
    """
    unchanged = {
        name
        for name in names
        if name != _CARD and not (name.startswith(_VIDEOS) or (new / name).exists())
    }
    for name in unchanged:
        (new / name).parent.mkdir(exist_ok=True)
        try:
            os.link(folder / name, new / name)
        except OSError:  # not every file system has links
            shutil.copyfile(folder / name, new / name)
    return unchanged


def move(folder: Path) -> None:
    """Put staged files in their places, the sums last; does nothing if there are none."""
    staged = folder / checksums.STAGED
    files = [path for path in staged.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.name == checksums.NAME):
        path.replace(folder / path.relative_to(staged))
    if staged.is_dir():
        shutil.rmtree(staged)
