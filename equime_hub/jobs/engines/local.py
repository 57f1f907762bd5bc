"""The engine of one machine: threads of this process, or a pool of processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from equime_hub.errors import BuildError
from equime_hub.jobs.engines import Job, Workforce, given_up
from equime_hub.pool import pool

Task = TypeVar("Task", bound=Job)
Result = TypeVar("Result")


class _NotStartedError(Exception):
    """Carries the error of `start` out of a worker process."""


_FATAL = OSError, BrokenProcessPool, _NotStartedError


def run(
    start: Callable[[], Callable[[Task], Result]], tasks: Sequence[Task], force: Workforce
) -> Iterator[Result]:
    """Do tasks in any order and yield each result when it is there.

    A task that fails is not tried again: on the same machine it would fail the same way. Ctrl-C
    waits for the tasks that are running, and a second one does not; with one worker and one lane,
    where the task runs in the caller's own thread, the first one breaks it off.

    Args:
        start: Called once in each process; gives the function that does a task. Picklable if
            there are several.
        tasks: Picklable likewise.
        force: One worker is this process, with its lanes; more are processes of their own, which
            have one lane whatever it says.

    Raises:
        BuildError: Tasks failed (`given_up`), a worker died, several want the GPU, or a cluster
            was named.
        OSError: Of a task, as soon as those that are running have ended.
    """
    if force.address:
        raise BuildError(
            f"The engine 'local' is this machine alone, got the address {force.address!r}. Use "
            "--engine ray to join a cluster, or leave --address out."
        )
    if force.gpu and force.size > 1:
        raise BuildError(
            f"The engine 'local' has one GPU worker, got workers={force.size}. Use --workers 1, "
            "or --engine ray for one worker a GPU."
        )
    failed: list[tuple[Task, Exception]] = []
    size = min(force.size, len(tasks))
    if size > 1:
        with _pooled(start, size) as work:
            yield from _in_lanes(work, tasks, size, failed)
    elif force.lanes > 1:
        yield from _in_lanes(start(), tasks, force.lanes, failed)
    else:
        yield from _one_by_one(start(), tasks, failed)
    if failed:
        raise given_up(failed) from failed[0][1]


def _one_by_one(
    work: Callable[[Task], Result], tasks: Sequence[Task], failed: list[tuple[Task, Exception]]
) -> Iterator[Result]:
    for task in tasks:
        try:
            result = work(task)
        except OSError:
            raise
        except Exception as error:
            _forget(error)
            failed.append((task, error))
        else:
            yield result


def _forget(error: BaseException) -> None:
    """Let go of the clips, and the memory of the GPU, that an error's traceback holds."""
    traceback.clear_frames(error.__traceback__)


def _in_lanes(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    lanes: int,
    failed: list[tuple[Task, Exception]],
) -> Iterator[Result]:
    waiting = deque(tasks)
    ended: SimpleQueue[tuple[Task, Future[Result]]] = SimpleQueue()

    def lane() -> None:
        while waiting:
            try:
                task = waiting.popleft()
            except IndexError:  # another lane was faster
                return
            future: Future[Result] = Future()
            try:
                future.set_result(work(task))
            except BaseException as error:
                _forget(error)
                if isinstance(error, _FATAL):
                    waiting.clear()
                future.set_exception(error)
            ended.put((task, future))

    # Threads of a pool would be waited for at exit, even after a second Ctrl-C.
    threads = [threading.Thread(target=lane, daemon=True) for _ in tasks[:lanes]]
    try:
        for thread in threads:
            thread.start()
        for _ in tasks:
            task, future = ended.get()
            error = future.exception()
            if error is None:
                yield future.result()
            elif isinstance(error, Exception) and not isinstance(error, _FATAL):
                failed.append((task, error))
            else:
                raise error
    finally:
        waiting.clear()
        for thread in threads:
            if thread.is_alive():
                thread.join()


@contextlib.contextmanager
def _pooled(
    start: Callable[[], Callable[[Task], Result]], size: int
) -> Iterator[Callable[[Task], Result]]:
    """What does a task in another process, for as many threads as there are processes."""
    others = multiprocessing.active_children()
    begun: list[Future[Result]] = []
    try:
        with pool(partial(_started, start), size) as submit:

            def work(task: Task) -> Result:
                begun.append(future := submit(task))
                result: Result = future.result()
                return result

            try:
                yield work
            finally:
                if not all(future.done() for future in begun):  # a second Ctrl-C
                    for process in multiprocessing.active_children():
                        if process not in others:
                            process.kill()
    except _NotStartedError as error:
        raise error.args[0] from error
    except BrokenProcessPool as error:
        raise BuildError(
            "A worker process died (out of memory, or killed). What it had finished is kept: "
            "run the same command again, with fewer --workers if memory is short."
        ) from error


def _started(start: Callable[[], Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """What `start` gives, in a worker process.

    Raised from here, its error would reach the parent as the death of a worker; so each task
    raises it.
    """
    try:
        return start()
    except Exception as error:
        return partial(_refuse, error)


def _refuse(error: Exception, task: Any) -> Any:
    raise _NotStartedError(error)
