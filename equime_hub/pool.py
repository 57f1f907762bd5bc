"""Processes of this machine that work for this one: they end with it and leave Ctrl-C to it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any, TypeVar

from equime_hub.errors import EquimeError

Task = TypeVar("Task")
Result = TypeVar("Result")

_work: Callable[[Any], Any]


def results(
    start: Callable[[], Callable[[Task], Result]], tasks: Sequence[Task], workers: int
) -> Iterator[Result]:
    """Do tasks in any order and yield each result when it is there.

    Args:
        start: Called once in each process; gives the function that does a task. Picklable, as
            are tasks and results, if there are several processes.
        tasks: What is to be done.
        workers: Processes; 1 is this process.

    Raises:
        EquimeError: `workers` is below 1, or one of them died. And what a task raises.
    """
    if workers < 1:
        raise EquimeError(f"There is at least one worker, got {workers}.")
    size = min(workers, len(tasks))
    if size <= 1:
        work = start()
        for task in tasks:
            yield work(task)
        return
    try:
        with pool(start, size) as submit:
            for future in as_completed([submit(task) for task in tasks]):
                yield future.result()
    except BrokenProcessPool as error:
        raise EquimeError(
            "A worker process died (out of memory, or killed). What was finished is kept: run "
            "the same again, with fewer workers if memory is short."
        ) from error


@contextlib.contextmanager
def pool(
    start: Callable[[], Callable[[Task], Result]], size: int
) -> Iterator[Callable[[Task], Future[Result]]]:
    """Start processes, and give the function that hands a task to them.

    At the end, what has not begun is given up, and what has is waited for.
    """
    # Spawned, not forked: a forked copy of threads that hold locks may hang.
    context = multiprocessing.get_context("spawn")
    processes = ProcessPoolExecutor(size, context, _enter, (start,))
    try:
        with _ignoring_ctrl_c():  # they inherit it from their first instruction on
            for _ in range(size):
                processes.submit(int)  # starts a process
        yield partial(processes.submit, _do)
    finally:
        processes.shutdown(cancel_futures=True)


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
