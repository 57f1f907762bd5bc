from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from equime_hub.builder import plan as plans
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.plan import Plan
from equime_hub.cards import dataset_card
from equime_hub.cli import COMMANDS, main
from equime_hub.jobs import build as builds
from equime_hub.jobs.build import BuildConfig
from tests.conftest import WARP, sums
from tests.support import forks


def equime(*arguments: str | int | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("name", [name for group in COMMANDS.values() for name in group])
def test_every_command_has_help_with_an_example_and_is_documented(name: str) -> None:
    result = equime(name, "--help")
    assert result.exit_code == 0
    assert result.output.replace("\n", "").isprintable()
    assert f"equime {name}" in result.output.split("Example", 1)[1]
    readme = Path(__file__).parents[2] / "README.md"
    assert f"equime {name}" in readme.read_text(encoding="utf-8")


def test_commands_are_listed_by_what_they_are_for() -> None:
    shown = equime("--help").output.partition("Options:")[2]
    places = [shown.index(f"\n{title}:\n") for title in COMMANDS]
    assert places == sorted(places)
    for title, group in COMMANDS.items():
        listed, _, _ = shown.partition(f"\n{title}:\n")[2].partition("\n\n")
        assert [line.split()[0] for line in listed.splitlines()] == list(group)


def test_help_is_light() -> None:
    code = (
        "import sys\nfrom equime_hub.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'datasets', 'evaluate', 'transformers', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_commands_work_without_docstrings() -> None:
    """Help texts are docstrings, and `python -OO` keeps none."""
    code = (
        "from click.testing import CliRunner\n"
        "from equime_hub.cli import COMMANDS, main\n"
        "names = [name for group in COMMANDS.values() for name in group]\n"
        "run = CliRunner().invoke\n"
        "print([name for name in names if run(main, [name, '--help']).exit_code])"
    )
    command = [sys.executable, "-OO", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_plan_and_build_and_verify(tmp_path: Path) -> None:
    config = {"width": 64, "height": 64, "num_frames": 16, "fps": 50, "duration_ms": [120, 240]}
    Path("config.json").write_text(json.dumps(config))
    planned = equime("plan", "--people", 2, "--config", "config.json", "--json")
    assert planned.exit_code == 0, planned.output
    report = json.loads(planned.stdout)
    assert report["clips"] == {"train": 10}
    built = equime("build", "plan.parquet", "--out", "equime", "--workers", 1, "--json")
    assert built.exit_code == 0, built.output
    assert json.loads(built.stdout)["made"] == 10
    again = equime("build", "plan.parquet", "--out", "equime", "--workers", 1)
    assert "10 clips (0 made now, 0 rejected)" in again.stdout
    checked = equime("verify", "equime", "--json")
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.stdout) == {"folder": "equime", "ok": True, "findings": []}


def test_an_existing_plan_keeps_its_splits() -> None:
    assert equime("plan", "--people", 10).exit_code == 0
    before = plans.read(Path("plan.parquet")).splits()
    grown = equime("plan", "--people", 25)
    assert "The 10 people of plan.parquet keep their split." in grown.stderr
    after = plans.read(Path("plan.parquet")).splits()
    assert len(after) == 25
    assert {subject: after[subject] for subject in before} == before


def test_people_who_left_a_plan_find_their_split_again() -> None:
    assert equime("plan", "--people", 16).exit_code == 0
    before = plans.read(Path("plan.parquet")).splits()
    assert len({*before.values()}) == 3
    assert equime("plan", "--people", 2).exit_code == 0
    assert equime("plan", "--people", 16).exit_code == 0
    assert plans.read(Path("plan.parquet")).splits() == before


def test_a_refused_demo_leaves_the_plan_that_is_there() -> None:
    Path("equime").mkdir()
    Path("equime/thesis.txt").write_text("years of work")
    Path("equime-plan.parquet").write_text("precious")
    assert equime("demo", "--people", 1).exit_code == 1
    assert Path("equime-plan.parquet").read_text() == "precious"


def test_photographs_may_be_moved_after_planning(tmp_path: Path) -> None:
    source = DrawnFaces(1, 0, 256)
    for face in source.scan().faces:
        (tmp_path / "old").mkdir()
        Image.fromarray(source.pixels(face)).save(tmp_path / "old" / face.source_image)
    options = ("--frames", 24, "--size", 64, "--emotions", "anger")
    assert equime("plan", "--faces", "old", *options).exit_code == 0
    (tmp_path / "old").rename("new")
    lost = equime("build", "plan.parquet", "--out", "out", "--workers", 1)
    assert lost.exit_code == 1
    assert "cannot be read" in lost.stderr
    found = equime("build", "plan.parquet", "--out", "out", "--workers", 1, "--faces", "new")
    assert found.exit_code == 0, found.output


def test_options_override_a_configuration_file() -> None:
    Path("config.json").write_text('{"num_frames": 32, "seed": 3}')
    result = equime(
        "plan", "--people", 1, "--config", "config.json", "--frames", 48,
        "--emotions", "anger, fear",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    config = plans.read(Path("plan.parquet")).config
    assert (config.num_frames, config.seed, config.emotions) == (48, 3, ("anger", "fear"))


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("plan", "--emotions", "joy"), 1, "There is no emotion or preset 'joy'"),
        (("plan", "--frames", "4"), 1, "needs at least 21 frames"),
        (("plan", "--faces", "nowhere"), 2, "'--faces'"),
        (("plan", "--people", "0"), 2, "'--people'"),
        (("build", "plan.parquet", "--backend", "wrap"), 2, "'--backend'"),
        (("build", "nowhere.parquet"), 1, "There is no plan at nowhere.parquet"),
        (("verify", "nowhere"), 1, "nowhere holds no dataset"),
        (("plan", "--aligned"), 2, "are for --faces FOLDER"),
        (("plan", "--emotions", ""), 1, "There is no emotion or preset ''"),
        (("plan", "--fps", "1"), 1, "fps must be at least 4"),
        (("plan", "--out", "/proc/plan.parquet"), 1, "/proc/plan.parquet"),
        (("dance",), 2, "'dance'"),
    ],
)
def test_a_wrong_call_is_a_sentence(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    result = equime(*arguments)
    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert not result.stdout


def test_a_folder_without_images_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/notes.txt").write_text("no image")
    result = equime("demo", "--faces", "photos")
    assert result.exit_code == 1
    assert "photos" in result.stderr
    assert not (tmp_path / "equime").exists()


def test_debug_shows_the_traceback() -> None:
    done = forks.run("-m", "equime_hub", "--debug", "build", "nowhere.parquet")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_verify_names_what_is_damaged(dataset: Path) -> None:
    shard = dataset / "data/test-00000-of-00001.parquet"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    (dataset / "data/extra-00000-of-00001.parquet").write_bytes(b"")
    result = equime("verify", dataset, "--json")
    assert result.exit_code == 1
    findings = {f["file"]: f["problem"] for f in json.loads(result.stdout)["findings"]}
    assert "is damaged" in findings["data/test-00000-of-00001.parquet"]
    assert "is not listed" in findings["data/extra-00000-of-00001.parquet"]
    assert "equime build PLAN" in result.stderr


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_keeps_what_is_finished(plan: Plan, built: Path, tmp_path: Path) -> None:
    plans.write(plan, tmp_path / "plan.parquet")
    command = "build", "plan.parquet", "--out", "out", "--shard-size", "1"
    process = forks.Fork("-m", "equime_hub", *command, "--workers", "2")
    while process.poll() is None and not list(Path("out").glob(".building/*.parquet")):
        time.sleep(0.01)
    os.killpg(process.pid, 2)
    code, told = process.wait(), process.stderr
    assert code == 130, told
    assert "the same command goes on from there" in told
    assert "Traceback" not in told
    assert not list(Path("out").rglob("*.tmp"))
    assert equime(*command, "--workers", 1).exit_code == 0
    reference = BuildConfig(WARP, shard_bytes=1_000_000)
    builds.build(plan, Path("reference"), reference, card=dataset_card.write)
    assert sums(Path("out")) == sums(Path("reference"))


def test_doctor_reports_every_part() -> None:
    result = equime("doctor", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["FFmpeg inside PyAV"]["ok"]
    assert not found['load_dataset("equime")']["ok"], found['load_dataset("equime")']
    assert "equime demo" in found['load_dataset("equime")']["hint"]
    assert "offline" in found["Hub"]["state"]
