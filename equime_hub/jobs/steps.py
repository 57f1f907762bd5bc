"""The steps of every job: claim a folder, make chunks and seal them, stage, publish, clear.

**Claim.** A job works in a folder that is new, empty or its own, and holds the one lock.

**Chunks** are the few clips that a worker makes, or looks at, in one go. A chunk leaves a file of
rows (Parquet) in the job's hidden workshop, if it makes any, and a seal (JSON) that is written
after it: what it was made of, the SHA-256 of the rows, and the small result that its worker gave.
It counts as done only if its seal fits. So a kill, a full disk, a flipped bit and another question
have the same cure: the chunk is made again.

**Stage.** Files of the dataset are made in the folder `new` of the workshop, with card and sums.

**Publish.** They are moved to their places, the sums last. Who is killed meanwhile comes back and
moves the rest.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from filelock import FileLock, Timeout

from equime_hub import checksums
from equime_hub.builder import shards
from equime_hub.cards import dataset_card
from equime_hub.errors import BuildError, DatasetError
from equime_hub.files import TEMPORARY, remove_temporaries, sha256, write_text
from equime_hub.progress import Progress
from equime_hub.schema.features import FOLDERS
from equime_hub.schema.stamp import ORIGIN, Origin, Stamp, read_origin, read_stamp

MEASURED = "measured"
"""Key in `Origin.made_with` of what was measured later; no part of its fingerprint."""
WORKSHOP = ".building"
"""Hidden folder of builds and imports; the lock of all jobs lies in it, too."""
NEW = "new"
"""Folder in a workshop of files that are to replace those of the dataset."""
CARD = dataset_card.NAME
VIDEOS = f"{FOLDERS['default']}/"
_LOCK = "lock"

WriteCard = Callable[[Path], object]
"""Writes the card of a folder from its label files, such as `cards.dataset_card.write`."""


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


@dataclass(frozen=True)
class Chunk:
    """A few clips, for a worker; small and picklable.

    Attributes:
        path: Its file of rows; its seal itself if it makes none.
        stamp: What it is made of.
        items: What the worker needs to know of each clip.
    """

    path: Path
    stamp: Stamp
    items: tuple[Any, ...]

    @property
    def seal(self) -> Path:
        """The file that is written last."""
        return self.path.with_suffix(".json")

    def result(self) -> Any:
        """What its worker gave; None if it is not there, damaged, or made of something else."""
        try:
            seal = json.loads(self.seal.read_text(encoding="utf-8"))
            fits = seal["stamp"] == asdict(self.stamp) and seal["sha256"] == self._sum()
            return seal["result"] if fits else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def finish(self, result: Any) -> None:
        """Write the seal; whatever the rows are, they are written."""
        seal = {"stamp": asdict(self.stamp), "sha256": self._sum(), "result": result}
        write_text(self.seal, json.dumps(seal))

    def delete(self) -> None:
        """Remove its files, the seal first: rows without one are nothing."""
        self.seal.unlink()
        self.path.unlink(missing_ok=True)

    def _sum(self) -> str | None:
        return None if self.path == self.seal else sha256(self.path)


Work = Callable[[Any], Any]
"""Makes the rows of a chunk, if it has any, and returns its result: JSON values, never None."""
Start = Callable[[], Work]
"""What a worker process does once, before its first chunk. Picklable, unlike what it returns."""


def missing(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Those that are still to be made."""
    return [chunk for chunk in chunks if chunk.result() is None]


def make(
    todo: list[Chunk],
    start: Start,
    run: Callable[[Start, list[Chunk]], Iterator[Path]],
    clips: int,
    progress: Progress | None,
    finished: Callable[[Chunk], object] | None = None,
) -> int:
    """Make chunks and seal them; returns of how many clips they are.

    Args:
        todo: The chunks.
        start: Gives what makes them.
        run: An engine that knows its workforce.
        clips: Clips in all, with those that need not be made.
        progress: Called with clips done and clips in all.
        finished: Called here with each chunk that is made, while workers go on.
    """
    for workshop in {chunk.path.parent for chunk in todo}:
        remove_temporaries(workshop)
    made = sum(len(chunk.items) for chunk in todo)
    done = clips - made
    if progress:
        progress(done, clips)
    chunks = {chunk.path: chunk for chunk in todo}
    for path in run(partial(_sealing, start), todo):
        done += len(chunks[path].items)
        if finished:
            finished(chunks[path])
        if progress:
            progress(done, clips)
    return made


def _sealing(start: Start) -> Callable[[Chunk], Path]:
    work = start()

    def make_and_seal(chunk: Chunk) -> Path:
        chunk.finish(work(chunk))
        return chunk.path

    return make_and_seal


def labels_name(split: str) -> str:
    """Name of the label file of a split."""
    return f"{FOLDERS['metadata']}/{split}-00000-of-00001.parquet"


def complete(folder: Path, needed: Iterable[str]) -> bool:
    """Whether a dataset is finished: all its files are there and whole, and no other videos."""
    sums = checksums.read(folder)
    listed = {name for name in sums if name.startswith(VIDEOS)}
    there = {path.relative_to(folder).as_posix() for path in folder.glob(f"{VIDEOS}*.parquet")}
    return (
        bool(there)
        and there == listed
        and {CARD, ORIGIN, *needed} <= set(sums)
        and all(checksums.intact(folder, sums, name) for name in sums)
    )


class Staging:
    """New files of a dataset, which get into it all together or not at all.

    Args:
        folder: The dataset, or what will be one.
        workshop: Where the folder of new files is.
        sums: Of files that will be in the dataset; `write` adds to them.
    """

    def __init__(self, folder: Path, workshop: Path, sums: dict[str, str]) -> None:
        self.folder, self.new, self.sums = folder, workshop / NEW, sums

    def write(self, name: str, groups: Iterable[pa.Table], stamp: Stamp, config: str) -> Path:
        """Write a Parquet file and note its sum, so that it is found again after a kill.

        Args:
            name: Of the file in the dataset.
            groups: One table a row group.
            stamp: For its footer.
            config: Whose columns are written.
        """
        shards.write(self.new / name, iter(groups), stamp, config)
        checksums.record(self.new, self.sums, name)
        return self.new / name

    def write_labels(self, name: str, videos: Sequence[Path], stamp: Stamp) -> None:
        """The same for the label file of some shards."""
        self.write(name, [shards.labels_only(videos)], stamp, "metadata")

    def finish(self, card: WriteCard | None) -> None:
        """Add the card, and the sums of the dataset as it will be.

        The card sees old labels, images and `build.json` beside the new ones. Moved back over
        itself, such a file stays where it is.
        """
        for name in {ORIGIN, *self.sums} - {CARD}:
            if not (name.startswith(VIDEOS) or (self.new / name).exists()):
                (self.new / name).parent.mkdir(parents=True, exist_ok=True)
                try:
                    os.link(self.folder / name, self.new / name)
                except OSError:  # not every file system has links
                    shutil.copyfile(self.folder / name, self.new / name)
        if card:
            card(self.new)
        own = {name for name in (CARD, ORIGIN) if (self.new / name).exists()}
        checksums.write(self.new, self.sums | {name: sha256(self.new / name) for name in own})


def publish(new: Path, folder: Path) -> None:
    """Move staged files to their places; does nothing if there are none.

    The card goes before the videos: it says how many rows there must be, so that a reader who
    comes in between refuses instead of reading less. The images that it counts go before it.
    """

    def turn(name: str) -> tuple[bool, bool, bool, str]:
        return name == checksums.NAME, name.startswith(VIDEOS), name == CARD, name

    names = [path.relative_to(new).as_posix() for path in new.rglob("*") if path.is_file()]
    for name in sorted(names, key=turn):
        (folder / name).parent.mkdir(exist_ok=True)
        (new / name).replace(folder / name)
    if new.is_dir():
        shutil.rmtree(new)


def clear(workshop: Path) -> None:
    """Delete a workshop, but not the lock, which goes when it is released."""
    for left in workshop.glob("*"):
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name != _LOCK:
            left.unlink()
    with contextlib.suppress(OSError):
        workshop.rmdir()
