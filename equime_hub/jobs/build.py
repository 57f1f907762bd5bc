"""From a plan to a dataset folder: resumable, and the same bytes however often interrupted.

What exists is never trusted by its name. A shard counts as done when its SHA-256 is the recorded
one, a chunk when its seal fits; everything else is made again. So a crash, a full disk and a
flipped bit all have the same cure: run the same command again.

Shards become visible when all are there, so that nobody opens half a dataset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import partial
from itertools import chain, product
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from equime_hub import checksums, seeds
from equime_hub.builder import pairs, shards
from equime_hub.builder.backends import BACKENDS
from equime_hub.builder.plan import Plan
from equime_hub.builder.render import RenderConfig, Worker
from equime_hub.builder.shards import Shard
from equime_hub.builder.spec import FaceSource
from equime_hub.jobs import steps
from equime_hub.jobs.engines import ENGINES, Workforce
from equime_hub.progress import Progress
from equime_hub.schema.stamp import ORIGIN, Origin, Stamp

DEFAULT_LICENSE = "cc-by-nc-sa-4.0"
"""The EquiME paper's licence; its README says CC BY-NC 4.0 and its repository MIT."""
DEFAULT_TITLE = "EquiME"
LANES = 4
"""Chunks that a worker with a GPU is at: one is rendered, the others are encoded and written."""


@dataclass(frozen=True)
class BuildConfig:
    """How a dataset is built from a plan.

    Attributes:
        render: How clips are made.
        shard_bytes: Wanted size of a shard, in bytes; met as far as the size of a clip can be
            foretold.
        license: Licence of the dataset, as an identifier the Hub knows; None keeps what the
            folder says, or takes the default.
        title: Name on the card; None likewise.
    """

    render: RenderConfig
    shard_bytes: int = 500_000_000
    license: str | None = None
    title: str | None = None

    def layout(self, plan: Plan) -> list[Shard]:
        """Shards of a plan under this configuration."""
        first, backend = plan.specs[0], self.render.backend
        pixels = first.width * first.height * first.num_frames
        # x264 halves the size with every 6 steps of crf.
        finer = 2 ** ((backend.encoder.crf - self.render.settings.crf) / 6)
        clip_bytes = pixels * backend.bytes_per_pixel * finer
        return shards.layout(plan, round(self.shard_bytes / clip_bytes))

    def made_with(self) -> dict[str, Any]:
        """All that the bytes of a dataset depend on besides its plan, as plain JSON values."""
        backend = BACKENDS.describe(self.render.backend)
        _forget_locations(self.render.backend, backend)
        return {
            "backend": backend,
            "generation": asdict(self.render.backend.generation),
            "encoding": self.render.settings.describe(),
            "retry": self.render.retry,
            "measures": self.render.measures.describe(),
            "gates": self.render.gates.describe(),
            "shard_bytes": self.shard_bytes,
            **({"pairs": pairs.describe()} if self.render.pairs else {}),
        }


def _forget_locations(config: Any, plain: dict[str, Any]) -> None:
    """Drop fields marked as locations: where a model lies changes no byte, and is private."""
    for field in fields(config):
        value = getattr(config, field.name)
        if field.metadata.get("location"):
            del plain[field.name]
        elif is_dataclass(value):
            _forget_locations(value, plain[field.name])


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Attributes:
        folder: The dataset.
        fingerprint: Hash of the plan and of what it was made with.
        clips: Clips in the dataset.
        made: Clips made by this run; the others were there.
        rejected: Clips that failed a gate; they are in the dataset, marked.
    """

    folder: Path
    fingerprint: str
    clips: int
    made: int
    rejected: int


def build(
    plan: Plan,
    folder: Path,
    config: BuildConfig,
    *,
    engine: str = "local",
    workers: int = 1,
    address: str | None = None,
    progress: Progress | None = None,
    preparing: Progress | None = None,
    card: steps.WriteCard | None = None,
) -> BuildReport:
    """Build a dataset, or finish one that was interrupted.

    Args:
        plan: What to make.
        folder: New, empty, or holding the same build.
        config: How to make it.
        engine: Name in `ENGINES`.
        workers: Processes, one core or one GPU each.
        address: Of a running cluster, for an engine that joins one.
        progress: Called with clips done and clips in all.
        preparing: Called by what is done once before the first clip.
        card: Writes the card from the label files, such as `cards.dataset_card.write`; called
            before the shards become visible.

    Raises:
        BuildError: The folder is not ours or holds another build, the disk is full, or a build
            is running there.
        BackendError: The backend cannot make a clip of the plan; nothing is written.
    """
    render = config.render
    Worker(render, plan.source).check(plan.specs)
    workshop, made = folder / steps.WORKSHOP, 0
    lanes = LANES if render.backend.wants_gpu else 1
    force = Workforce(workers, lanes, render.backend.wants_gpu, address)
    layout = config.layout(plan)
    labels = {shard.split: steps.labels_name(shard.split) for shard in layout}
    names = {*labels.values(), *(shard.name(of) for shard in layout for of in render.configs)}
    with steps.writing(folder):
        origin = _claimed(folder, plan, config)
        stamp = Stamp(origin.fingerprint, plan.fingerprint, "")
        with steps.alone(folder, "Another build"):
            steps.refuse_strays(folder, names)
            if not steps.complete(folder, names):
                places, sums = _found(folder, workshop / steps.NEW, layout, render.configs)
                asked = _chunks(plan, layout, places, workshop, stamp, render.backend.batch_size)
                todo = steps.missing(chain.from_iterable(asked.values()))
                if todo:
                    backend = render.backend.prepared(plan.specs, workshop, preparing)
                    render = replace(render, backend=backend)
                start = partial(_start, render, plan.source)
                run = partial(ENGINES.get(engine), force=force)
                staging = steps.Staging(folder, workshop, sums)
                left = Counter(chunk.stamp.name for chunk in todo)

                def assemble(shard: Shard) -> None:
                    chunks = asked.pop(shard, [])
                    _assemble(shard, chunks, staging, places, stamp, render.configs)

                def finished(chunk: steps.Chunk) -> None:
                    left[chunk.stamp.name] -= 1
                    if not left[chunk.stamp.name]:
                        assemble(next(s for s in asked if s.path == chunk.stamp.name))

                made = steps.make(todo, start, run, len(plan.table), progress, finished)
                for shard in layout:
                    assemble(shard)
                for split, name in labels.items():
                    videos = [places[shard.path] for shard in layout if shard.split == split]
                    staging.write_labels(name, videos, replace(stamp, name=name))
                staging.finish(card)
                steps.publish(staging.new, folder)
            steps.clear(workshop)
    table = shards.labels_only([folder / name for name in labels.values()])
    rejected: int = pc.sum(pc.invert(table["accepted"])).as_py()
    return BuildReport(folder, origin.fingerprint, len(plan.table), made, rejected)


def _claimed(folder: Path, plan: Plan, config: BuildConfig) -> Origin:
    """Make a folder the home of a build, or refuse it; gives what its `build.json` says."""
    made_with = config.made_with()
    fingerprint = seeds.digest(plan.fingerprint, made_with)[:16]
    ours = Origin(
        fingerprint,
        plan.fingerprint,
        made_with,
        config.license or DEFAULT_LICENSE,
        config.title or DEFAULT_TITLE,
    )

    def refusal(there: Origin) -> str:
        what = "another plan"
        if there.plan == plan.fingerprint:
            what = f"other options or software ({'; '.join(steps.differences(there, ours))})"
        return (
            f"was built from {what}: its fingerprint is {there.fingerprint} (plan {there.plan}), "
            f"this build is {fingerprint} (plan {plan.fingerprint})"
        )

    there = steps.claim(folder, ours, "equime dataset", refusal)
    if there:
        # What was measured since belongs to the folder, not to the plan: it stays.
        later = {k: v for k, v in there.made_with.items() if k == steps.MEASURED}
        ours = replace(
            ours,
            made_with=made_with | later,
            license=config.license or there.license or ours.license,
            title=config.title or there.title or ours.title,
        )
    if ours != there:
        ours.write(folder)
    if there is None:  # with sums, `equime verify` can say that the build is not finished
        checksums.record(folder, {}, ORIGIN)
    return ours


def _found(
    folder: Path, new: Path, layout: list[Shard], configs: Sequence[str]
) -> tuple[dict[str, Path], dict[str, str]]:
    """Where the files of shards lie that need not be made, and their sums.

    They lie in the dataset, or in the folder of new files of a build that was interrupted, maybe
    while it moved them. Videos and images count together only if the same sums list both: others
    may have been measured since, and have other labels.
    """
    places: dict[str, Path] = {}
    sums: dict[str, str] = {}
    for shard, known in product(layout, [checksums.read(folder), checksums.read(new)]):
        if shard.path in places:
            continue
        own = {
            name: root / name
            for name, root in product(map(shard.name, configs), [new, folder])
            if checksums.intact(root, known, name)
        }
        if shard.path in own:
            places |= own
            sums |= {name: known[name] for name in own}
    for path in new.rglob("*"):
        if path.is_file() and path.name != checksums.NAME and path not in places.values():
            path.unlink()
    return places, sums


def _chunks(
    plan: Plan,
    layout: list[Shard],
    places: Container[str],
    workshop: Path,
    stamp: Stamp,
    batch: int,
) -> dict[Shard, list[steps.Chunk]]:
    """Chunks of every shard that has no place, in the order of its rows, each so many batches."""
    specs = {split: shards.split_specs(plan, split) for split in {s.split for s in layout}}
    return {
        shard: [
            steps.Chunk(
                workshop / f"{shard.split}-{start:07d}.parquet",
                replace(stamp, name=shard.path),
                tuple(specs[shard.split][start:stop]),
            )
            for start, stop in shard.chunks(batch)
        ]
        for shard in layout
        if shard.path not in places
    }


def _start(render: RenderConfig, source: FaceSource) -> steps.Work:
    """What a worker process does first; gives the function that makes a chunk, in any thread."""
    worker = Worker(render, source)
    config = None if render.pairs else "default"

    def work(chunk: steps.Chunk) -> dict[str, Any]:
        table = shards.table(worker.render(chunk.items), config)
        shards.write(chunk.path, iter([table]), chunk.stamp, config)
        return {}

    return work


def _assemble(
    shard: Shard,
    chunks: list[steps.Chunk],
    staging: steps.Staging,
    places: dict[str, Path],
    stamp: Stamp,
    configs: Sequence[str],
) -> None:
    """Make the files of a shard that have no place, out of its chunks or its videos."""
    for config in configs:
        name = shard.name(config)
        if name not in places:
            if chunks:
                groups = shards.row_groups([chunk.path for chunk in chunks], config)
            else:  # images alone were lost; they are cut out of the videos again
                groups = pairs.of_shard(places[shard.path])
            places[name] = staging.write(name, groups, replace(stamp, name=name), config)
    for chunk in chunks:  # only now, but before the next shard: no disk need hold all twice
        chunk.delete()
