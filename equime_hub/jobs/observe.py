"""Lets observers look at the clips of a dataset, and writes down what they see.

All columns but the observed ones stay as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from equime_hub.builder.measure.basic import BROKEN
from equime_hub.builder.observers import Apex, AuObserver, EmotionObserver
from equime_hub.errors import DatasetError, EquimeError
from equime_hub.jobs import columns, steps
from equime_hub.jobs.columns import COLUMNS, FinishedShard, RowChunk
from equime_hub.progress import Progress
from equime_hub.schema.records import Quality
from equime_hub.schema.stamp import ORIGIN

WORKSHOP = ".observing"


@dataclass(frozen=True)
class ObserveReport:
    """What a run did.

    Attributes:
        folder: The dataset.
        clips: Clips in it.
        emotions: Clips with an observed emotion, after the run; None if it was not asked for.
        units: The same for AUs.
        shards: Shards that were replaced.
    """

    folder: Path
    clips: int
    emotions: int | None
    units: int | None
    shards: int


def observe(
    folder: Path,
    emotion: EmotionObserver | None = None,
    units: AuObserver | None = None,
    *,
    card: steps.WriteCard,
    progress: Progress | None = None,
    checking: Progress | None = None,
) -> ObserveReport:
    """Fill the observed columns of a dataset, or go on with a run that was interrupted.

    Broken clips, and those whose apex is unknown, are not looked at. A clip whose emotion this
    tool in this version has seen is not looked at again. Where an observer has no answer, what
    the row holds stays, with the tool that said it.

    Args:
        folder: A dataset that `build` finished, or that was copied whole.
        emotion: Who names emotions.
        units: Who measures AUs.
        card: Writes the card from the label files, such as `cards.dataset_card.write`.
        progress: Called with clips looked at and clips to look at, counted for each observer.
        checking: Called with files checked and files in all.

    Raises:
        DatasetError: The folder holds no finished dataset, or one that is damaged; or none of
            its clips got an answer. Nothing is changed.
        BuildError: A build or another run is at work there, or the disk is full. What was seen
            is kept.
        EquimeError: An observer cannot work: its package or weights are missing or damaged.
    """
    if not (folder.is_dir() and (folder / ORIGIN).is_file()):
        raise DatasetError(f"{folder} holds no dataset built by `equime build`.")
    observers = {"emotion": emotion, "action units": units}
    tools = {what: observer.tool for what, observer in observers.items() if observer}
    if not tools:
        raise EquimeError("There is nothing to observe: give an observer of emotions or of AUs.")
    workshop = folder / WORKSHOP
    kept = "What was seen is kept, and the dataset is as it was"
    with steps.writing(folder, kept), steps.alone(folder):
        shards = columns.open_finished(folder, checking)
        asked = [chunk for shard in shards for chunk in _chunks(shard, workshop, emotion, units)]
        clips = sum(len(chunk.items) for chunk in asked)
        start = partial(_start, emotion, units)
        steps.make(steps.missing(asked), start, _here, clips, progress)

        values = {shard: list(_seen(shard, asked)) for shard in shards}
        seen = [quality for qualities in values.values() for quality in qualities]
        known = emotion and any(quality.emotion_observer == emotion.tool for quality in seen)
        if not (known or any(any(chunk.result()) for chunk in asked)):
            steps.clear(workshop)
            raise DatasetError(
                f"None of the {len(seen):,} clips got an answer; nothing is changed. Results of "
                "another tool must be named after the clips: CLIP_ID.csv."
            )
        _, before = columns.measured(folder)
        after = before | {"tools": before["tools"] | tools}
        replaced = columns.replace_values(folder, workshop, values, after, card)
        steps.clear(workshop)
    return ObserveReport(
        folder,
        clips=len(seen),
        emotions=sum(q.emotion_observed is not None for q in seen) if emotion else None,
        units=sum(q.au_observed is not None for q in seen) if units else None,
        shards=replaced,
    )


def _here(start: steps.Start, todo: list[steps.Chunk]) -> Iterator[Path]:
    """The engine of observers: this process, since models need not travel to another.

    The first error ends the run: an observer without weights has no answer for any clip.
    """
    return map(start(), todo)


def _chunks(
    shard: FinishedShard,
    workshop: Path,
    emotion: EmotionObserver | None,
    units: AuObserver | None,
) -> Iterator[RowChunk]:
    """The clips to look at, apart for each observer."""
    made_of: dict[str, Any] = {}
    if emotion:
        made_of["emotion"] = emotion.tool
    if units:
        # Results of another tool may be mended before the next run: a number that never comes
        # again has them read anew.
        made_of["units"] = [units.tool, uuid4().hex]

    def ask(what: str, row: dict[str, Any]) -> tuple[str, str, int, int] | None:
        known = what == "emotion" and emotion and row["emotion_observer"] == emotion.tool
        if known or row["rejection_reason"] in BROKEN or row["apex_frame"] is None:
            return None
        return what, row["clip_id"], row["apex_frame"], row["num_frames"]

    for what, made in made_of.items():
        yield from shard.chunks(workshop / what, [ask(what, row) for row in shard.rows], made)


def _start(emotion: EmotionObserver | None, units: AuObserver | None) -> steps.Work:
    """Gives the function that looks at a chunk."""

    def look(what: str, apex: Apex) -> dict[str, Any]:
        if what == "emotion" and emotion and (seen := emotion.emotion(apex)):
            return {
                "emotion_observed": seen.emotion,
                "emotion_observed_score": _stored(seen.score),
                "emotion_observer": emotion.tool,
            }
        if what == "units" and units and (found := units.units(apex)):
            return {"au_observed": _stored(found.intensities), "au_observer": units.tool}
        return {}

    def work(chunk: RowChunk) -> list[dict[str, Any]]:
        return [
            look(what, Apex(clip_id, frame, num_frames, video))
            for video, (_, (what, clip_id, frame, num_frames)) in zip(
                chunk.videos(), chunk.items, strict=True
            )
        ]

    return work


def _stored(number: Any) -> Any:
    """Numbers as the columns hold them, so that the same answer changes nothing."""
    return np.asarray(number, np.float32).tolist()


def _seen(shard: FinishedShard, asked: list[RowChunk]) -> Iterator[Quality]:
    """The measurements of every row, with what was seen."""
    for row in shard.rows_with(asked):
        yield Quality(**{name: row[name] for name in COLUMNS})
