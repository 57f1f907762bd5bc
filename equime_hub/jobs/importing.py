"""Clips of a licensed folder to a dataset folder: resumable, the same bytes however interrupted.

It knows nothing of the datasets: whoever calls it gives the clips in order and the function that
reads one. Parts of a few clips are made in the hidden folder `.building`, each with a seal; when
all are there they are joined to shards. Sums and parts are what a kill cannot fool: the sums are
written last, the parts are deleted after them.
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
from typing import Any

from equime_hub import checksums
from equime_hub.builder import shards
from equime_hub.errors import BuildError, DatasetError
from equime_hub.files import TEMPORARY, remove_temporaries, sha256, write_text
from equime_hub.jobs import import_parts, staging
from equime_hub.jobs.claim import refuse_strays
from equime_hub.jobs.engines import ENGINES, Workforce
from equime_hub.jobs.import_parts import Part, Source
from equime_hub.progress import Progress
from equime_hub.schema.imports import Problem
from equime_hub.schema.stamp import ORIGIN, Origin, Stamp, read_origin
from equime_hub.splits.assign import SPLITS

PROBLEMS = "problems.csv"
"""File in the dataset folder that lists what was wrong."""

_WORKSHOP = ".building"
_CARD = "README.md"
_COLUMNS = ["clip_id", "file", "problem", "lost"]
_GROUP_BYTES = 256_000_000


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


def run(
    source: Source,
    folder: Path,
    *,
    card: Callable[[Path], object],
    workers: int = 1,
    progress: Progress | None = None,
) -> ImportReport:
    """Import clips, or finish an import that was interrupted.

    Clips that cannot be read are left out and listed. For a while the clips lie there twice, as
    parts and as shards.

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
    try:
        fresh = _claim(folder, origin)
        with staging.alone(folder):
            workshop = folder / _WORKSHOP
            if _complete(folder):
                _clear(workshop)
                return _report(folder, origin, 0)
            origin.write(folder)  # without what was measured on rows that are made again
            parts = list(import_parts.of_source(source, workshop, origin))
            made = _make(parts, source, workers, progress)
            seals = [seal for part in parts if (seal := part.sealed())]
            problems = [Problem(**p) for seal in seals for p in seal["problems"]]
            if any(seal["rows"] for seal in seals):
                _publish(folder, parts, seals, problems, source.shard_bytes, card)
            _clear(workshop)
        if not (folder / checksums.NAME).is_file():
            _give_up(folder, fresh, problems)
    except OSError as error:
        raise BuildError(
            f"{folder} cannot be written ({error}). The clips finished so far are kept: mend "
            "that and run the same command again."
        ) from error
    return _report(folder, origin, made)


def _claim(folder: Path, origin: Origin) -> bool:
    """Make a folder the home of an import, or refuse it; says whether it is new."""
    checksums.refuse_half_moved(folder)
    if folder.exists() and not folder.is_dir():
        raise BuildError(f"{folder} is a file; name a folder that is new or empty.")
    fresh = not folder.exists()
    try:
        there = read_origin(folder)
    except DatasetError:
        there = None
    if there is None and not fresh and any(path.suffix != TEMPORARY for path in folder.iterdir()):
        raise BuildError(
            f"{folder} holds files that are no import of {origin.title}; name a folder that is "
            "new or empty."
        )
    if there is not None and there.fingerprint != origin.fingerprint:
        name, ours = there.made_with.get("imported"), origin.made_with
        changed = [
            f"{key} {there.made_with.get(key)} there and {value} here"
            for key, value in ours.items()
            if there.made_with.get(key) != value
        ]
        if there.plan != origin.plan:
            changed.append("other clips or labels")
        again = name == ours["imported"]
        what = f"another import of it ({'; '.join(changed)})" if again else there.title
        raise BuildError(
            f"{folder} holds {what}, not this import of {origin.title}. Name another folder, or "
            "delete that one."
        )
    if there is None:
        origin.write(folder)
    return fresh


def _complete(folder: Path) -> bool:
    """Whether every file is there and whole, and none but them."""
    sums = checksums.read(folder)
    data = {name for name in sums if name.startswith("data/")}
    there = {p.relative_to(folder).as_posix() for p in folder.glob("data/*.parquet")}
    needed = data | {_CARD, ORIGIN, PROBLEMS}
    return bool(data) and data == there and needed <= set(sums) and all(
        checksums.intact(folder, sums, name) for name in sums
    )  # fmt: skip


def _make(parts: list[Part], source: Source, workers: int, progress: Progress | None) -> int:
    """Make every part that is missing or damaged; returns how many clips were read."""
    if parts:
        remove_temporaries(parts[0].path.parent)
    todo = [part for part in parts if part.sealed() is None]
    total, made = len(source.entries), 0
    done = total - sum(len(part.entries) for part in todo)
    if progress:
        progress(done, total)
    engine = ENGINES.get("local")
    for part in engine(partial(import_parts.start, source.read), todo, Workforce(workers)):
        made += len(part.entries)
        if progress:
            progress(done + made, total)
    return made


def _publish(
    folder: Path,
    parts: list[Part],
    seals: list[dict[str, Any]],
    problems: list[Problem],
    shard_bytes: int,
    card: Callable[[Path], object],
) -> None:
    """Join parts to shards, and put labels, list, card, shards and sums in their places.

    The card comes before the shards: it says how many rows there must be, so that a reader who
    comes in between refuses instead of reading less.
    """
    stamp, workshop = parts[0].stamp, folder / _WORKSHOP
    made = []
    for split in SPLITS:
        own = [(part, seal) for part, seal in zip(parts, seals, strict=True) if part.split == split]
        rows, size = (sum(seal[key] for _, seal in own) for key in ("rows", "bytes"))
        if not rows:
            continue
        # A whole recording can have a hundred megabytes: 64 of them are no group to hold.
        group = max(1, min(shards.ROW_GROUP, _GROUP_BYTES * rows // size))
        per_shard = max(1, shard_bytes * rows // size // group) * group
        count = -(-rows // per_shard)
        groups = shards.row_groups([part.path for part, _ in own], size=group)
        new = []
        for index in range(count):
            shard = shards.Shard(split, index, count, index * per_shard, rows)
            own_stamp = Stamp(stamp.build, stamp.plan, shard.path)
            shards.write(workshop / shard.path, islice(groups, per_shard // group), own_stamp)
            new.append(shard.path)
        name = f"metadata/{split}-00000-of-00001.parquet"
        table = shards.labels_only([workshop / path for path in new])
        own_stamp = Stamp(stamp.build, stamp.plan, name)
        shards.write(folder / name, iter([table]), own_stamp, config="metadata")
        made += [*new, name]
    refuse_strays(folder, made)
    _write_problems(folder, problems)
    card(folder)
    data = [name for name in made if name.startswith("data/")]
    sums = {name: sha256(workshop / name) for name in data}
    others = [name for name in made if name not in sums]
    sums |= {name: sha256(folder / name) for name in (*others, PROBLEMS, _CARD, ORIGIN)}
    for name in data:
        (folder / name).parent.mkdir(exist_ok=True)
        (workshop / name).replace(folder / name)
    checksums.write(folder, sums)


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


def _clear(workshop: Path) -> None:
    """Delete everything but the lock, which goes when it is released."""
    for left in workshop.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name != "lock":
            left.unlink()


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
