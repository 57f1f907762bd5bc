"""Each job, killed at each of four moments and started again: the bytes of a run undisturbed."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from equime_hub.builder.measure.gates import Gates
from equime_hub.builder.measure.meter import Measures
from equime_hub.cards import dataset_card
from equime_hub.jobs import build as builds
from equime_hub.jobs import import_
from equime_hub.jobs import measure as measures
from equime_hub.jobs import observe as observes
from equime_hub.progress import Progress
from equime_hub.reports.verify import verify
from tests.conftest import SMALL, WARP, sums, tiny_plan
from tests.jobs.test_import import lab, source
from tests.jobs.test_observe import Light

BARE = replace(SMALL, render=replace(WARP, measures=Measures(())))
MOMENTS = {
    "before a chunk is sealed": ("seal", 1),
    "between chunks": ("seal", 2),
    "while shards are made of chunks": ("shard", 2),
    "while files are moved": ("move", 3),
}
"""What is about to be renamed, and the how manieth of its kind."""


def build(folder: Path, progress: Progress | None = None) -> None:
    builds.build(tiny_plan(4), folder, BARE, card=dataset_card.write, progress=progress)


def import_clips(folder: Path, progress: Progress | None = None) -> None:
    root = folder.parent / "lab"
    options: dict[str, Any] = {"card": dataset_card.write, "progress": progress}
    import_.import_clips(source(root, lab(root)), folder, **options)


def measure(folder: Path, progress: Progress | None = None) -> None:
    gates, options = Gates(("static",)), {"card": dataset_card.write, "progress": progress}
    measures.measure(folder, Measures(("pixels",)), gates, **options)  # type: ignore[arg-type]


def observe(folder: Path, progress: Progress | None = None) -> None:
    observes.observe(folder, Light(), Light(), card=dataset_card.write, progress=progress)


JOBS = {"build": build, "import": import_clips, "measure": measure, "observe": observe}
Job = tuple[str, Path, dict[str, bytes]]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 clips without measurements."""
    folder = tmp_path_factory.mktemp("dataset") / "out"
    build(folder)
    return folder


@pytest.fixture(scope="module", params=JOBS)
def job(
    request: pytest.FixtureRequest, dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> Job:
    """A job, the folder before it and what is in it after an undisturbed run."""
    before, after = (tmp_path_factory.mktemp(place) / "out" for place in ("before", "after"))
    if request.param in ("measure", "observe"):
        shutil.copytree(dataset, before)
        shutil.copytree(dataset, after)
    JOBS[request.param](after)
    return request.param, before, sums(after)


def killed(name: str, folder: Path, what: str, count: int) -> None:
    """Do a job until its process is killed; it sees its own renames, which are what is final."""
    seen: Counter[str] = Counter()

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename":
            old, new = (Path(path) for path in arguments[:2])
            seen[kind(old, new.relative_to(folder))] += 1
            if seen[what] == count:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    JOBS[name](folder)


def kind(old: Path, new: Path) -> str:
    """What a rename finishes."""
    if new.parts[0].startswith("."):
        if "new" in new.parts:
            return "shard" if new.suffix == ".parquet" else "other"
        return "seal" if new.suffix == ".json" else "other"
    return "move" if {"new", ".measured"} & set(old.parts) else "other"


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_started_again_the_bytes_are_the_same(
    job: Job, moment: str, tmp_path: Path
) -> None:
    name, before, undisturbed = job
    folder = tmp_path / "out"
    if before.exists():
        shutil.copytree(before, folder)
    # A server that has imported everything once: its forks begin at once, and have no threads.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=killed, args=(name, folder, *MOMENTS[moment]))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    done: list[int] = []
    JOBS[name](folder, lambda now, total: done.append(now))
    assert moment != "between chunks" or done[0] > 0, "what was finished is made again"
    assert sums(folder) == undisturbed
    assert verify(folder) == []
