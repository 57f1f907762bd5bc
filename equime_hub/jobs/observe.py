"""Lets observers look at the clips of a dataset, and writes down what they see.

The files are replaced as `staging` replaces them: all columns but the observed ones stay as
they were, and the old shards are there until every new one is whole. What a slow observer has
seen is kept in `.observing` until then, so that a run that was stopped goes on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from equime_hub.builder.measure.basic import BROKEN
from equime_hub.builder.observers import Apex, AuObserver, EmotionObserver, SeenEmotion
from equime_hub.errors import BuildError, DatasetError, EquimeError
from equime_hub.jobs import staging
from equime_hub.jobs.chunks import COLUMNS, Source
from equime_hub.jobs.claim import MEASURED
from equime_hub.progress import Progress
from equime_hub.schema.records import Quality
from equime_hub.schema.stamp import ORIGIN, Origin, read_origin

WORKSHOP = ".observing"
_MEMORY = "emotions.jsonl"
_COLUMNS = [*COLUMNS, "clip_id", "apex_frame", "num_frames"]

Row = dict[str, Any]


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
    card: Callable[[Path], object],
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
        progress: Called with clips looked at and clips to look at.
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
    tools = {
        "emotion": emotion.tool if emotion else None,
        "action units": units.tool if units else None,
    }
    used = {what: tool for what, tool in tools.items() if tool}
    if not used:
        raise EquimeError("There is nothing to observe: give an observer of emotions or of AUs.")
    try:
        with staging.alone(folder):
            staging.move(folder)
            sums = staging.sound(folder, checking)
            found = [Source(folder, n) for n in sorted(sums) if n.startswith("data/")]
            workshop = folder / WORKSHOP
            seen = _look(found, emotion, units, workshop / _MEMORY, progress)
            origin = _origin(folder, used)
            replaced = staging.stage(folder, workshop, seen, origin, sums, card)
            staging.move(folder)
            shutil.rmtree(workshop, ignore_errors=True)
    except OSError as error:
        raise BuildError(
            f"{folder} cannot be written ({error}). What was seen is kept, and the dataset is as "
            "it was: mend that and run the same command again."
        ) from error
    after = [quality for qualities in seen.values() for quality in qualities]
    return ObserveReport(
        folder,
        clips=len(after),
        emotions=sum(q.emotion_observed is not None for q in after) if emotion else None,
        units=sum(q.au_observed is not None for q in after) if units else None,
        shards=replaced,
    )


def _look(
    found: list[Source],
    emotion: EmotionObserver | None,
    units: AuObserver | None,
    memory: Path,
    progress: Progress | None,
) -> dict[Source, list[Quality]]:
    """What is known of every row after all were looked at."""
    known = _recall(memory, emotion.tool) if emotion else {}
    total, done, answers = sum(source.groups[-1] for source in found), 0, 0
    after: dict[Source, list[Quality]] = {}
    for source in found:
        after[source] = []
        for row, video in _rows(source):
            quality = Quality(**{name: row[name] for name in COLUMNS})
            if row["rejection_reason"] not in BROKEN and row["apex_frame"] is not None:
                apex = Apex(row["clip_id"], row["apex_frame"], row["num_frames"], video)
                new: Row = {}
                if emotion:
                    new |= _emotion(quality, emotion, apex, known, memory)
                if units and (values := units.units(apex)):
                    new |= {"au_observed": list(values.intensities), "au_observer": units.tool}
                answers += bool(new)
                quality = replace(quality, **_stored(new))
            after[source].append(quality)
            done += 1
            if progress:
                progress(done, total)
    if not answers:
        raise DatasetError(
            f"None of the {total:,} clips got an answer; nothing is changed. Results of another "
            "tool must be named after the clips: CLIP_ID.csv."
        )
    return after


def _rows(source: Source) -> Iterator[tuple[Row, bytes]]:
    """Rows of a shard and their videos, a row group at a time."""
    with pq.ParquetFile(source.path, page_checksum_verification=True) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=[*_COLUMNS, "video"])
            videos = table["video"]
            for index, row in enumerate(table.select(_COLUMNS).to_pylist()):
                yield row, videos[index].as_py()["bytes"]


def _emotion(
    quality: Quality,
    observer: EmotionObserver,
    apex: Apex,
    known: dict[str, SeenEmotion],
    memory: Path,
) -> Row:
    """The columns of the observed emotion; empty if there is no answer."""
    if quality.emotion_observer == observer.tool:
        seen: SeenEmotion | None = SeenEmotion(
            quality.emotion_observed or "", quality.emotion_observed_score or 0.0
        )
    elif apex.clip_id in known:
        seen = known[apex.clip_id]
    else:
        seen = observer.emotion(apex)
        if seen:
            _remember(memory, observer.tool, apex.clip_id, seen)
    if seen is None:
        return {}
    return {
        "emotion_observed": seen.emotion,
        "emotion_observed_score": seen.score,
        "emotion_observer": observer.tool,
    }


def _stored(new: Row) -> Row:
    """Numbers as the columns hold them, so that the same answer changes nothing."""
    numeric = {"emotion_observed_score", "au_observed"}
    return {k: np.array(v, np.float32).tolist() if k in numeric else v for k, v in new.items()}


def _remember(memory: Path, tool: str, clip: str, seen: SeenEmotion) -> None:
    memory.parent.mkdir(exist_ok=True)
    with memory.open("a", encoding="utf-8", newline="") as file:
        # The line break comes first: should the last line be torn, the next is whole.
        file.write("\n" + json.dumps({"tool": tool, "clip": clip, **asdict(seen)}))


def _recall(memory: Path, tool: str) -> dict[str, SeenEmotion]:
    """What a tool said in a run that was stopped; lines that cannot be read are left out."""
    known = {}
    lines = memory.read_text("utf-8", "replace").splitlines() if memory.exists() else []
    for line in lines:
        try:
            row = json.loads(line)
            if row["tool"] == tool:
                known[row["clip"]] = SeenEmotion(row["emotion"], row["score"])
        except (EquimeError, ValueError, KeyError, TypeError):
            continue
    return known


def _origin(folder: Path, used: dict[str, str]) -> Origin:
    """What `build.json` will say: who has observed, besides all it says already."""
    origin = read_origin(folder)
    assert origin is not None  # it was looked for
    built = origin.made_with
    before = built.get(MEASURED, {"tools": {}, "gates": built.get("gates", {})})
    measured = before | {"tools": before["tools"] | used}
    return replace(origin, made_with=built | {MEASURED: measured})
