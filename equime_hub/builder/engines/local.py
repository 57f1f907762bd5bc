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

from equime_hub.errors import BuildError

Task = TypeVar("Task")
Result = TypeVar("Result")

_work: Callable[[Any], Any]


def run(
    start: Callable[[], Callable[[Task], Result]], tasks: Sequence[Task], workers: int
) -> Iterator[Result]:
    """Do tasks in any order and yield each result when it is there.

    Args:
        start: Called once in each process; gives the function that does a task. Picklable.
        tasks: Picklable.
        workers: 1 stays in this process; more start that many, one core each.

    Raises:
        BuildError: A worker died; the tasks done so far are done.
    """
    if workers == 1 or len(tasks) < 2:
        work = start()
        for task in tasks:
            yield work(task)
        return
    # Spawned, not forked: a forked copy of threads that hold locks may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(tasks)), context, _enter, (start,))
    try:
        with _ignoring_ctrl_c():  # workers inherit it from their first instruction on
            futures: list[Future[Result]] = [pool.submit(_do, task) for task in tasks]
        for future in as_completed(futures):
            yield future.result()
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
    _work = start()


def _leave_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(task: Any) -> Any:
    return _work(task)
