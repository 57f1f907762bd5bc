"""From a plan to a dataset folder: resumable, and the same bytes however often interrupted.

What exists is never trusted by its name. A shard counts as done when its SHA-256 is the one in
`SHA256SUMS`; everything else is made again. So a crash, a full disk and a flipped bit all have
the same cure: run the same command again.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from filelock import FileLock, Timeout

from equime_hub import checksums, configs, seeds
from equime_hub.builder import shards
from equime_hub.builder.backends import BACKENDS
from equime_hub.builder.engines import ENGINES
from equime_hub.builder.plan import Plan
from equime_hub.builder.render import RenderConfig, Worker
from equime_hub.builder.shards import Shard
from equime_hub.builder.spec import FaceSource, Progress
from equime_hub.errors import BuildError, DatasetError
from equime_hub.files import remove_temporaries, write_text
from equime_hub.schema.features import SCHEMA_VERSION
from equime_hub.schema.records import ClipSpec
from equime_hub.schema.stamp import Stamp, read_stamp

MARKER = "build.json"
_WORKSHOP = ".building"


@dataclass(frozen=True)
class BuildConfig:
    """How a dataset is built from a plan.

    Attributes:
        render: How clips are made.
        shard_bytes: Wanted size of a shard, in bytes; met as far as the size of a clip can be
            foretold.
    """

    render: RenderConfig
    shard_bytes: int = 500_000_000

    def layout(self, plan: Plan) -> list[Shard]:
        """Shards of a plan under this configuration."""
        first = plan.specs[0]
        pixels = first.width * first.height * first.num_frames
        clip_bytes = pixels * self.render.backend.bytes_per_pixel
        return shards.layout(plan, round(self.shard_bytes / clip_bytes))

    def describe(self) -> dict[str, Any]:
        """All that the bytes of a dataset depend on besides its plan, as plain JSON values."""
        return {
            "backend": BACKENDS.describe(self.render.backend),
            "encoder": configs.to_json(self.render.encoder or self.render.backend.encoder),
            "shard_bytes": self.shard_bytes,
        }


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Attributes:
        folder: The dataset.
        fingerprint: Hash of the plan and the configuration.
        clips: Clips in the dataset.
        made: Clips made by this run; the others were there.
        rejected: Clips that failed a gate; they are in the dataset, marked.
    """

    folder: Path
    fingerprint: str
    clips: int
    made: int
    rejected: int


@dataclass(frozen=True)
class _Part:
    shard: Shard
    path: Path
    stamp: Stamp
    specs: tuple[ClipSpec, ...]

    def exists(self) -> bool:
        try:
            return read_stamp(self.path) == self.stamp
        except DatasetError:
            return False


def build(
    plan: Plan,
    folder: Path,
    config: BuildConfig,
    *,
    engine: str = "local",
    workers: int = 1,
    progress: Progress | None = None,
) -> BuildReport:
    """Build a dataset without its card, or finish one that was interrupted.

    Args:
        plan: What to make.
        folder: New, empty, or holding the same build.
        config: How to make it.
        engine: Name in `ENGINES`.
        workers: Processes, one core each.
        progress: Called with clips done and clips in all.

    Raises:
        BuildError: The folder is not ours or holds another build, the disk is full, or a build
            is running there.
        BackendError: The backend cannot make a clip of the plan; nothing is written.
    """
    Worker(config.render, plan.source).check(plan.specs)
    fingerprint = seeds.digest(plan.fingerprint, config.describe())[:16]
    try:
        _claim(folder, plan, config, fingerprint)
        workshop = folder / _WORKSHOP
        workshop.mkdir(exist_ok=True)
        with FileLock(workshop / "lock", timeout=0):
            made = _fill(plan, folder, config, fingerprint, engine, workers, progress)
            rejected = _finish(plan, folder, config, fingerprint)
        shutil.rmtree(workshop)
    except Timeout:
        raise BuildError(f"Another build is running in {folder}; wait for it or stop it.") from None
    except OSError as error:
        raise BuildError(
            f"{folder} cannot be written ({error}). The clips finished so far are kept: mend "
            "that and run the same command again."
        ) from error
    return BuildReport(folder, fingerprint, len(plan.specs), made, rejected)


def _claim(folder: Path, plan: Plan, config: BuildConfig, fingerprint: str) -> None:
    """Make the folder ours, or refuse it."""
    marker = folder / MARKER
    if folder.exists() and not folder.is_dir():
        raise BuildError(f"{folder} is a file; name a folder that is new or empty.")
    if folder.is_dir() and any(folder.iterdir()) and not marker.is_file():
        raise BuildError(
            f"{folder} holds files that are no equime dataset; name a folder that is new or empty."
        )
    if not marker.is_file():
        origin = {
            "fingerprint": fingerprint,
            "plan": plan.fingerprint,
            "config": config.describe(),
            "schema_version": SCHEMA_VERSION,
        }
        write_text(marker, json.dumps(origin, indent=2, sort_keys=True) + "\n")
        return
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
        there, there_plan = str(found["fingerprint"]), str(found["plan"])
    except (ValueError, KeyError, TypeError) as error:
        raise BuildError(
            f"{marker} is damaged ({error!r}); delete {folder} or name another folder."
        ) from error
    if there != fingerprint:
        what = "another plan" if there_plan != plan.fingerprint else "other build options"
        raise BuildError(
            f"{folder} was built from {what}: its fingerprint is {there} (plan {there_plan}), "
            f"this build is {fingerprint} (plan {plan.fingerprint}). Name another folder, or "
            "delete that one."
        )


def _fill(
    plan: Plan,
    folder: Path,
    config: BuildConfig,
    fingerprint: str,
    engine: str,
    workers: int,
    progress: Progress | None,
) -> int:
    """Make every shard that is missing or damaged; returns the number of clips made."""
    for name in ("data", "metadata", _WORKSHOP, "."):
        remove_temporaries(folder / name)
    sums = checksums.read(folder)
    missing = [
        _parts(plan, folder, shard, fingerprint)
        for shard in config.layout(plan)
        if not checksums.intact(folder, sums, shard.path)
    ]
    by_shard = {parts[0].shard: parts for parts in missing}
    todo = [part for parts in missing for part in parts if not part.exists()]
    left = Counter(part.shard for part in todo)
    total, made = len(plan.specs), 0
    done = total - sum(len(part.specs) for part in todo)
    if progress:
        progress(done, total)
    for shard in (shard for shard in by_shard if not left[shard]):
        _assemble(folder, by_shard[shard], sums)
    start = partial(_start, config.render, plan.source)
    for part in ENGINES.get(engine)(start, todo, workers):
        made += len(part.specs)
        if progress:
            progress(done + made, total)
        left[part.shard] -= 1
        if not left[part.shard]:
            _assemble(folder, by_shard[part.shard], sums)
    return made


def _parts(plan: Plan, folder: Path, shard: Shard, fingerprint: str) -> list[_Part]:
    specs = shards.split_specs(plan, shard.split)
    stamp = Stamp(fingerprint, plan.fingerprint, shard.path)
    return [
        _Part(
            shard,
            folder / _WORKSHOP / f"{shard.split}-{start:07d}.parquet",
            stamp,
            tuple(specs[start:stop]),
        )
        for start, stop in shard.parts()
    ]


def _start(render: RenderConfig, source: FaceSource) -> Callable[[_Part], _Part]:
    """What a worker process does first: load the backend once."""
    worker = Worker(render, source)

    def make(part: _Part) -> _Part:
        table = shards.table(worker.render(part.specs))
        shards.write(part.path, iter([table]), part.stamp)
        return part

    return make


def _assemble(folder: Path, parts: list[_Part], sums: dict[str, str]) -> None:
    """Join parts into their shard; only then are they deleted."""
    name = parts[0].shard.path
    shards.write(folder / name, shards.row_groups([p.path for p in parts]), parts[0].stamp)
    checksums.record(folder, sums, name)
    for part in parts:
        part.path.unlink()


def _finish(plan: Plan, folder: Path, config: BuildConfig, fingerprint: str) -> int:
    """Write the config without video; returns the number of clips that failed a gate."""
    sums = checksums.read(folder)
    layout = config.layout(plan)
    rejected = 0
    for split in dict.fromkeys(shard.split for shard in layout):
        table = shards.labels_only([folder / s.path for s in layout if s.split == split])
        rejected += pc.sum(pc.invert(table["accepted"])).as_py()
        name = f"metadata/{split}-00000-of-00001.parquet"
        stamp = Stamp(fingerprint, plan.fingerprint, name)
        shards.write(folder / name, iter([table]), stamp, config="metadata")
        checksums.record(folder, sums, name)
    checksums.record(folder, sums, MARKER)
    return rejected
