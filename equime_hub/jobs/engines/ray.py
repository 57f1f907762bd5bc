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
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from equime_hub.errors import BuildError, EquimeError
from equime_hub.jobs.engines import Job, Workforce, given_up
from equime_hub.optional import require

Task = TypeVar("Task", bound=Job)
Result = TypeVar("Result")

TRIES = 3
"""How often a task is tried before the others go on without it."""

_OBJECT_STORE = 100 * 2**20
"""Bytes; little passes through it, and Ray wants at least 75 MB."""


def run(
    start: Callable[[], Callable[[Task], Result]], tasks: Sequence[Task], force: Workforce
) -> Iterator[Result]:
    """Do tasks in any order and yield each result when it is there.

    The cluster is the one at `force.address`, else at `RAY_ADDRESS`, else one of this machine that
    lives as long as the run. A task is tried `TRIES` times, each in a fresh worker, since an error
    of a GPU spoils its process for all that follow; an `EquimeError` is no accident and is not
    tried again. A worker that goes takes the tasks of all its lanes with it, whichever was to
    blame: so a task that failed once waits until all others are begun, and then has a worker to
    itself. Ctrl-C waits for the tasks that are running; a second one does not.

    Args:
        start: Called once in each worker; gives the function that does a task. Picklable.
        tasks: Picklable and small.
        force: One actor a worker, each with one GPU, which it sees as the only one, or one CPU
            slot.

    Raises:
        BuildError: Tasks failed (`given_up`), the cluster cannot be reached or is smaller than
            `force.size`, or `TRIES` workers in a row die as they start; an error of `start` is
            raised as it is.
        OSError: Of a task, at once.
        MissingDependencyError: Ray is not installed.
    """
    if not tasks:
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read on import
    ray = require("ray", extra="ray")
    with _connected(ray, force.address):
        # No worker takes what another, which still loads, could do at once.
        lanes = min(force.lanes, -(-len(tasks) // force.size))
        hired = ray.remote(_Actor).options(max_concurrency=lanes, **_slot(ray, force))
        crew = _Crew(ray, lambda: hired.remote(start, Path.cwd()), lanes, tasks)
        yield from crew.work(min(force.size, len(tasks)))


@contextlib.contextmanager
def _connected(ray: ModuleType, address: str | None) -> Iterator[None]:
    """Ray, as found or for the time being."""
    if ray.is_initialized():
        if address:
            raise BuildError(
                f"Ray is connected already, got the address {address!r}. Leave it out to use Ray "
                "as it is, or call ray.shutdown() first."
            )
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS")
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
            where = f"at {address}" if address else "on this machine"
            raise BuildError(
                f"Ray cannot be used {where} ({error}). Give the host:port that `ray start --head` "
                "printed with --address or RAY_ADDRESS, or neither to use this machine alone."
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


def _slot(ray: ModuleType, force: Workforce) -> dict[str, int]:
    """What each actor reserves; refuses what would wait for ever."""
    kind, name = ("GPU", "GPUs") if force.gpu else ("CPU", "CPU slots")
    room = int(ray.cluster_resources().get(kind, 0))
    if force.size > room:
        raise BuildError(
            f"The Ray cluster has {room} {name}, got --workers {force.size}, which take one each. "
            "Ask for no more than there are, or add machines with `ray start`."
        )
    return {"num_gpus": 1, "num_cpus": 0} if force.gpu else {"num_cpus": 1}


class _Actor:
    """A process of a worker; `load` is apart from `do` so that their errors are."""

    def __init__(self, start: Callable[[], Callable[[Any], Any]], folder: Path) -> None:
        self._start, self._folder = start, folder

    def load(self) -> None:
        os.chdir(self._folder)  # relative paths mean the same on every machine
        self._work = self._start()

    def do(self, task: Any) -> Any:
        return self._work(task)


@dataclass(eq=False)
class _Worker:
    """An actor, and how many tasks it is at; it can be given some once it has loaded."""

    actor: Any
    loaded: bool = False
    at: int = 0


class _Crew(Generic[Task]):
    """The workers, and who does what.

    Numbers stand for tasks, None for loading. `_fresh` is never added to: when the first of
    `_failed_once` is given to a worker that is at nothing, none can join it there.
    """

    def __init__(
        self, ray: ModuleType, hire: Callable[[], Any], lanes: int, tasks: Sequence[Task]
    ) -> None:
        self._ray, self._hire, self._lanes, self._tasks = ray, hire, lanes, tasks
        self._fresh = deque(range(len(tasks)))
        self._failed_once: deque[int] = deque()
        self._tries: Counter[int | None] = Counter()
        self._given_up: list[tuple[Task, Exception]] = []
        self._workers: list[_Worker] = []
        self._busy: dict[Any, tuple[_Worker, int | None]] = {}

    def work(self, size: int) -> Iterator[Any]:
        for _ in range(size):
            self._grow()
        try:
            while self._fresh or self._failed_once or self._running():
                results = self._next()
                self._hand_out()  # before the caller takes its time
                yield from results
        except (KeyboardInterrupt, GeneratorExit):
            if running := self._running():
                self._ray.wait(running, num_returns=len(running))
            raise
        finally:
            for worker in self._workers:
                self._ray.kill(worker.actor)
        if self._given_up:
            raise given_up(self._given_up) from self._given_up[0][1]

    def _grow(self) -> None:
        worker = _Worker(self._hire())
        self._workers.append(worker)
        self._busy[worker.actor.load.remote()] = worker, None

    def _hand_out(self) -> None:
        """Evenly, so that no GPU has to wait for what another has not begun."""
        loaded = [worker for worker in self._workers if worker.loaded]
        while self._fresh and loaded:
            worker = min(loaded, key=lambda worker: worker.at)
            if worker.at == self._lanes:
                return
            self._give(worker, self._fresh.popleft())
        for worker in loaded:
            if self._failed_once and not worker.at:
                self._give(worker, self._failed_once.popleft())

    def _give(self, worker: _Worker, number: int) -> None:
        worker.at += 1
        self._busy[worker.actor.do.remote(self._tasks[number])] = worker, number

    def _running(self) -> list[Any]:
        return [ref for ref, (_, number) in self._busy.items() if number is not None]

    def _next(self) -> list[Any]:
        """Wait for one worker to end something; the result, if it has one."""
        (ref,), _ = self._ray.wait(list(self._busy), num_returns=1)
        worker, number = self._busy.pop(ref)
        if number is not None:
            worker.at -= 1
        try:
            result = self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            self._blame(worker, number, error)
            return []
        if number is not None:
            return [result]
        worker.loaded = True
        self._tries[None] = 0
        return []

    def _blame(self, worker: _Worker, number: int | None, error: Exception) -> None:
        """What follows from a failure: the end of the run, of the task, or another try."""
        # Ray wraps an exception of the work in one of its own; a death has no cause.
        cause = getattr(error, "cause", None)
        if number is not None and isinstance(cause, EquimeError):
            self._given_up.append((self._tasks[number], cause))
            return
        if isinstance(cause, OSError | EquimeError):
            raise cause from error
        if worker in self._workers:  # else it went with the task of another lane
            self._workers.remove(worker)
            self._ray.kill(worker.actor)
            self._grow()
        self._tries[number] += 1
        if self._tries[number] < TRIES:
            if number is not None:
                self._failed_once.append(number)
        elif number is None:
            raise cause or BuildError(
                f"{TRIES} workers in a row died as they started (out of memory, or killed): use "
                "fewer --workers."
            ) from error
        else:
            death = BuildError(
                f"its worker died in the last of {TRIES} tries (out of memory, or killed)"
            )
            self._given_up.append((self._tasks[number], cause or death))
