"""Whose folder it is: the refusal of every other folder, the one lock, the words for a full disk.

Every job begins here and ends with `clear`.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from equime_hub import checksums
from equime_hub.errors import BuildError, DatasetError
from equime_hub.files import TEMPORARY, remove_temporaries
from equime_hub.schema.features import FOLDERS
from equime_hub.schema.stamp import Origin, read_origin, read_stamp

MEASURED = "measured"
"""Key in `Origin.made_with` of what was measured later; no part of its fingerprint."""
WORKSHOP = ".building"
"""Hidden folder of builds and imports; the lock of all jobs lies in it, too."""
_LOCK = "lock"


def claim(folder: Path, ours: Origin, kind: str, refusal: Callable[[Origin], str]) -> Origin | None:
    """Look whether a folder is the home of our dataset or may become it, and refuse any other.

    Args:
        folder: New, empty or ours.
        ours: What is to be made there.
        kind: What we call such a dataset, for the refusal of other files.
        refusal: What is said of a folder that holds something else, after its name.

    Returns:
        What the folder says that it was made from; None if it says nothing.

    Raises:
        BuildError: It is a file, or holds other things.
        DatasetError: `equime measure` was interrupted there while it moved its files.
    """
    checksums.refuse_half_moved(folder)
    if folder.exists() and not folder.is_dir():
        raise BuildError(f"{folder} is a file; name a folder that is new or empty.")
    try:
        there = read_origin(folder)
    except DatasetError:
        there = None
    there = there or _origin_of_shards(folder)  # build.json may have been lost
    if there is None:
        if folder.is_dir() and any(path.suffix != TEMPORARY for path in folder.iterdir()):
            raise BuildError(
                f"{folder} holds files that are no {kind}; name a folder that is new or empty."
            )
    elif there.fingerprint != ours.fingerprint:
        raise BuildError(f"{folder} {refusal(there)}. Name another folder, or delete that one.")
    return there


def _origin_of_shards(folder: Path) -> Origin | None:
    """What a folder without a readable `build.json` was made from, by its shards."""
    for path in sorted(folder.glob("*/*.parquet")):
        with contextlib.suppress(DatasetError):
            stamp = read_stamp(path)
            return Origin(stamp.build, stamp.plan, {}, license="", title="")
    return None


def differences(there: Origin, ours: Origin) -> list[str]:
    """What two datasets were made with that is not the same, one phrase each."""
    one, other = there.made_with, ours.made_with
    return [
        f"{name} {one.get(name)} there and {other.get(name)} here"
        for name in dict.fromkeys([*other, *one])
        if one and name != MEASURED and one.get(name) != other.get(name)
    ]


def refuse_strays(folder: Path, known: Collection[str]) -> None:
    """Refuse a folder with shards that are none of ours: `load_dataset` would read them as well.

    Raises:
        BuildError: The message names them.
    """
    paths = [path for place in FOLDERS.values() for path in folder.glob(f"{place}/*.parquet")]
    strays = sorted({path.relative_to(folder).as_posix() for path in paths} - set(known))
    if strays:
        raise BuildError(
            f"{folder} holds files that do not belong to this dataset: {', '.join(strays)}. "
            "Move them away and run the same command again."
        )


@contextlib.contextmanager
def writing(folder: Path, kept: str = "The clips finished so far are kept") -> Iterator[None]:
    """Makes a sentence of a full or read-only disk, which says what is kept."""
    try:
        yield
    except OSError as error:
        raise BuildError(
            f"{folder} cannot be written ({error}). {kept}: mend that and run the same command "
            "again."
        ) from error


@contextlib.contextmanager
def alone(folder: Path, other: str = "A build or a measurement") -> Iterator[None]:
    """Holds the lock that all jobs share, and sweeps away what an interrupted writer left."""
    place = folder / WORKSHOP
    place.mkdir(exist_ok=True)
    lock = FileLock(place / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BuildError(f"{other} is running in {folder}; wait for it or stop it.") from None
    try:
        for name in (".", *FOLDERS.values()):
            remove_temporaries(folder / name)
        yield
    finally:
        # Deleted while it is held: whoever comes next makes a lock of their own.
        (place / _LOCK).unlink(missing_ok=True)
        lock.release()
        with contextlib.suppress(OSError):  # an unfinished job keeps its chunks there
            place.rmdir()


def clear(workshop: Path) -> None:
    """Delete a workshop, but not the lock, which goes when it is released."""
    for left in workshop.glob("*"):
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name != _LOCK:
            left.unlink()
    with contextlib.suppress(OSError):
        workshop.rmdir()
