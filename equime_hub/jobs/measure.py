"""Measures a dataset that is there: quality columns and gates anew, all else as it was.

Three steps, each of which may be interrupted:

1. `.measuring` collects values, a few clips a file. The dataset is untouched.
2. `.measuring/new` becomes a whole set of the files that change, with their sums. It is renamed
   to `.measured` when it is complete, which is the point of no return.
3. Its files replace those of the dataset, the sums last. Until then `checksums.read` refuses the
   folder with a sentence, and the next run begins by moving the rest.

So the old columns are there until every new shard is whole.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from equime_hub import checksums
from equime_hub.builder.measure.gates import Gates, planned_ms
from equime_hub.builder.measure.meter import Measures
from equime_hub.errors import BuildError, DatasetError
from equime_hub.files import write_text
from equime_hub.jobs import chunks, staging
from equime_hub.jobs.chunks import COLUMNS, Chunk, Source
from equime_hub.jobs.claim import MEASURED
from equime_hub.jobs.engines import ENGINES, Workforce
from equime_hub.progress import Progress
from equime_hub.schema.records import Quality
from equime_hub.schema.stamp import ORIGIN, Origin, read_origin

WORKSHOP = ".measuring"
ACCEPTED = "accepted"
"""Stands for "no reason" among the reasons of a `MeasureReport`."""

_CARD = "README.md"
_REQUEST = "request.json"


@dataclass(frozen=True)
class MeasureReport:
    """What a run did.

    Attributes:
        folder: The dataset.
        clips: Clips in it.
        measured: Clips that lacked values, or were to be measured anew.
        shards: Shards that were replaced.
        before: Reason of rejection, or `ACCEPTED` → clips, before the run.
        after: The same after it.
        undecided: Gate that is on → clips for which nothing is measured that it goes by.
    """

    folder: Path
    clips: int
    measured: int
    shards: int
    before: dict[str, int]
    after: dict[str, int]
    undecided: dict[str, int]


def remeasure(
    folder: Path,
    measures: Measures,
    gates: Gates | None = None,
    *,
    card: Callable[[Path], object],
    refresh: bool = False,
    workers: int = 1,
    progress: Progress | None = None,
    checking: Progress | None = None,
) -> MeasureReport:
    """Measure the clips of a dataset, or go on with a run that was interrupted.

    A broken clip is not measured. The face is located in the first frame, since a dataset does
    not hold its plan; so figures of motion differ a little from those of a build.

    Args:
        folder: A dataset that `build` finished, or that was copied whole.
        measures: What to measure.
        gates: What to reject; None keeps the gates of the build, or of the last run.
        card: Writes the card from the label files, such as `cards.dataset_card.write`.
        refresh: Measure clips that have values, too.
        workers: Processes, one core each.
        progress: Called with clips measured and clips to measure.
        checking: Called with files checked and files in all.

    Raises:
        DatasetError: The folder holds no finished dataset, or one that is damaged; nothing is
            changed.
        BuildError: A build or another run is at work there, the disk is full, or clips cannot be
            measured. What was measured is kept.
    """
    if not any((folder / name).is_file() for name in (ORIGIN, checksums.NAME)):
        raise DatasetError(f"{folder} holds no dataset built by `equime build`.")
    try:
        with staging.alone(folder):
            staging.move(folder)
            sums = staging.sound(folder, checking)
            found = [Source(folder, name) for name in sorted(sums) if name.startswith("data/")]
            workshop = _open(folder, measures, refresh, found, sums)
            todo = [c for s in found for c in s.chunks(workshop, measures.tools, refresh)]
            _measure(todo, measures, workers, progress)
            origin, gates = _origin(folder, measures, todo, gates)
            judged = {source: _judged(source, todo, gates) for source in found}
            replaced = staging.stage(folder, workshop, judged, origin, sums, card)
            staging.move(folder)
            shutil.rmtree(workshop)
    except OSError as error:
        raise BuildError(
            f"{folder} cannot be written ({error}). What was measured is kept, and so is the "
            "dataset: mend that and run the same command again."
        ) from error
    after = [quality for qualities in judged.values() for quality in qualities]
    return MeasureReport(
        folder,
        clips=len(after),
        measured=sum(len(chunk.todo) for chunk in todo),
        shards=replaced,
        before=_counted(row["rejection_reason"] for s in found for row in s.rows),
        after=_counted(quality.rejection_reason for quality in after),
        undecided=dict(Counter(gate for quality in after for gate in gates.undecided(quality))),
    )


def _open(
    folder: Path, measures: Measures, refresh: bool, found: list[Source], sums: dict[str, str]
) -> Path:
    """The workshop, without what an earlier run left there that was asked for something else."""
    workshop = folder / WORKSHOP
    request = json.dumps(
        [measures.describe(), refresh, {source.name: sums[source.name] for source in found}]
    )
    path = workshop / _REQUEST
    if not path.is_file() or path.read_text(encoding="utf-8") != request:
        shutil.rmtree(workshop, ignore_errors=True)
        write_text(path, request)
    return workshop


def _measure(
    todo: list[Chunk], measures: Measures, workers: int, progress: Progress | None
) -> None:
    """Write the values of every chunk that has none."""
    missing = [chunk for chunk in todo if not chunk.path.is_file()]
    total = sum(len(chunk.todo) for chunk in todo)
    done = total - sum(len(chunk.todo) for chunk in missing)
    if progress:
        progress(done, total)
    run = ENGINES.get("local")
    for chunk in run(partial(chunks.start, measures), missing, Workforce(workers)):
        done += len(chunk.todo)
        if progress:
            progress(done, total)


def _origin(
    folder: Path, measures: Measures, done: list[Chunk], gates: Gates | None
) -> tuple[Origin, Gates]:
    """What `build.json` will say of the build and of all that was measured since; the gates."""
    origin = read_origin(folder)
    assert origin is not None  # it was looked for
    built = origin.made_with
    before = built.get(MEASURED, {"tools": {}, "gates": built.get("gates", {})})
    gates = gates or Gates.restore(before["gates"])
    used = {tool for chunk in done for _, tools in chunk.todo for tool in tools}
    tools = {tool: about for tool, about in measures.describe().items() if tool in used}
    after = {"tools": before["tools"] | tools, "gates": gates.describe()}
    if after == before:
        return origin, gates
    return replace(origin, made_with=built | {MEASURED: after}), gates


def _judged(source: Source, done: list[Chunk], gates: Gates) -> list[Quality]:
    """The measurements of every row, with the new values and what the gates say of them."""
    rows = [dict(row) for row in source.rows]
    for chunk in done:
        if chunk.shard == source.path:
            first = source.groups[chunk.group]
            for row, values in chunk.values().items():
                rows[first + row] |= values
    return [
        gates.judged(
            Quality(**{name: row[name] for name in COLUMNS}),
            planned_ms(row["onset_frame"], row["offset_frame"], row["fps"]),
        )
        for row in rows
    ]


def _counted(reasons: Iterator[str | None]) -> dict[str, int]:
    return dict(sorted(Counter(reason or ACCEPTED for reason in reasons).items()))
