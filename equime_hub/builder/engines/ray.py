"""The engine of many GPUs and many machines: one Ray actor a worker.

Ray schedules; who does what, and what happens after a failure, is decided here. Ray's own retries
lose the task that ran in a worker that died, or repeat for ever one that kills its worker; and
they know only deaths, not exceptions. Tasks and results pass through Ray, so they are to be
small: paths, not frames. All machines must see the same folders under the same paths.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from equime_hub.builder.engines import Job, given_up
from equime_hub.errors import BuildError, EquimeError
from equime_hub.optional import require

Task = TypeVar("Task", bound=Job)
Result = TypeVar("Result")

TRIES = 3
"""How often a task is tried before the others go on without it."""

_OBJECT_STORE = 100 * 2**20
"""Bytes; little passes through it, and Ray wants at least 75 MB."""


def run(
    start: Callable[[], Callable[[Task], Result]],
    tasks: Sequence[Task],
    workers: int,
    *,
    gpu: bool = False,
) -> Iterator[Result]:
    """Do tasks in any order and yield each result when it is there.

    The cluster is the one that `RAY_ADDRESS` names, else one of this machine that lives as long
    as the run. A task is tried `TRIES` times, each in a fresh worker, since an error of a GPU
    spoils its process for all that follow; an `EquimeError` is no accident and is not tried again.
    Ctrl-C waits for the tasks that are running; a second one does not.

    Args:
        start: Called once in each worker; gives the function that does a task. Picklable.
        tasks: Picklable and small.
        workers: Actors, each with one GPU or one CPU slot.
        gpu: A worker wants a GPU of its own; where the cluster has none it gets a CPU slot, and
            it is for the work to refuse that.

    Raises:
        BuildError: Tasks failed (`given_up`), the cluster cannot be reached or is smaller than
            `workers`, or `TRIES` workers in a row die as they start; an error of `start` is
            raised as it is.
        OSError: Of a task, at once.
        MissingDependencyError: Ray is not installed.
    """
    if not tasks:
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read on import
    ray = require("ray", extra="ray")
    with _connected(ray):
        hired = ray.remote(_Actor).options(**_slot(ray, workers, gpu))
        crew = _Crew(ray, lambda: hired.remote(start, Path.cwd()), tasks)
        yield from crew.work(min(workers, len(tasks)))


@contextlib.contextmanager
def _connected(ray: ModuleType) -> Iterator[None]:
    """Ray, as found or for the time being."""
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS")
    # Without an address Ray would join whatever cluster was last started on this machine.
    own: dict[str, Any] = {"include_dashboard": False, "object_store_memory": _OBJECT_STORE}
    # Ray prints its news of workers that died to stdout, which is for data.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            if address:
                _knock(address)
            ray.init(
                address or "local",
                log_to_driver=False,
                logging_level="ERROR",
                **({} if address else own),
            )
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            where = f"at RAY_ADDRESS={address}" if address else "on this machine"
            raise BuildError(
                f"Ray cannot be used {where} ({error}). Name the host:port that `ray start --head` "
                "printed, or unset RAY_ADDRESS to use this machine alone."
            ) from error
        try:
            yield
        finally:
            ray.shutdown()


def _knock(address: str) -> None:
    """Fail within seconds where nobody listens; Ray itself tries for two minutes."""
    host, _, port = address.rpartition(":")
    if port.isdigit() and "/" not in host:  # not "auto", nor ray://host:port
        socket.create_connection((host, int(port)), timeout=10).close()


def _slot(ray: ModuleType, workers: int, gpu: bool) -> dict[str, int]:
    """What each actor reserves; refuses what would wait for ever."""
    there = ray.cluster_resources()
    gpu = gpu and there.get("GPU", 0) > 0
    room = int(there.get("GPU" if gpu else "CPU", 0))
    if workers > room:
        raise BuildError(
            f"{workers} workers need {workers} {'GPUs' if gpu else 'CPU slots'} and the Ray "
            f"cluster has {room}: use --workers {room} or less, or add machines with `ray start`."
        )
    return {"num_gpus": 1, "num_cpus": 0} if gpu else {"num_cpus": 1}


class _Actor:
    """A worker; `load` is apart from `do` so that their errors are."""

    def __init__(self, start: Callable[[], Callable[[Any], Any]], folder: Path) -> None:
        self._start, self._folder = start, folder

    def load(self) -> None:
        os.chdir(self._folder)  # relative paths mean the same on every machine
        self._work = self._start()

    def do(self, task: Any) -> Any:
        return self._work(task)


class _Crew(Generic[Task]):
    """The actors, and who does what."""

    def __init__(self, ray: ModuleType, hire: Callable[[], Any], tasks: Sequence[Task]) -> None:
        self._ray, self._hire, self._tasks = ray, hire, tasks
        self._queue = deque(range(len(tasks)))
        self._tries: Counter[int | None] = Counter()
        self._failed: list[tuple[Task, Exception]] = []
        self._idle: list[Any] = []
        # What each actor is at: the number of a task, or None while it loads.
        self._busy: dict[Any, tuple[Any, int | None]] = {}

    def work(self, size: int) -> Iterator[Any]:
        for _ in range(size):
            self._grow()
        try:
            while self._queue or self._running():
                while self._queue and self._idle:
                    self._give(self._idle.pop(), self._queue.popleft())
                yield from self._next()
        except (KeyboardInterrupt, GeneratorExit):
            if running := self._running():
                self._ray.wait(running, num_returns=len(running))
            raise
        finally:
            for actor in [*self._idle, *(actor for actor, _ in self._busy.values())]:
                self._ray.kill(actor)
        if self._failed:
            raise given_up(self._failed) from self._failed[0][1]

    def _grow(self) -> None:
        actor = self._hire()
        self._busy[actor.load.remote()] = actor, None

    def _give(self, actor: Any, number: int) -> None:
        self._busy[actor.do.remote(self._tasks[number])] = actor, number

    def _running(self) -> list[Any]:
        return [ref for ref, (_, number) in self._busy.items() if number is not None]

    def _next(self) -> Iterator[Any]:
        """Wait for one actor; yields its result if it has one."""
        (ref,), _ = self._ray.wait(list(self._busy), num_returns=1)
        actor, number = self._busy.pop(ref)
        try:
            result = self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            self._blame(actor, number, error)
            return
        self._idle.append(actor)
        if number is None:
            self._tries[None] = 0
        else:
            yield result

    def _blame(self, actor: Any, number: int | None, error: Exception) -> None:
        """What follows from a failure: the end of the run, of the task, or another try."""
        # Ray wraps an exception of the work in one of its own; a death has no cause.
        cause = getattr(error, "cause", None)
        if number is not None and isinstance(cause, EquimeError):
            self._failed.append((self._tasks[number], cause))
            self._idle.append(actor)
            return
        self._ray.kill(actor)
        if isinstance(cause, OSError | EquimeError):
            raise cause from error
        self._tries[number] += 1
        if self._tries[number] < TRIES:
            if number is not None:
                self._queue.append(number)
        elif number is None:
            raise cause or BuildError(
                f"{TRIES} workers in a row died as they started (out of memory, or killed): use "
                "fewer --workers."
            ) from error
        else:
            death = BuildError(
                f"its worker died in the last of {TRIES} tries (out of memory, or killed)"
            )
            self._failed.append((self._tasks[number], cause or death))
        self._grow()
