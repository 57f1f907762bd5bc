"""Clips of a licensed folder to a dataset folder: resumable, the same bytes however interrupted.

It knows nothing of any one dataset: whoever calls it gives the clips in order and the function
that reads one. How large a clip is shows when it is read, so shards are laid out when all chunks
are there; for a while the clips lie there twice.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from equime_hub import checksums, seeds
from equime_hub.builder import shards
from equime_hub.errors import BuildError
from equime_hub.files import sha256, write_text
from equime_hub.jobs import steps
from equime_hub.jobs.engines import ENGINES, Workforce
from equime_hub.loading_script.real.clip import RealClip
from equime_hub.progress import Progress
from equime_hub.schema.features import SCHEMA_VERSION
from equime_hub.schema.imports import Problem, Reading, split_of
from equime_hub.schema.licences import RESTRICTED
from equime_hub.schema.stamp import ORIGIN, Origin, Stamp
from equime_hub.splits.assign import SPLITS

PROBLEMS = "problems.csv"
"""File in the dataset folder that lists what was wrong."""

_COLUMNS = [field.name for field in fields(Problem)]
_GROUP_BYTES = 256_000_000


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
    entries: Sequence[RealClip]
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
    card: steps.WriteCard,
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
    workshop, fresh, made = folder / steps.WORKSHOP, not folder.exists(), 0
    problems: list[Problem] = []
    run = partial(ENGINES.get("local"), force=Workforce(workers))
    with steps.writing(folder):
        kind = f"import of {origin.title}"
        if not steps.claim(folder, origin, kind, partial(_refusal, origin)):
            origin.write(folder)
        with steps.alone(folder):
            if not steps.complete(folder, [PROBLEMS]):
                origin.write(folder)  # without what was measured on rows that are made again
                asked = _chunks(source, workshop, origin)
                start, clips = partial(_start, source.read), len(source.entries)
                made = steps.make(steps.missing(asked), start, run, clips, progress)
                done = [(chunk, chunk.result()) for chunk in asked]
                problems = [Problem(**about) for _, result in done for about in result["problems"]]

                staging = _assemble(done, folder, workshop, origin, source.shard_bytes)
                if staging.sums:
                    steps.refuse_strays(folder, staging.sums)
                    _write_problems(staging.new, problems)
                    staging.sums[PROBLEMS] = sha256(staging.new / PROBLEMS)
                    staging.finish(card)
                    steps.publish(staging.new, folder)
            steps.clear(workshop)
        if not (folder / checksums.NAME).is_file():
            _give_up(folder, fresh, problems)
    return _report(folder, origin, made)


def _refusal(ours: Origin, there: Origin) -> str:
    """What is said of a folder that holds something else."""
    what = there.title or "another dataset"
    if there.made_with.get("imported") == ours.made_with["imported"]:
        changed = steps.differences(there, ours)
        if there.plan != ours.plan:
            changed.append("other clips or labels")
        what = f"another import of it ({'; '.join(changed)})"
    return f"holds {what}, not this import of {ours.title}"


def _chunks(source: ImportSource, workshop: Path, origin: Origin) -> list[steps.Chunk]:
    """Chunks of an import, in the order of its rows; none has clips of two splits."""
    found = []
    for split in SPLITS:
        entries = [entry for entry in source.entries if split_of(entry.part) == split]
        for start in range(0, len(entries), shards.CHUNK):
            name = f"{split}-{start:07d}.parquet"
            stamp = Stamp(origin.fingerprint, origin.plan, name)
            own = tuple(entries[start : start + shards.CHUNK])
            found.append(steps.Chunk(workshop / name, stamp, own))
    return found


def _start(read: Callable[[Any], Reading]) -> steps.Work:
    """What a worker does first; gives the function that makes a chunk."""

    def work(chunk: steps.Chunk) -> dict[str, Any]:
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
    done: Sequence[tuple[steps.Chunk, dict[str, Any]]],
    folder: Path,
    workshop: Path,
    origin: Origin,
    shard_bytes: int,
) -> steps.Staging:
    """Join chunks to shards, and write their labels; nothing if no clip could be read."""
    shutil.rmtree(workshop / steps.NEW, ignore_errors=True)
    staging = steps.Staging(folder, workshop, {})
    for split in SPLITS:
        own = [(chunk.path, result) for chunk, result in done if result["split"] == split]
        rows, size = (sum(result[key] for _, result in own) for key in ("rows", "bytes"))
        if not rows:
            continue
        # A whole recording can have a hundred megabytes: 64 of them are no group to hold.
        group = max(1, min(shards.ROW_GROUP, _GROUP_BYTES * rows // size))
        per_shard = max(1, shard_bytes * rows // size // group) * group
        count = -(-rows // per_shard)  # rounded up
        groups = shards.row_groups([path for path, _ in own], size=group)
        videos = []
        for index in range(count):
            name = shards.Shard(split, index, count, index * per_shard, rows).path
            stamp = Stamp(origin.fingerprint, origin.plan, name)
            own_groups = islice(groups, per_shard // group)
            videos.append(staging.write(name, own_groups, stamp, "default"))
        name = steps.labels_name(split)
        staging.write_labels(name, videos, Stamp(origin.fingerprint, origin.plan, name))
    return staging


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
    # An empty folder that was there stays; another run may then use it for something else.
    (folder / ORIGIN).unlink()
    if fresh:
        folder.rmdir()
    lines = [f"{p.clip_id}: {p.file}: {p.problem}" for p in problems if p.lost]
    more = f"\n  and {len(lines) - 10} more" if len(lines) > 10 else ""
    raise BuildError(
        "No clip could be read, so nothing was written. Unpack the whole release, or look at the "
        "folder with `equime import NAME --root DIR --check`:\n  " + "\n  ".join(lines[:10]) + more
    )
