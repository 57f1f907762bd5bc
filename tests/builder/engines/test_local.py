from __future__ import annotations

from pathlib import Path

import pytest

from equime_hub.builder.engines import given_up
from equime_hub.builder.engines.local import run
from equime_hub.errors import BuildError, FaceError
from tests.builder.engines import wrecks
from tests.builder.engines.wrecks import Note, notes, tries, written

HERE_AND_POOLED = pytest.mark.parametrize("workers", [1, 2])


@HERE_AND_POOLED
def test_every_task_is_done_once(workers: int) -> None:
    assert sorted(run(wrecks.start, notes(5), workers)) == ["n0", "n1", "n2", "n3", "n4"]
    assert written() == ["n0", "n1", "n2", "n3", "n4"]
    assert all(len(tries(name)) == 1 for name in written())


@HERE_AND_POOLED
def test_no_tasks_are_no_trouble(workers: int) -> None:
    assert list(run(wrecks.start, [], workers)) == []


@HERE_AND_POOLED
def test_tasks_that_fail_are_named_with_their_errors_and_the_others_are_done(workers: int) -> None:
    done = []
    with pytest.raises(BuildError) as caught:
        for name in run(wrecks.start, notes(5, n0="poison", n2="face"), workers):
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
def test_a_full_disk_stops_the_run(workers: int) -> None:
    with pytest.raises(OSError, match="No space left"):
        list(run(wrecks.start, notes(40, n0="disk"), workers))
    assert len(written()) < 39


@HERE_AND_POOLED
def test_work_that_cannot_start_is_reported_as_it_is(workers: int) -> None:
    with pytest.raises(ValueError, match="no weights"):
        list(run(wrecks.never_starts, notes(3), workers))


def test_a_worker_that_dies_is_a_sentence() -> None:
    with pytest.raises(BuildError, match=r"A worker process died.*run the same command again"):
        list(run(wrecks.start, notes(4, n3="die"), 2))


def test_several_workers_on_one_gpu_are_refused() -> None:
    with pytest.raises(BuildError, match=r"got workers=2.*--engine ray"):
        list(run(wrecks.start, notes(2), 2, gpu=True))
    assert list(run(wrecks.start, notes(1), 1, gpu=True)) == ["n0"]


def test_a_long_list_of_failures_is_cut() -> None:
    error = given_up([(Note(Path(f"part-{i}")), ValueError(i)) for i in range(25)])
    lines = str(error).splitlines()
    assert lines[1] == "  part-0: ValueError: 0"
    assert (len(lines), lines[-1]) == (12, "  and 15 more")
