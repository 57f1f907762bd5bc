"""Work that goes wrong, importable by worker processes, and a way to run it under Ray."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from equime_hub.builder.engines import ENGINES, Job

Work = Callable[[Any], Any]
Start = Callable[[], Work]


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


def wreck(kind: str) -> None:
    from equime_hub.errors import FaceError

    if kind == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "disk":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if kind == "face":
        raise FaceError("anna_01.jpg is gone; put it back.")
    if kind == "slow":
        time.sleep(2)
        return
    raise ValueError(kind)


def never_starts() -> Work:
    raise ValueError("no weights")


def dies_at_start() -> Work:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def which_gpu() -> Work:
    def look(note: Note) -> tuple[str, int]:
        time.sleep(1)  # long enough for the other worker to get one too
        return os.environ["CUDA_VISIBLE_DEVICES"], os.getpid()

    return look


def killed_in_each_third(
    real: Start, tasks: Sequence[Job], workers: int, **kwargs: bool
) -> Iterator[Any]:
    """The engine `ray` with a worker that dies once before, and once after, doing its part."""
    from equime_hub.builder.engines import ray

    third = len(tasks) // 3
    victims = {tasks[0].path.name: "before", tasks[third].path.name: "after"}
    victims[tasks[-1].path.name] = "before"
    assert len(victims) == 3
    return ray.run(partial(_murderous, real, victims), tasks, workers, **kwargs)


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


def poisoned(real: Start, tasks: Sequence[Job], workers: int, **kwargs: bool) -> Iterator[Any]:
    """The engine `ray` with a first part that cannot be made until the file `mended` is there."""
    from equime_hub.builder.engines import ray

    return ray.run(partial(_poisonous, real, tasks[0].path.name), tasks, workers, **kwargs)


def _poisonous(real: Start, victim: str) -> Work:
    work = real()

    def make(task: Job) -> Any:
        if task.path.name == victim and not Path("mended").exists():
            raise ValueError("poison")
        return work(task)

    return make


def build(plan: str, out: str, engine: str) -> None:
    """Build a plan with an engine, of `ENGINES` or of this module, and two workers."""
    from equime_hub.builder import build as builds
    from equime_hub.builder import plan as plans
    from equime_hub.builder.backends.warp import WarpBackend
    from equime_hub.builder.claim import BuildConfig
    from equime_hub.builder.render import RenderConfig

    here = ("killed_in_each_third", "poisoned")
    ENGINES._entries.update({name: f"{__name__}:{name}" for name in here})
    config = BuildConfig(RenderConfig(WarpBackend()), shard_bytes=1)
    report = builds.build(plans.read(Path(plan)), Path(out), config, engine=engine, workers=2)
    sys.stdout.write(f"made {report.made}\n")
