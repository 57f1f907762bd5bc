"""`equime measure`, and the options of `equime build` that measure."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from equime_hub.builder import plan as plans
from equime_hub.cli import main
from tests.conftest import sums, tiny_plan
from tests.support import forks


@pytest.fixture(autouse=True)
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))


def equime(*arguments: str | int | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_dataset_is_measured_and_the_build_is_content(dataset: Path) -> None:
    done = equime("measure", dataset, "--gates", "static", "--workers", 1, "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["clips"] == report["measured"] == 40
    assert sum(report["after"].values()) == 40
    for tool in ("brisque", "clip_iqa"):
        assert done.stderr.count(f"{tool} is not measured.") == 1
    labels = pq.read_table(next(dataset.glob("metadata/train*")), columns=["psnr", "brisque"])
    assert (labels["psnr"].null_count, labels["brisque"].null_count) == (0, len(labels))
    checked = equime("verify", dataset)
    assert checked.exit_code == 0, checked.output
    plans.write(tiny_plan(), Path("plan.parquet"))
    built = equime("build", "plan.parquet", "--out", dataset, "--workers", 1, "--shard-size", 500)
    assert "shard_bytes" in built.stderr  # the fixture is built with the smallest
    again = equime("measure", dataset, "--workers", 1)
    assert "40 clips (0 measured now, 0 shards replaced)" in again.stdout


def test_build_then_measure_then_build() -> None:
    plans.write(tiny_plan(2), Path("plan.parquet"))
    built = equime(
        "build",
        "plan.parquet",
        "--measure",
        "none",
        "--workers",
        1,
        "--gates",
        "first-frame-differs",
    )
    assert built.exit_code == 0, built.output
    measured = equime("measure", "equime", "--what", "motion", "--gates", "all", "--workers", 1)
    assert measured.exit_code == 0, measured.output
    assert "The gate 'low quality' let 10 clips pass unmeasured." in measured.stderr
    before = sums(Path("equime"))
    same = ("build", "plan.parquet", "--measure", "none", "--gates", "first-frame-differs")
    assert "10 clips (0 made now" in equime(*same).stdout
    assert sums(Path("equime")) == before
    assert equime("verify", "equime").exit_code == 0
    other = equime("build", "plan.parquet")
    assert other.exit_code == 1
    assert "measures {} there and {'motion'" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("nowhere",), 1, "nowhere holds no dataset"),
        (("equime", "--what", "beauty"), 1, "nothing called 'beauty'"),
        (("equime", "--gates", "blank"), 1, "There is no gate 'blank'"),
        (("equime", "--gates", "nowhere.json"), 1, "nowhere.json cannot be read"),
        (("equime", "--weights", "nowhere"), 2, "'--weights'"),
        (("equime", "--workers", "0"), 2, "'--workers'"),
    ],
)
def test_a_wrong_call_is_a_sentence(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    result = equime("measure", *arguments)
    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert not result.stdout


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_keeps_what_is_measured(dataset: Path) -> None:
    command = "measure", "equime", "--what", "motion", "--refresh", "--workers"
    before = sums(dataset)
    process = forks.Fork("-m", "equime_hub", *command, "2")
    while process.poll() is None and not list(dataset.glob(".measuring/t*.json")):
        time.sleep(0.001)
    os.killpg(process.pid, 2)
    code, told = process.wait(), process.stderr
    assert code == 130, told
    assert "the same command goes on from there" in told
    assert "Traceback" not in told
    after = sums(dataset)
    assert {name: after[name] for name in before} == before
    assert not list(dataset.rglob("*.tmp"))
    assert json.loads(equime(*command, 1, "--json").stdout)["measured"] == 40
    assert equime("verify", dataset).exit_code == 0
