from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from equime_hub.errors import EquimeError, VideoError
from equime_hub.pool import results


def squares() -> Callable[[int], tuple[int, int]]:
    return square


def deaths() -> Callable[[int], int]:
    return die


def square(number: int) -> tuple[int, int]:
    """The square, and who computed it."""
    if number == 7:
        raise VideoError("seven is no clip")
    return number * number, os.getpid()


def die(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_is_done_once(workers: int) -> None:
    found = list(results(squares, range(6), workers))
    assert sorted(value for value, _ in found) == [0, 1, 4, 9, 16, 25]
    assert (os.getpid() in {who for _, who in found}) == (workers == 1)
    assert list(results(squares, (), workers)) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_task_raises_arrives_as_it_is(workers: int) -> None:
    with pytest.raises(VideoError, match=r"^seven is no clip$"):
        list(results(squares, (7, 8, 9), workers))


def test_a_worker_that_dies_is_a_sentence() -> None:
    with pytest.raises(EquimeError, match=r"A worker process died \(out of memory, or killed\)"):
        list(results(deaths, (0, 1, 2, 3), 2))


def test_there_is_at_least_one_worker() -> None:
    with pytest.raises(EquimeError, match="at least one worker, got 0"):
        list(results(squares, (1,), 0))
