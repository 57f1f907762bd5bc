"""Work that goes wrong, importable by worker processes, and a way to run it under Ray."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from equime_hub.jobs.engines import ENGINES, Job, Workforce

Work = Callable[[Any], Any]
Start = Callable[[], Work]

PAUSES = {"": 0.0, "nap": 0.3, "slow": 2.0, "hang": 60.0}
"""Seconds."""


@dataclass(frozen=True)
class Note:
    """A task that writes its own name, and what is to go wrong with it."""

    path: Path
    wreck: str = ""


def notes(count: int, **wrecks: str) -> list[Note]:
    """Tasks `n0`, `n1`, ...; keywords name those that go wrong, and how."""
    return [Note(Path(f"n{i}"), wrecks.get(f"n{i}", "")) for i in range(count)]


def written() -> list[str]:
    return sorted(path.name for path in Path().glob("n*"))


def start() -> Work:
    return write


def write(note: Note) -> str:
    with Path("tried").open("a") as file:
        file.write(f"{note.path.name} {os.getpid()}\n")
    if note.wreck and not Path("mended").exists():
        wreck(note.wreck)
    note.path.write_text(note.path.name)
    return note.path.name


def tries(name: str) -> list[str]:
    """Process of each try of a task."""
    lines = Path("tried").read_text().splitlines()
    return [line.split()[1] for line in lines if line.split()[0] == name]


def begun() -> set[str]:
    return {line.split()[0] for line in Path("tried").read_text().splitlines()}


def wreck(kind: str) -> None:
    """Go wrong; "2: die" is to die as soon as two tasks have begun."""
    from equime_hub.errors import FaceError

    company, _, kind = kind.rpartition(": ")
    while company and len(begun()) < int(company):
        time.sleep(0.01)
    if kind == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "disk":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if kind == "face":
        raise FaceError("anna_01.jpg is gone; put it back.")
    if kind in PAUSES:
        time.sleep(PAUSES[kind])
        return
    raise ValueError(kind)


def in_pairs() -> Work:
    """Each task waits for another in the same process, and says how many there were at once."""
    pair, lock, now = threading.Barrier(2), threading.Lock(), 0

    def meet(note: Note) -> tuple[int, int]:
        nonlocal now
        with lock:
            now += 1
            at_once = now
        pair.wait(30)
        write(note)
        with lock:
            now -= 1
        return at_once, os.getpid()

    return meet


def never_starts() -> Work:
    raise ValueError("no weights")


def dies_at_start() -> Work:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


class WhichGpu:
    """A `start` that looks around when it comes out of its pickle, long before it is called."""

    def __getstate__(self) -> bool:
        return True  # else there is nothing to set

    def __setstate__(self, state: bool) -> None:
        self.gpus = os.environ.get("CUDA_VISIBLE_DEVICES")
        self.torch = "torch" in sys.modules

    def __call__(self) -> Work:
        def look(note: Note) -> tuple[str | None, bool, str, int]:
            time.sleep(1)  # long enough for the other worker to get one too
            return self.gpus, self.torch, os.environ["CUDA_VISIBLE_DEVICES"], os.getpid()

        return look


def killed_in_each_third(real: Start, tasks: Sequence[Job], force: Workforce) -> Iterator[Any]:
    """The engine `ray` with a worker that dies once before, and once after, doing its part."""
    from equime_hub.jobs.engines import ray

    third = len(tasks) // 3
    victims = {tasks[0].path.name: "before", tasks[third].path.name: "after"}
    victims[tasks[-1].path.name] = "before"
    assert len(victims) == 3
    return ray.run(partial(_murderous, real, victims), tasks, force)


def _murderous(real: Start, victims: dict[str, str]) -> Work:
    work = real()

    def make(task: Job) -> Any:
        name = task.path.name
        mark = Path(f"killed-{name}")
        when = None if mark.exists() else victims.get(name)
        if when == "before":
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        result = work(task)
        if when == "after":
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return make


def poisoned(real: Start, tasks: Sequence[Job], force: Workforce) -> Iterator[Any]:
    """The engine `ray` with a first part that cannot be made until the file `mended` is there."""
    from equime_hub.jobs.engines import ray

    return ray.run(partial(_poisonous, real, tasks[0].path.name), tasks, force)


def _poisonous(real: Start, victim: str) -> Work:
    work = real()

    def make(task: Job) -> Any:
        if task.path.name == victim and not Path("mended").exists():
            raise ValueError("poison")
        return work(task)

    return make


def build(plan: str, out: str, engine: str) -> None:
    """Build a plan with an engine, of `ENGINES` or of this module, and two workers."""
    from equime_hub.builder import plan as plans
    from equime_hub.builder.backends.warp import WarpBackend
    from equime_hub.builder.render import RenderConfig
    from equime_hub.jobs import build as builds
    from equime_hub.jobs.build import BuildConfig

    here = ("killed_in_each_third", "poisoned")
    ENGINES._entries.update({name: f"{__name__}:{name}" for name in here})
    config = BuildConfig(RenderConfig(WarpBackend()), shard_bytes=1)
    report = builds.build(plans.read(Path(plan)), Path(out), config, engine=engine, workers=2)
    sys.stdout.write(f"made {report.made}\n")
