from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import equime_hub
from equime_hub.cli import main
from equime_hub.loading_script.real import REAL
from equime_hub.reports.verify import verify
from tests.support import forks
from tests.support.trees import releases as trees
from tests.support.trees import toy


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release of the dataset "toy", which another package adds."""
    toy.install(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return toy.make(tmp_path / "lab")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["import", *map(str, arguments)])


def test_a_folder_becomes_a_dataset(lab: Path, tmp_path: Path) -> None:
    done = run("toy", "--root", lab, "--out", "out", "--workers", 1)
    assert done.exit_code == 0, done.output
    assert done.stdout == "out: 4 clips of Toy (4 read now)\n"
    assert "Do not pass out on" in done.stderr
    assert verify(tmp_path / "out") == []
    again = run("toy", "--root", lab, "--out", "out", "--workers", 1, "--json")
    report = json.loads(again.stdout)
    assert (report["clips"], report["made"], report["problems"]) == (4, 0, [])


def test_options_reach_the_clips(lab: Path, tmp_path: Path) -> None:
    done = run("toy", "--root", lab, "--out", "out", "--workers", 1, "--span", "recording",
               "--normalize-fps", 50)  # fmt: skip
    assert done.exit_code == 0, done.output
    rows = equime_hub.load(tmp_path / "out", config="metadata", split="train")
    assert rows["num_frames"][0] == 5
    assert rows["fps"][0] == 50
    done = run("toy", "--root", lab, "--out", "out", "--workers", 1)
    assert done.exit_code == 1
    assert "another import" in done.stderr


def test_problems_are_said(lab: Path, tmp_path: Path) -> None:
    (lab / "p0/c1/5.png").unlink()
    (lab / "p1/c3/6.png").write_bytes(b"<html>")
    done = run("toy", "--root", lab, "--out", "out", "--workers", 1)
    assert done.exit_code == 0
    assert "3 clips of Toy" in done.stdout
    assert "toy-p0-c1: p0/c1/5.png: The frame is missing" in done.stderr
    assert "toy-p1-c3: p1/c3/6.png: It is no readable image" in done.stderr
    assert "1 clip was left out." in done.stderr
    assert (tmp_path / "out/problems.csv").read_text().count("\n") == 3


def test_a_check_says_what_is_there_and_writes_nothing(tmp_path: Path) -> None:
    trees.make("samm", tmp_path / "samm")
    done = run("samm", "--root", "samm", "--check")
    assert done.exit_code == 1, done.output  # a few clips of 159
    assert "official: 159" in done.stdout
    found = json.loads(run("samm", "--root", "samm", "--check", "--json").stdout)
    assert not found["ok"]
    assert any(line["what"] == "clips" for line in found["lines"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["samm"]


def test_all_names_are_listed() -> None:
    done = run("--list", "--json")
    assert done.exit_code == 0, done.output
    listed = json.loads(done.stdout)
    assert list(listed) == REAL.names()
    assert all(entry["needs"] for entry in listed.values())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "Give NAME and --root"),
        (("toy",), 2, "Give NAME and --root"),
        (("toy", "--root", "lab"), 2, "Give --out"),
        (("sam", "--root", "lab", "--out", "out"), 1, "no real dataset 'sam'"),
        (("toy", "--root", "none", "--out", "out"), 1, "none is no folder"),
        (("toy", "--root", "lab", "--out", "out", "--part", "hs"), 1, "Toy has no parts"),
        (("toy", "--root", "lab", "--out", "out", "--normalize-fps", "0"), 2, "normalize-fps"),
        (("toy", "--root", "lab", "--out", "lab"), 1, "holds files that are no import"),
    ],
)
def test_a_wrong_call_is_a_sentence_and_writes_nothing(
    lab: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = run(*arguments)
    assert done.exit_code == code
    assert message in done.stderr
    assert not (tmp_path / "out").exists()
    assert not (lab / "build.json").exists()


def test_interrupted_it_goes_on(lab: Path, tmp_path: Path) -> None:
    command = (
        "-m", "equime_hub", "import", "toy", "--root", str(lab), "--out", "out", "--workers", "2",
    )  # fmt: skip
    process = forks.Fork(*command, env=forks.environment(tmp_path / "site"))
    for _ in range(600):
        if (tmp_path / "out/build.json").exists() or process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    done = run("toy", "--root", lab, "--out", "out", "--workers", 1)
    assert done.exit_code == 0, done.output
    assert verify(tmp_path / "out") == []
