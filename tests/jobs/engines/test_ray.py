"""Real clusters, each in processes of its own: Ray talks TCP, which no test may."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from equime_hub.builder import plan as plans
from equime_hub.errors import EquimeError, MissingDependencyError
from equime_hub.jobs import build as builds
from equime_hub.jobs.engines import ENGINES, Workforce
from equime_hub.jobs.engines.ray import TRIES
from tests.conftest import SMALL, sums, tiny_plan
from tests.support import wrecks
from tests.support.wrecks import begun, notes, tries, written

CLUSTER = """
import ray
ray.init("local", num_cpus=4, num_gpus=2, include_dashboard=False, log_to_driver=False,
         object_store_memory=100 * 2**20, logging_level="ERROR")
print(ray.get_runtime_context().gcs_address, flush=True)
input()
"""
DRIVER = """
import json
from equime_hub.jobs.engines import Workforce
from equime_hub.jobs.engines.ray import run
from tests.support import wrecks
from tests.support.wrecks import notes
done = []
try:
    for result in run({arguments}):
        done.append(result)
except Exception as error:
    print(json.dumps([sorted(done), type(error).__name__, str(error)]))
else:
    print(json.dumps([sorted(done), "", ""]))
"""


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """For processes that use Ray: a home and a folder for sockets, whose path must be short."""
    folder = tempfile.mkdtemp(prefix="ray-")
    root = str(Path(__file__).parents[3])
    yield {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        "PYTHONPATH": root,
        "HOME": folder,
        "RAY_TMPDIR": folder,
        "RAY_AUTH_MODE": "token",  # kept in the home
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    assert not left_over(folder), "Ray is still running"
    shutil.rmtree(folder, ignore_errors=True)


def left_over(folder: str) -> list[str]:
    """Command lines of the processes of Ray that live in a folder."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_text().replace("\0", " "))
        except OSError:
            continue
    return [line for line in lines if folder in line]


@pytest.fixture(scope="module")
def cluster(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """A running cluster of four CPU slots and two GPUs that exist in its books alone."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER], env=environment, text=True, cwd=environment["HOME"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin and process.stdout
    yield {**environment, "RAY_ADDRESS": process.stdout.readline().strip()}
    process.communicate("\n", timeout=30)


def drive(
    arguments: str, environment: dict[str, str], before: str = ""
) -> tuple[list[Any], str, str]:
    """Results, error and message of `run(...)`, which says nothing else on stdout."""
    done = subprocess.run(
        [sys.executable, "-c", before + DRIVER.format(arguments=arguments)],
        env=environment, stdout=subprocess.PIPE, text=True, timeout=100, check=True,
    )  # fmt: skip
    results, error, said = json.loads(done.stdout)
    return results, error, said


def build(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    call = f"from tests.support import wrecks; wrecks.build(*{arguments!r})"
    return subprocess.run(
        [sys.executable, "-c", call],
        env=environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_without_ray_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    run = ENGINES.get("ray")
    assert list(run(wrecks.start, [], Workforce(2))) == []
    with pytest.raises(MissingDependencyError, match=r'pip install "equime-hub\[ray\]"') as caught:
        list(run(wrecks.start, notes(2), Workforce(2)))
    assert isinstance(caught.value, EquimeError)
    assert isinstance(caught.value, ImportError)


@pytest.mark.slow
def test_ray_makes_the_same_bytes(tmp_path: Path, environment: dict[str, str]) -> None:
    plan = tiny_plan()
    plans.write(plan, tmp_path / "plan.parquet")
    builds.build(plan, tmp_path / "local", SMALL)
    done = build(environment, "plan.parquet", "ray", "ray")
    assert (done.returncode, done.stdout) == (0, f"made {len(plan.specs)}\n"), done.stderr
    assert sums(tmp_path / "ray") == sums(tmp_path / "local")


@pytest.mark.slow
def test_a_worker_killed_in_each_third_costs_nothing(
    tmp_path: Path, cluster: dict[str, str]
) -> None:
    plan = tiny_plan()
    plans.write(plan, tmp_path / "plan.parquet")
    builds.build(plan, tmp_path / "local", SMALL)
    done = build(cluster, "plan.parquet", "ray", "killed_in_each_third")
    assert (done.returncode, done.stdout) == (0, f"made {len(plan.specs)}\n"), done.stderr
    assert len(list(tmp_path.glob("killed-*"))) == 3
    assert sums(tmp_path / "ray") == sums(tmp_path / "local")


@pytest.mark.slow
def test_a_part_that_always_fails_is_named_and_a_later_run_makes_it(
    tmp_path: Path, cluster: dict[str, str]
) -> None:
    plan = tiny_plan()
    plans.write(plan, tmp_path / "plan.parquet")
    builds.build(plan, tmp_path / "local", SMALL)
    failed = build(cluster, "plan.parquet", "ray", "poisoned")
    assert failed.returncode == 1
    assert "BuildError: 1 part of the dataset could not be made" in failed.stderr
    assert "train-0000000.parquet: ValueError: poison" in failed.stderr
    (tmp_path / "mended").touch()
    done = build(cluster, "plan.parquet", "ray", "poisoned")
    assert (done.returncode, done.stdout) == (0, "made 8\n"), done.stderr
    assert sums(tmp_path / "ray") == sums(tmp_path / "local")


@pytest.mark.slow
def test_failures_are_tried_again_in_fresh_workers_and_then_given_up(
    cluster: dict[str, str],
) -> None:
    results, error, said = drive(
        "wrecks.start, notes(6, n0='poison', n1='die', n2='face'), Workforce(2)", cluster
    )
    assert error == "BuildError"
    assert results == written() == ["n3", "n4", "n5"]
    assert said.startswith("3 parts of the dataset could not be made")
    assert "n0: ValueError: poison" in said
    assert "n1: its worker died in the last of 3 tries" in said
    assert "n2: anna_01.jpg is gone; put it back." in said
    assert [len(set(tries(name))) for name in ("n0", "n1", "n2")] == [3, 3, 1]
    assert [len(tries(name)) for name in ("n0", "n1", "n2", "n3")] == [3, 3, 1, 1]


@pytest.mark.slow
def test_lanes_overlap_and_are_no_more_than_asked_for(cluster: dict[str, str]) -> None:
    results, error, said = drive("wrecks.in_pairs, notes(6), Workforce(1, lanes=2)", cluster)
    assert (error, said) == ("", "")
    assert max(at_once for at_once, _ in results) == 2
    assert len({process for _, process in results}) == 1


@pytest.mark.slow
def test_few_tasks_are_spread_over_the_workers(cluster: dict[str, str]) -> None:
    waiting = ", ".join(f"n{i}='4: '" for i in range(4))
    _, error, said = drive(f"wrecks.start, notes(4, {waiting}), Workforce(2, lanes=4)", cluster)
    assert (error, said) == ("", "")
    workers = [*tries("n0"), *tries("n1"), *tries("n2"), *tries("n3")]
    assert sorted(workers.count(worker) for worker in set(workers)) == [2, 2]


@pytest.mark.slow
@pytest.mark.parametrize("poison", ["2: die", "2: poison"])
def test_a_neighbour_of_one_that_kills_its_worker_is_made(
    poison: str, cluster: dict[str, str]
) -> None:
    results, error, said = drive(
        f"wrecks.start, notes(2, n0='{poison}', n1='slow'), Workforce(1, lanes=2)", cluster
    )
    assert error == "BuildError"
    assert said.startswith("1 part of the dataset could not be made")
    assert results == written() == ["n1"]
    assert (len(tries("n0")), len(tries("n1"))) == (3, 2)
    assert tries("n0")[0] == tries("n1")[0], "they never were together"
    assert len({*tries("n0"), *tries("n1")}) == 3, "a death is replaced by one worker"


@pytest.mark.slow
def test_many_deaths_in_company_cost_nobody_else(cluster: dict[str, str]) -> None:
    wrecked = "n0='2: die', n3='poison', n5='die', n8='face', n1='nap', n2='nap', n4='slow'"
    results, error, said = drive(
        f"wrecks.start, notes(12, {wrecked}), Workforce(2, lanes=3)", cluster
    )
    assert error == "BuildError"
    assert said.startswith("4 parts of the dataset could not be made")
    assert results == written() == ["n1", "n10", "n11", "n2", "n4", "n6", "n7", "n9"]
    # A part that goes with a neighbour may not have begun yet; the other tries are its own.
    assert {len(tries(name)) for name in ("n0", "n3", "n5")} <= {TRIES - 1, TRIES}
    assert len(tries("n8")) == 1
    assert all(len(tries(name)) <= 2 for name in results)


@pytest.mark.slow
def test_a_full_disk_stops_the_run(cluster: dict[str, str]) -> None:
    _, error, said = drive("wrecks.start, notes(40, n0='disk'), Workforce(1)", cluster)
    assert error == "OSError"
    assert "No space left" in said
    assert len(tries("n0")) == 1
    assert written() == []
    _, error, _ = drive(
        "wrecks.start, notes(40, n0='2: disk', n1='hang'), Workforce(1, lanes=2)", cluster
    )
    assert error == "OSError"
    assert written() == []


@pytest.mark.slow
def test_work_that_cannot_start_ends_the_run(cluster: dict[str, str]) -> None:
    assert drive("wrecks.never_starts, notes(3), Workforce(2)", cluster) == (
        [],
        "ValueError",
        "no weights",
    )
    _, error, said = drive("wrecks.dies_at_start, notes(3), Workforce(2)", cluster)
    assert error == "BuildError"
    assert "3 workers in a row died as they started" in said


@pytest.mark.slow
def test_each_worker_has_a_gpu_of_its_own(cluster: dict[str, str]) -> None:
    results, error, said = drive(
        "wrecks.WhichGpu(), notes(8), Workforce(2, lanes=2, gpu=True)", cluster
    )
    assert (error, said) == ("", "")
    found = {(gpu, torch, later) for gpu, torch, later, _ in results}
    assert found == {("0", False, "0"), ("1", False, "1")}
    assert len({process for *_, process in results}) == 2


@pytest.mark.slow
def test_more_workers_than_the_cluster_holds_are_refused(cluster: dict[str, str]) -> None:
    for arguments, room in (("5", "has 4 CPU slots"), ("3, gpu=True", "has 2 GPUs")):
        _, error, said = drive(f"wrecks.start, notes(9), Workforce({arguments})", cluster)
        assert error == "BuildError"
        assert room in said


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_a_sentence(environment: dict[str, str]) -> None:
    nowhere = {**environment, "RAY_ADDRESS": "127.0.0.1:1"}
    _, error, said = drive("wrecks.start, notes(2), Workforce(2)", nowhere)
    assert error == "BuildError"
    assert "Ray cannot be used at 127.0.0.1:1" in said
    assert "--address or RAY_ADDRESS" in said


@pytest.mark.slow
def test_ray_that_is_connected_is_used_as_it_is(cluster: dict[str, str]) -> None:
    before = "import ray; ray.init(logging_level='ERROR', log_to_driver=False)"
    results, error, said = drive("wrecks.start, notes(2), Workforce()", cluster, before)
    assert (results, error, said) == (["n0", "n1"], "", "")
    force = "Workforce(address='first:6379')"
    _, error, said = drive(f"wrecks.start, notes(2), {force}", cluster, before)
    assert error == "BuildError"
    assert "connected already, got the address 'first:6379'" in said


@pytest.mark.slow
def test_the_address_asked_for_goes_before_that_of_the_environment(cluster: dict[str, str]) -> None:
    nowhere = {**cluster, "RAY_ADDRESS": "127.0.0.1:1"}
    force = f"Workforce(address='{cluster['RAY_ADDRESS']}')"
    results, error, said = drive(f"wrecks.start, notes(2), {force}", nowhere)
    assert (results, error, said) == (["n0", "n1"], "", "")


@pytest.mark.slow
@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_finishes_what_is_running_and_leaves_no_ray_behind(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    slow = ", ".join(f"n{i}='4: slow'" for i in range(9))
    code = DRIVER.format(arguments=f"wrecks.start, notes(9, {slow}), Workforce(2, 2)")
    # A terminal sends Ctrl-C to the whole group.
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not Path("tried").exists() or len(begun()) < 4:
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=30) == -signal.SIGINT
    assert written() == ["n0", "n1", "n2", "n3"]
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
