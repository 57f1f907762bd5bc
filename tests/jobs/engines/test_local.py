from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path
from typing import Any

import pytest

from equime_hub.errors import BuildError, FaceError
from equime_hub.jobs.engines import Workforce, given_up
from equime_hub.jobs.engines.local import run
from tests.support import wrecks
from tests.support.wrecks import Note, begun, notes, tries, written

HERE_AND_POOLED = pytest.mark.parametrize(
    "force", [Workforce(), Workforce(lanes=3), Workforce(size=2)], ids=["here", "lanes", "pooled"]
)
LANES = Workforce(lanes=2)


@HERE_AND_POOLED
def test_every_task_is_done_once(force: Workforce) -> None:
    assert sorted(run(wrecks.start, notes(5), force)) == ["n0", "n1", "n2", "n3", "n4"]
    assert written() == ["n0", "n1", "n2", "n3", "n4"]
    assert all(len(tries(name)) == 1 for name in written())


@HERE_AND_POOLED
def test_no_tasks_are_no_trouble(force: Workforce) -> None:
    assert list(run(wrecks.start, [], force)) == []


@HERE_AND_POOLED
def test_tasks_that_fail_are_named_with_their_errors_and_the_others_are_done(
    force: Workforce,
) -> None:
    done = []
    with pytest.raises(BuildError) as caught:
        for name in run(wrecks.start, notes(5, n0="poison", n2="face"), force):
            done.append(name)
    assert sorted(done) == written() == ["n1", "n3", "n4"]
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("2 parts of the dataset could not be made")
    assert sorted(lines[1:]) == [
        "  n0: ValueError: poison",
        "  n2: anna_01.jpg is gone; put it back.",
    ]
    assert isinstance(caught.value.__cause__, ValueError | FaceError)
    assert len(tries("n0")) == 1


@HERE_AND_POOLED
def test_a_full_disk_stops_the_run(force: Workforce) -> None:
    others = {f"n{i}": "nap" for i in range(1, 40)}  # else they may all be done before it is seen
    with pytest.raises(OSError, match="No space left"):
        list(run(wrecks.start, notes(40, n0="disk", **others), force))
    assert len(written()) < 39


@HERE_AND_POOLED
def test_work_that_cannot_start_is_reported_as_it_is(force: Workforce) -> None:
    with pytest.raises(ValueError, match="no weights"):
        list(run(wrecks.never_starts, notes(3), force))


def test_a_worker_that_dies_is_a_sentence() -> None:
    with pytest.raises(BuildError, match=r"A worker process died.*run the same command again"):
        list(run(wrecks.start, notes(4, n3="die"), Workforce(2)))


def test_several_workers_on_one_gpu_are_refused() -> None:
    with pytest.raises(BuildError, match=r"got workers=2.*--engine ray"):
        list(run(wrecks.start, notes(2), Workforce(2, gpu=True)))
    assert list(run(wrecks.start, notes(1), Workforce(gpu=True))) == ["n0"]


def test_a_cluster_is_refused() -> None:
    with pytest.raises(BuildError, match=r"'first:6379'.*--engine ray"):
        list(run(wrecks.start, notes(2), Workforce(address="first:6379")))
    assert written() == []


@pytest.mark.parametrize(("size", "lanes"), [(0, 1), (-1, 1), (1, 0)])
def test_a_workforce_of_none_is_refused(size: int, lanes: int) -> None:
    with pytest.raises(BuildError, match=rf"got (lanes=)?{min(size, lanes)}\. .* 1 or more"):
        Workforce(size, lanes)


def test_lanes_overlap_and_are_no_more_than_asked_for() -> None:
    found = list(run(wrecks.in_pairs, notes(10), LANES))
    assert len(found) == len(written()) == 10
    assert max(at_once for at_once, _ in found) == 2
    assert {process for _, process in found} == {os.getpid()}


def test_lanes_go_on_while_the_caller_takes_its_time() -> None:
    done = run(wrecks.start, notes(6), LANES)
    next(done)
    deadline = time.monotonic() + 10
    while len(written()) < 6:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(list(done)) == 5


@pytest.mark.parametrize("lanes", [1, 2])
def test_what_failed_holds_no_memory(lanes: int) -> None:
    clips = []

    def fail(note: Note) -> None:
        clip = Note(note.path)
        clips.append(weakref.ref(clip))
        raise ValueError(clip.path.name)

    with pytest.raises(BuildError, match="ValueError: n2") as caught:
        list(run(lambda: fail, notes(3), Workforce(lanes=lanes)))
    assert caught.value.__cause__
    assert [clip() for clip in clips] == [None] * 3


def test_a_full_disk_waits_for_the_task_of_the_other_lane_and_begins_none() -> None:
    with pytest.raises(OSError, match="No space left"):
        list(run(wrecks.start, notes(9, n0="2: disk", n1="nap"), LANES))
    assert written() == ["n1"]
    assert begun() == {"n0", "n1"}


@pytest.mark.parametrize("force", [LANES, Workforce(2)], ids=["lanes", "pooled"])
def test_closed_early_it_finishes_what_it_has_begun(force: Workforce) -> None:
    done: Any = run(wrecks.start, notes(40, **{f"n{i}": "nap" for i in range(40)}), force)
    next(done)
    done.close()
    assert set(written()) == begun()
    assert len(begun()) < 40


CTRL_C = pytest.mark.parametrize("force", ["Workforce(lanes=2)", "Workforce(2)"])


def interrupted(force: str, pause: str, times: int) -> int:
    """Exit status of a run on which Ctrl-C is pressed once its workers are all at a task."""
    code = f"""
from equime_hub.jobs.engines import Workforce
from equime_hub.jobs.engines.local import run
from tests.support import wrecks
if __name__ == "__main__":
    list(run(wrecks.start, wrecks.notes(9, **{{f"n{{i}}": "{pause}" for i in range(9)}}), {force}))
"""
    Path("main.py").write_text(code)
    process = subprocess.Popen(
        [sys.executable, "main.py"], start_new_session=True, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    try:
        while not Path("tried").exists() or len(begun()) < 2:
            assert process.poll() is None
            time.sleep(0.01)
        for _ in range(times):
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            time.sleep(0.3)
        return process.wait(timeout=20)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.usefixtures("ctrl_c")
@CTRL_C
def test_ctrl_c_finishes_what_is_running(force: str) -> None:
    assert interrupted(force, "slow", 1) == -signal.SIGINT
    assert set(written()) == begun()
    assert len(begun()) == 2


@pytest.mark.usefixtures("ctrl_c")
@CTRL_C
def test_a_second_ctrl_c_does_not_wait(force: str) -> None:
    assert interrupted(force, "hang", 2) == -signal.SIGINT
    assert written() == []


def test_a_long_list_of_failures_is_cut() -> None:
    error = given_up([(Note(Path(f"part-{i}")), ValueError(i)) for i in range(25)])
    lines = str(error).splitlines()
    assert lines[1] == "  part-0: ValueError: 0"
    assert (len(lines), lines[-1]) == (12, "  and 15 more")
