"""Work on clips in several processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from equime_hub.errors import EquimeError
from equime_hub.video.threads import one_thread

Task = TypeVar("Task")
Result = TypeVar("Result")

_work: Callable[[Any], Any]


def run(work: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Iterator[Result]:
    """Do tasks in any order and yield each result when it is there.

    Args:
        work: Does a task; picklable, as are tasks and results, if there are several workers.
        tasks: What is to be done.
        workers: Processes, of one thread each; 1 is this process.

    Raises:
        EquimeError: `workers` is below 1, or one of them died. And what `work` raises.
    """
    if workers < 1:
        raise EquimeError(f"There is at least one worker, got {workers}.")
    size = min(workers, len(tasks))
    if size <= 1:
        for task in tasks:
            with one_thread():
                result = work(task)
            yield result
        return
    # Spawned, not forked: a forked copy of threads that hold locks may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(size, context, _enter, (work,))
    try:
        for future in as_completed([pool.submit(_do, task) for task in tasks]):
            yield future.result()
    except BrokenProcessPool as error:
        raise EquimeError(
            "A worker process died (out of memory, or killed). What was finished is kept: run "
            "the same again, with fewer workers if memory is short."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _enter(work: Callable[[Any], Any]) -> None:
    global _work
    import cv2
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the parent, which lets tasks end
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    _work = work


def _leave_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(task: Any) -> Any:
    with one_thread():
        return _work(task)
