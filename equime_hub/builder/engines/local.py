"""The engine of one machine: in this process, or in a pool of processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from equime_hub.builder.engines import Job, given_up
from equime_hub.errors import BuildError

Task = TypeVar("Task", bound=Job)
Result = TypeVar("Result")

_work: Callable[[Any], Any]


class _NotStartedError(Exception):
    """Carries the error of `start` out of a worker process."""


def run(
    start: Callable[[], Callable[[Task], Result]],
    tasks: Sequence[Task],
    workers: int,
    *,
    gpu: bool = False,
) -> Iterator[Result]:
    """Do tasks in any order and yield each result when it is there.

    A task that fails is not tried again: on the same machine it would fail the same way.

    Args:
        start: Called once in each process; gives the function that does a task. Picklable.
        tasks: Picklable.
        workers: 1 stays in this process; more start that many, one core each.
        gpu: A worker needs a GPU of its own, so there is room for one.

    Raises:
        BuildError: Tasks failed (`given_up`), a worker died, or several want the GPU.
        OSError: Of a task, at once.
    """
    if gpu and workers > 1:
        raise BuildError(
            f"The engine 'local' has one GPU worker, got workers={workers}. Use --workers 1, or "
            "--engine ray for one worker a GPU."
        )
    failed: list[tuple[Task, Exception]] = []
    if workers == 1 or len(tasks) < 2:
        yield from _here(start, tasks, failed)
    else:
        yield from _pooled(start, tasks, workers, failed)
    if failed:
        raise given_up(failed) from failed[0][1]


def _here(
    start: Callable[[], Callable[[Task], Result]],
    tasks: Sequence[Task],
    failed: list[tuple[Task, Exception]],
) -> Iterator[Result]:
    work = start()
    for task in tasks:
        try:
            result = work(task)
        except OSError:
            raise
        except Exception as error:
            failed.append((task, error))
        else:
            yield result


def _pooled(
    start: Callable[[], Callable[[Task], Result]],
    tasks: Sequence[Task],
    workers: int,
    failed: list[tuple[Task, Exception]],
) -> Iterator[Result]:
    # Spawned, not forked: a forked copy of threads that hold locks may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(tasks)), context, _enter, (start,))
    try:
        with _ignoring_ctrl_c():  # workers inherit it from their first instruction on
            futures: dict[Future[Result], Task] = {pool.submit(_do, task): task for task in tasks}
        for future in as_completed(futures):
            error = future.exception()
            if error is None:
                yield future.result()
            elif isinstance(error, _NotStartedError):
                raise error.args[0] from error
            elif isinstance(error, OSError | BrokenProcessPool) or not isinstance(error, Exception):
                raise error
            else:
                failed.append((futures[future], error))
    except BrokenProcessPool as error:
        raise BuildError(
            "A worker process died (out of memory, or killed). What it had finished is kept: "
            "run the same command again, with fewer --workers if memory is short."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _ignoring_ctrl_c() -> Iterator[None]:
    """Ctrl-C is for the parent, which then lets its workers finish what they have begun."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _enter(start: Callable[[], Callable[[Any], Any]]) -> None:
    global _work
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        _work = start()
    except Exception as error:
        # Raised from here, it would reach the parent as the death of a worker.
        _work = _Refusal(error)


class _Refusal:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def __call__(self, task: Any) -> Any:
        raise _NotStartedError(self._error)


def _leave_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(task: Any) -> Any:
    return _work(task)
