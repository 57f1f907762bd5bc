"""Measures a dataset that is there: quality columns and gates anew, all else as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from equime_hub import checksums
from equime_hub.builder.measure.basic import BROKEN
from equime_hub.builder.measure.gates import Gates, planned_ms
from equime_hub.builder.measure.meter import TOOLS, Measures, Meter
from equime_hub.errors import DatasetError
from equime_hub.jobs import columns, steps
from equime_hub.jobs.columns import COLUMNS, FinishedShard, RowChunk
from equime_hub.jobs.engines import ENGINES, Workforce
from equime_hub.progress import Progress
from equime_hub.schema.records import Landmarks, Quality
from equime_hub.schema.stamp import ORIGIN
from equime_hub.video import codec
from equime_hub.video.clip import Clip
from equime_hub.video.locate import canonical, locate

WORKSHOP = ".measuring"
ACCEPTED = "accepted"
"""Stands for "no reason" among the reasons of a `MeasureReport`."""


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


def measure(
    folder: Path,
    measures: Measures,
    gates: Gates | None = None,
    *,
    card: steps.WriteCard,
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
    workshop = folder / WORKSHOP
    kept = "What was measured is kept, and so is the dataset"
    with steps.writing(folder, kept), steps.alone(folder):
        shards = columns.open_finished(folder, checking)
        asked = [
            chunk
            for shard in shards
            for chunk in shard.chunks(
                workshop,
                [_lacking(row, measures.tools, refresh) for row in shard.rows],
                measures.describe(),
            )
        ]
        clips = sum(len(chunk.items) for chunk in asked)
        run = partial(ENGINES.get("local"), force=Workforce(workers))
        steps.make(steps.missing(asked), partial(_start, measures), run, clips, progress)

        _, before = columns.measured(folder)
        gates = gates or Gates.restore(before["gates"])
        values = {shard: list(_judged(shard, asked, gates)) for shard in shards}
        used = {tool for chunk in asked for _, tools in chunk.items for tool in tools}
        tools = {tool: about for tool, about in measures.describe().items() if tool in used}
        after = {"tools": before["tools"] | tools, "gates": gates.describe()}
        replaced = columns.replace_values(folder, workshop, values, after, card)
        steps.clear(workshop)
    judged = [quality for qualities in values.values() for quality in qualities]
    return MeasureReport(
        folder,
        clips=len(judged),
        measured=clips,
        shards=replaced,
        before=_counted(row["rejection_reason"] for shard in shards for row in shard.rows),
        after=_counted(quality.rejection_reason for quality in judged),
        undecided=dict(Counter(gate for quality in judged for gate in gates.undecided(quality))),
    )


def _lacking(row: dict[str, Any], tools: tuple[str, ...], refresh: bool) -> tuple[str, ...]:
    """The tools that a row has no value of."""
    if row["rejection_reason"] in BROKEN:  # black, constant, not finite: any number is noise
        return ()
    return tuple(
        tool for tool in tools if refresh or all(row[column] is None for column in TOOLS[tool])
    )


def _start(measures: Measures) -> steps.Work:
    """What a worker does first; gives the function that measures a chunk."""
    meter = Meter(measures)

    def work(chunk: RowChunk) -> list[dict[str, Any]]:
        found = []
        for video, (_, tools) in zip(chunk.videos(), chunk.items, strict=True):
            clip = codec.decode(video)
            found.append(meter.measure(clip, partial(_face, clip), tools))
        return found

    return work


def _face(clip: Clip) -> Landmarks:
    """The face in the first frame; where alignment puts it if it is not found."""
    found = locate(clip.frames[0])
    return found[0] if found else canonical(clip.width, clip.height)


def _judged(shard: FinishedShard, asked: list[RowChunk], gates: Gates) -> Iterator[Quality]:
    """The measurements of every row, with the new values and what the gates say of them."""
    for row in shard.rows_with(asked):
        quality = Quality(**{name: row[name] for name in COLUMNS})
        yield gates.judged(quality, planned_ms(row["onset_frame"], row["offset_frame"], row["fps"]))


def _counted(reasons: Iterable[str | None]) -> dict[str, int]:
    return dict(sorted(Counter(reason or ACCEPTED for reason in reasons).items()))
