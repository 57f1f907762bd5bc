"""Clips of a licensed folder to a dataset folder: resumable, the same bytes however interrupted.

It knows nothing of the datasets: whoever calls it gives the clips in order and the function that
reads one. How large a clip is shows when it is read, so shards are laid out when all chunks are
there; for a while the clips lie there twice. Chunks are deleted after the sums are written.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from equime_hub import checksums, seeds
from equime_hub.builder import shards
from equime_hub.errors import BuildError
from equime_hub.files import sha256, write_text
from equime_hub.jobs import chunks, publish
from equime_hub.jobs.chunks import Chunk, Work
from equime_hub.jobs.claim import (
    WORKSHOP,
    alone,
    claim,
    clear,
    differences,
    refuse_strays,
    writing,
)
from equime_hub.jobs.engines import Workforce
from equime_hub.jobs.publish import CARD, NEW, WriteCard
from equime_hub.progress import Progress
from equime_hub.schema.features import SCHEMA_VERSION
from equime_hub.schema.imports import Problem, Reading, split_of
from equime_hub.schema.licences import RESTRICTED
from equime_hub.schema.stamp import ORIGIN, Origin, Stamp
from equime_hub.splits.assign import SPLITS

PROBLEMS = "problems.csv"
"""File in the dataset folder that lists what was wrong."""

_COLUMNS = ["clip_id", "file", "problem", "lost"]
_GROUP_BYTES = 256_000_000


class UnreadClip(Protocol):
    """What is known of a clip before it is read; picklable, a frozen dataclass."""

    @property
    def clip_id(self) -> str:
        """Its id, unique."""

    @property
    def part(self) -> str | None:
        """Part of the dataset, which can name its split."""


@dataclass(frozen=True)
class ImportSource:
    """What is imported.

    Attributes:
        name: Of the dataset, such as "samm".
        title: For the card.
        licence: Without prefix.
        citation: Authors, year and venue.
        entries: The clips, in order.
        read: Reads one; picklable.
        made_with: All else that the bytes depend on: options and encoder, as JSON values.
        shard_bytes: Wanted size of a shard.
    """

    name: str
    title: str
    licence: str
    citation: str
    entries: Sequence[UnreadClip]
    read: Callable[[Any], Reading]
    made_with: dict[str, Any]
    shard_bytes: int = 500_000_000

    def origin(self) -> Origin:
        """What `build.json` says."""
        made_with = {
            "imported": self.name,
            "citation": self.citation,
            "shard_bytes": self.shard_bytes,
            **self.made_with,
        }
        clips = seeds.digest([vars(entry) for entry in self.entries])[:16]
        fingerprint = seeds.digest(clips, made_with, SCHEMA_VERSION)[:16]
        return Origin(fingerprint, clips, made_with, RESTRICTED + self.licence, self.title)


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes:
        folder: The dataset.
        fingerprint: Of the clips and all else that the bytes depend on.
        clips: Rows in the dataset.
        made: Clips read by this run; the others were there.
        lost: Clips that could not be imported.
        problems: All that is listed in `PROBLEMS`.
    """

    folder: Path
    fingerprint: str
    clips: int
    made: int
    lost: int
    problems: tuple[Problem, ...]


def import_clips(
    source: ImportSource,
    folder: Path,
    *,
    card: WriteCard,
    workers: int = 1,
    progress: Progress | None = None,
) -> ImportReport:
    """Import clips, or finish an import that was interrupted.

    Clips that cannot be read are left out and listed.

    Args:
        source: What to import.
        folder: New, empty, or holding the same import.
        card: Writes the card from the label files, such as `cards.dataset_card.write`.
        workers: Processes, one core each.
        progress: Called with clips done and clips in all.

    Raises:
        BuildError: The folder is not ours or holds another dataset, another run is at work
            there, the disk is full, or no clip at all could be read.
    """
    origin = source.origin()
    workshop, fresh, made = folder / WORKSHOP, not folder.exists(), 0
    problems: list[Problem] = []
    with writing(folder):
        if not claim(folder, origin, f"import of {origin.title}", partial(_refusal, origin)):
            origin.write(folder)
        with alone(folder):
            if not _complete(folder):
                origin.write(folder)  # without what was measured on rows that are made again
                asked = _chunks(source, workshop, origin)
                todo = chunks.missing(asked)
                engine = chunks.engine("local", Workforce(workers))
                start = partial(_start, source.read)
                made = chunks.make(todo, start, engine, len(source.entries), progress)
                results = [chunk.result() for chunk in asked]
                problems = [Problem(**about) for found in results for about in found["problems"]]

                sums = _assemble(asked, results, workshop / NEW, origin, source.shard_bytes)
                if sums:
                    refuse_strays(folder, sums)
                    _write_problems(workshop / NEW, problems)
                    sums[PROBLEMS] = sha256(workshop / NEW / PROBLEMS)
                    sums[ORIGIN] = sha256(folder / ORIGIN)
                    publish.stage(folder, workshop / NEW, sums, card)
                    publish.publish(workshop / NEW, folder)
            clear(workshop)
        if not (folder / checksums.NAME).is_file():
            _give_up(folder, fresh, problems)
    return _report(folder, origin, made)


def _refusal(ours: Origin, there: Origin) -> str:
    """What is said of a folder that holds something else."""
    what = there.title or "another dataset"
    if there.made_with.get("imported") == ours.made_with["imported"]:
        changed = differences(there, ours)
        if there.plan != ours.plan:
            changed.append("other clips or labels")
        what = f"another import of it ({'; '.join(changed)})"
    return f"holds {what}, not this import of {ours.title}"


def _complete(folder: Path) -> bool:
    """Whether every file is there and whole, and none but them."""
    sums = checksums.read(folder)
    data = {name for name in sums if name.startswith("data/")}
    there = {p.relative_to(folder).as_posix() for p in folder.glob("data/*.parquet")}
    needed = data | {CARD, ORIGIN, PROBLEMS}
    return bool(data) and data == there and needed <= set(sums) and all(
        checksums.intact(folder, sums, name) for name in sums
    )  # fmt: skip


def _chunks(source: ImportSource, workshop: Path, origin: Origin) -> list[Chunk]:
    """Chunks of an import, in the order of its rows; none has clips of two splits."""
    found = []
    for split in SPLITS:
        entries = [entry for entry in source.entries if split_of(entry.part) == split]
        for start in range(0, len(entries), shards.CHUNK):
            name = f"{split}-{start:07d}.parquet"
            stamp = Stamp(origin.fingerprint, origin.plan, name)
            own = tuple(entries[start : start + shards.CHUNK])
            found.append(Chunk(workshop / name, stamp, own))
    return found


def _start(read: Callable[[Any], Reading]) -> Work:
    """What a worker does first; gives the function that makes a chunk."""

    def work(chunk: Chunk) -> dict[str, Any]:
        readings = [read(entry) for entry in chunk.items]
        rows = [reading.row for reading in readings if reading.row]
        shards.write(chunk.path, iter([shards.table_of_rows(rows)]), chunk.stamp)
        return {
            "split": split_of(chunk.items[0].part),
            "rows": len(rows),
            "bytes": sum(row["size_bytes"] for row in rows),
            "problems": [asdict(problem) for r in readings for problem in r.problems],
        }

    return work


def _assemble(
    asked: Sequence[Chunk],
    results: Sequence[dict[str, Any]],
    new: Path,
    origin: Origin,
    shard_bytes: int,
) -> dict[str, str]:
    """Join chunks to shards, and write their labels; gives the sums, none if there are no rows."""
    shutil.rmtree(new, ignore_errors=True)
    sums: dict[str, str] = {}
    for split in SPLITS:
        own = [(c, r) for c, r in zip(asked, results, strict=True) if r["split"] == split]
        rows, size = (sum(result[key] for _, result in own) for key in ("rows", "bytes"))
        if not rows:
            continue
        # A whole recording can have a hundred megabytes: 64 of them are no group to hold.
        group = max(1, min(shards.ROW_GROUP, _GROUP_BYTES * rows // size))
        per_shard = max(1, shard_bytes * rows // size // group) * group
        count = -(-rows // per_shard)
        groups = shards.row_groups([chunk.path for chunk, _ in own], size=group)
        videos = []
        for index in range(count):
            name = shards.Shard(split, index, count, index * per_shard, rows).path
            stamp = Stamp(origin.fingerprint, origin.plan, name)
            publish.write(new, sums, name, islice(groups, per_shard // group), stamp, "default")
            videos.append(new / name)
        name = publish.labels_name(split)
        stamp = Stamp(origin.fingerprint, origin.plan, name)
        publish.write_labels(new, sums, name, videos, stamp)
    return sums


def _write_problems(folder: Path, problems: Sequence[Problem]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for problem in problems:
        writer.writerow(asdict(problem) | {"lost": "yes" if problem.lost else "no"})
    write_text(folder / PROBLEMS, text.getvalue())


def read_problems(folder: Path) -> tuple[Problem, ...]:
    """What an import listed; empty if the folder has no list."""
    path = folder / PROBLEMS
    if not path.is_file():
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(Problem(**(row | {"lost": row["lost"] == "yes"})) for row in rows)


def _report(folder: Path, origin: Origin, made: int) -> ImportReport:
    labels = shards.labels_only(sorted(folder.glob("metadata/*.parquet")))
    problems = read_problems(folder)
    lost = len({problem.clip_id for problem in problems if problem.lost})
    return ImportReport(folder, origin.fingerprint, len(labels), made, lost, problems)


def _give_up(folder: Path, fresh: bool, problems: Sequence[Problem]) -> None:
    (folder / ORIGIN).unlink()
    if fresh:
        folder.rmdir()
    lines = [f"{p.clip_id}: {p.file}: {p.problem}" for p in problems if p.lost]
    more = f"\n  and {len(lines) - 10} more" if len(lines) > 10 else ""
    raise BuildError(
        "No clip could be read, so nothing was written. Unpack the whole release, or look at the "
        "folder with `equime import NAME --root DIR --check`:\n  " + "\n  ".join(lines[:10]) + more
    )
