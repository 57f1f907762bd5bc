from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from equime_hub.cli import main
from equime_hub.evaluation import manifest, protocols, selection
from equime_hub.training.fit import recipes
from tests.support import trained

SMALL = [
    *(f"--model-option={name}={json.dumps(value)}" for name, value in trained.MODEL.items()),
    *(f"--input-option={name}={json.dumps(value)}" for name, value in trained.INPUTS.items()),
    "--preset=small-cpu", "--batch-size=8", "--cpu",
]  # fmt: skip


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


def test_options_name_what_there_is() -> None:
    said = " ".join(run("--help").output.split())
    for names in (recipes.PRESETS, protocols.PROTOCOLS, selection.RULES):
        assert f"[{'|'.join(names)}]" in said.replace("| ", "|")
    for each in fields(recipes.TrainConfig):
        option = each.name.replace("_", "-")
        assert f"--{option} " in said or f"--{option.removesuffix('s')} " in said


def test_trains_tests_and_draws(built: Path) -> None:
    done = run("--data", built, *SMALL, "--epochs", "2", "--out", "run")
    assert done.exit_code == 0, done.output
    assert "## Scores" in done.stdout and "all: chance" in done.stdout
    assert "Prepared clips are kept in run/cache: about" in done.stderr
    assert "Written: run, and the model in run/model" in done.stderr
    assert {path.name for path in Path("run").iterdir()} == {
        "train.json", "run.json", "rows.parquet", "predictions.parquet", "history.csv",
        "curves.png", "model", "folds",
    }  # fmt: skip
    with Image.open("run/curves.png") as image:
        assert image.size[0] > 1000
    for command in (["lint", "run"], ["evaluate", "run", "--interval", "0"]):
        assert CliRunner().invoke(main, command).exit_code == 0
    again = run("--data", built, *SMALL, "--epochs", "2", "--out", "run")
    assert again.exit_code == 0 and again.stdout == done.stdout


def test_json_is_alone_on_stdout(built: Path) -> None:
    done = run(
        "--data", built, *SMALL, "--epochs", "1", "--selection", "last", "--protocol", "k-fold",
        "--folds", "2", "--seed", "3", "--cache", "none", "--out", "run", "--json",
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["seeds"] == [3] and found["protocol"] == "k-fold" and found["model"] is None
    assert found["lint_errors"] == [] and found["parts"][0]["clips"] == 40
    assert set(found["epochs"].values()) == {1}


def test_dry_run_says_everything_and_writes_nothing(built: Path) -> None:
    options: tuple[str | Path, ...] = (
        "--data", built, *SMALL, "--protocol", "k-fold", "--folds", "4", "--seed", "0",
        "--seed", "1", "--dry-run",
    )  # fmt: skip
    done = run(*options)
    assert done.exit_code == 0, done.output
    assert "40 clips of 8 people: happiness, sadness" in done.stdout
    epochs = recipes.PRESETS["small-cpu"].epochs
    assert f"8 trainings (seeds: 0, 1) of at most {epochs} epochs" in done.stdout
    assert "parameters, 4 frames a clip" in done.stdout
    plain = json.loads(run(*options, "--json").stdout)
    assert len(plain["trainings"]) == 4 and plain["parameters"] > 100
    assert sum(sum(t["clips"] for t in each["test"].values()) for each in plain["trainings"]) == 40
    assert not list(Path().iterdir())


def test_leaky_results_say_so(built: Path) -> None:
    done = run(
        "--data", built, *SMALL, "--epochs", "2", "--selection", "best-on-test", "--leaky",
        "--out", "run",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "leaky" in done.stdout and "leaky" in done.stderr
    assert manifest.read(Path("run")).selection == "best-on-test (leaky)"
    assert "on the test itself (best-on-test (leaky))" in Path("run/model/README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--out", "run"], "nothing to train on; name a dataset with --data"),
        (["--data", "nowhere/at/all", "--out", "run"], "is no folder, and no repository"),
        (["--data", "DATA"], "Name the folder of the run with --out."),
        (["--data", "DATA", "--out", "run", "--model", "resnet"], "no model 'resnet'"),
        (["--data", "DATA", "--out", "run", "--selection", "best-on-test"], "say leaky"),
        (["--data", "DATA", "--out", "run", "--model-option", "frames"], "is not KEY=VALUE"),
        (["--data", "DATA", "--out", "run", "--test-only", "samm"], "test_only names samm"),
        (["--data", "DATA", "--out", "run", "--classes", "joy,anger"], "joy"),
        (["--data", "DATA", "--out", "run", "--learning-rate", "-1"], "learning_rate is -1"),
        (["--data", "DATA", "--out", "run", "--adversarial", "0"], "adversarial is 0.0"),
        (["--data", "DATA", "--out", "run", "--cpu", "--precision", "fp16"], "fp16 needs a GPU"),
        (["--data", "DATA", "--out", "run", "--protocol", "dfme"], "needs the part of every row"),
        (["--data", "DATA", "--patience", "3", "--no-patience"], "--patience or --no-patience"),
    ],
)
def test_wrong_calls_are_one_sentence_and_write_nothing(
    built: Path, arguments: list[str], sentence: str
) -> None:
    done = run(*(str(built) if text == "DATA" else text for text in arguments))
    assert done.exit_code in (1, 2)
    assert sentence in done.stderr and "Traceback" not in done.stderr
    assert not list(Path().iterdir())


def test_help_has_examples() -> None:
    done = run("--help")
    assert done.exit_code == 0
    for words in ("equime train --data equime", "accelerate launch", "--protocol loso", "--init"):
        assert words in done.stdout
