"""From a plan to a dataset folder: resumable, and the same bytes however often interrupted.

What exists is never trusted by its name. A shard counts as done when its SHA-256 is the recorded
one, a part when its seal fits; everything else is made again. So a crash, a full
disk and a flipped bit all have the same cure: run the same command again.

Work happens in the hidden folder `.building`; shards move to `data` when all are there, so that
nobody opens half a dataset.
"""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pyarrow.compute as pc
from filelock import FileLock, Timeout

from equime_hub import checksums
from equime_hub.builder import pairs, shards
from equime_hub.builder.plan import Plan
from equime_hub.builder.render import Worker
from equime_hub.builder.shards import Shard
from equime_hub.errors import BuildError
from equime_hub.files import remove_temporaries, sha256
from equime_hub.jobs import parts
from equime_hub.jobs.claim import BuildConfig, claim, refuse_strays
from equime_hub.jobs.engines import ENGINES, Workforce
from equime_hub.jobs.parts import Part
from equime_hub.progress import Progress
from equime_hub.schema.features import FOLDERS
from equime_hub.schema.stamp import ORIGIN, Stamp, read_stamp

_WORKSHOP = ".building"
_CARD = "README.md"


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
    card: Callable[[Path], object] | None = None,
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
    Worker(config.render, plan.source).check(plan.specs)
    workshop = folder / _WORKSHOP
    try:
        fingerprint = claim(folder, plan, config)
        workshop.mkdir(exist_ok=True)
        with FileLock(workshop / "lock", timeout=0) as lock:
            gpu = config.render.backend.wants_gpu
            force = Workforce(workers, parts.LANES if gpu else 1, gpu, address)
            run = partial(ENGINES.get(engine), force=force)
            made, places = _make(plan, folder, config, fingerprint, run, progress, preparing)
            rejected = _publish(plan, folder, config.layout(plan), places, fingerprint, card)
            for left in workshop.iterdir():
                if left.is_dir():
                    shutil.rmtree(left)
                elif left != Path(lock.lock_file):
                    left.unlink()
            # Deleted while it is held: whoever comes next makes a lock of their own.
            Path(lock.lock_file).unlink()
        with contextlib.suppress(OSError):
            workshop.rmdir()
    except Timeout:
        raise BuildError(f"Another build is running in {folder}; wait for it or stop it.") from None
    except OSError as error:
        raise BuildError(
            f"{folder} cannot be written ({error}). The clips finished so far are kept: mend "
            "that and run the same command again."
        ) from error
    return BuildReport(folder, fingerprint, len(plan.table), made, rejected)


def _make(
    plan: Plan,
    folder: Path,
    config: BuildConfig,
    fingerprint: str,
    run: Callable[..., Iterator[Part]],
    progress: Progress | None,
    preparing: Progress | None,
) -> tuple[int, dict[str, Path]]:
    """Make every shard that is missing or damaged.

    Returns:
        The number of clips made, and where each file of a shard now lies: in its place or the
        workshop.
    """
    workshop = folder / _WORKSHOP
    configs, layout, sums = config.render.configs, config.layout(plan), checksums.read(workshop)
    for root in (folder, workshop):
        for name in (".", *FOLDERS.values()):
            remove_temporaries(root / name)
    names = {shard.name(of) for shard in layout for of in configs}
    refuse_strays(folder, names | {_labels_path(shard.split) for shard in layout})
    places = _found(folder, layout, configs, sums)
    missing = [
        parts.of_shard(plan, workshop, shard, fingerprint, config.render.backend.batch_size)
        for shard in layout
        if shard.path not in places
    ]
    by_shard = {group[0].shard: group for group in missing}
    todo = [part for group in missing for part in group if not part.intact()]
    left = Counter(part.shard for part in todo)
    total, made = len(plan.table), 0
    done = total - sum(len(part.specs) for part in todo)
    if progress:
        progress(done, total)
    for shard in (shard for shard in by_shard if not left[shard]):
        _assemble(workshop, by_shard[shard], configs, sums)
    render = config.render
    if todo:
        render = replace(render, backend=render.backend.prepared(plan.specs, workshop, preparing))
    for part in run(partial(parts.start, render, plan.source), todo):
        made += len(part.specs)
        if progress:
            progress(done + made, total)
        left[part.shard] -= 1
        if not left[part.shard]:
            _assemble(workshop, by_shard[part.shard], configs, sums)
    return made, {name: places.get(name, workshop / name) for name in sorted(names)}


def _found(
    folder: Path, layout: list[Shard], configs: Sequence[str], sums: dict[str, str]
) -> dict[str, Path]:
    """Where the files of every shard lie that need not be made.

    A shard needs its videos. Images are made of them again, unless those that were made with them
    lie beside them: others may have been measured since, and have other labels.
    """
    workshop = folder / _WORKSHOP
    known = {workshop: sums, folder: checksums.read(folder)}
    roots = {
        shard: root
        for root in known
        for shard in layout
        if checksums.intact(root, known[root], shard.path)
    }
    places = {shard.path: root / shard.path for shard, root in roots.items()}
    for shard, root in roots.items() if "onset_apex" in configs else ():
        name, videos = shard.name("onset_apex"), places[shard.path]
        places[name] = root / name
        if not checksums.intact(root, known[root], name):
            places[name] = workshop / name
            stamp = replace(read_stamp(videos), name=name)
            shards.write(places[name], pairs.of_shard(videos), stamp, "onset_apex")
            checksums.record(workshop, sums, name)
    return places


def _labels_path(split: str) -> str:
    return f"metadata/{split}-00000-of-00001.parquet"


def _assemble(
    workshop: Path, parts: list[Part], configs: Sequence[str], sums: dict[str, str]
) -> None:
    """Join parts into the files of their shard; only then are they deleted."""
    paths = [part.path for part in parts]
    for config in configs:
        name = parts[0].shard.name(config)
        stamp = replace(parts[0].stamp, name=name)
        shards.write(workshop / name, shards.row_groups(paths, config), stamp, config)
        checksums.record(workshop, sums, name)
    for part in parts:
        part.delete()


def _publish(
    plan: Plan,
    folder: Path,
    layout: list[Shard],
    places: dict[str, Path],
    fingerprint: str,
    card: Callable[[Path], object] | None,
) -> int:
    """Write labels and card, and move the shards; returns how many clips failed a gate.

    The images come before the card, which counts them, and the videos after it: it says how many
    rows there must be, so that a reader who comes in between refuses instead of reading less.
    """
    labels = {shard.split: _labels_path(shard.split) for shard in layout}
    wanted = {*places, *labels.values(), ORIGIN, _CARD}
    sums, made = checksums.read(folder), checksums.read(folder / _WORKSHOP)
    new = {name: made[name] for name, path in places.items() if path != folder / name}
    videos = {shard.path for shard in layout}
    if not (
        set(sums) == wanted
        and not new
        and all(checksums.intact(folder, sums, name) for name in wanted - set(places))
    ):
        for split, name in labels.items():
            table = shards.labels_only([places[s.path] for s in layout if s.split == split])
            stamp = Stamp(fingerprint, plan.fingerprint, name)
            shards.write(folder / name, iter([table]), stamp, config="metadata")
            sums[name] = sha256(folder / name)
        sums[ORIGIN] = sha256(folder / ORIGIN)
        checksums.write(folder, sums | {n: new[n] for n in new if n not in videos})
        _move(folder, places, set(new) - videos)
        if card:
            card(folder)
        found = checksums.read(folder) | new
        checksums.write(folder, {name: found[name] for name in wanted if name in found})
        _move(folder, places, set(new) & videos)
    table = shards.labels_only([folder / name for name in labels.values()])
    rejected: int = pc.sum(pc.invert(table["accepted"])).as_py()
    return rejected


def _move(folder: Path, places: dict[str, Path], names: Iterable[str]) -> None:
    for name in sorted(names):
        (folder / name).parent.mkdir(exist_ok=True)
        places[name].replace(folder / name)
