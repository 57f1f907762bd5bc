from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from equime_hub.cli import main
from equime_hub.commands.score import attack as command
from equime_hub.evaluation import log as logs
from equime_hub.models import attacks as attacks
from equime_hub.models import saved as saved_model
from equime_hub.robustness import degradations as degrade
from equime_hub.training.fit import run as running
from equime_hub.training.fit.plan import training_plan
from tests.support import tiny_classifier as tiny_model
from tests.support import trained

QUICK = ("--attack", "fgsm", "--epsilon", "4", "--degrade", "static", "--draws", "20")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["attack", *map(str, arguments)])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.save(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def folds(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two folds whose models are kept."""
    out = tmp_path_factory.mktemp("runs") / "folds"
    config = trained.config(built, folds=2, epochs=1, selection="last", patience=None)
    running.run(training_plan(config), running.Work(out, cpu=True, keep_models=True))
    return out


def test_options_name_what_there_is() -> None:
    assert attacks.KINDS == command.KINDS
    (option,) = (each for each in command.attack.params if each.name == "degrade")
    said = str(getattr(option, "show_default", ""))
    assert tuple(map(degrade.Degradation.parsed, said.split(","))) == degrade.DEFAULT


def test_a_saved_model_on_a_dataset(model: Path, built: Path) -> None:
    done = run(
        model, "--data", built, "--split", "train", "--attack", "fgsm,pgd", "--epsilon", "1,16",
        "--steps", "2", "--degrade", "static,jpeg:10", "--draws", "20", "--markdown", "t.md",
        "--figure", "f.png",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert Path("t.md").read_text(encoding="utf-8") == done.stdout
    with Image.open("f.png") as figure:
        assert figure.width == 2100
    rows = [line.split("|")[1].strip() for line in done.stdout.splitlines() if line.startswith("|")]
    assert rows[2:9] == [
        "clean", "FGSM, ε = 1", "FGSM, ε = 16", "PGD-2, ε = 1", "PGD-2, ε = 16",
        "static: the first frame repeated", "JPEG, quality 10",
    ]  # fmt: skip
    assert "grey levels of 255" in done.stdout and "- Clean clips give UF1" in done.stdout
    assert "7 conditions" in done.stderr


def test_a_run_is_tested_on_what_each_fold_did_not_see(folds: Path, built: Path) -> None:
    done = run(folds, *QUICK, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    log = logs.read(folds)
    assert (found["clips"], found["folds"]) == (len(log), 2)
    # What was predicted at the end of training is what is predicted here for clean clips.
    names, table = list(log.classes), log.table
    confusion = [[0] * len(names) for _ in names]
    for reference, prediction in zip(
        table["reference"].to_pylist(), table["prediction"].to_pylist(), strict=True
    ):
        confusion[names.index(reference)][names.index(prediction)] += 1
    clean, attacked, static = found["conditions"]
    assert clean["confusion"] == confusion
    assert attacked["loss"] > clean["loss"]
    assert attacked["done"] == {"kind": "fgsm", "epsilon": 4.0, "steps": 10, "step": None}
    # A static clip is no difference at all, and so always the same class.
    assert sum(any(column) for column in zip(*static["confusion"], strict=True)) <= 2


def test_models_of_folds_take_other_data_one_by_one(folds: Path, built: Path) -> None:
    done = run(folds, "--data", built, *QUICK)
    assert done.exit_code == 1 and "has 2 models" in done.stderr
    one = next(folds.glob("folds/*/*/model"))
    done = run(one, "--data", built, "--split", "train", *QUICK, "--json")
    assert done.exit_code == 0, done.output
    notes = json.loads(done.stdout)["notes"]
    assert any("clips show people whom the model has learnt from" in note for note in notes)


def test_a_run_with_a_label_map_is_attacked_in_its_own_classes(built: Path, model: Path) -> None:
    saved = saved_model.load(str(model), "cpu")
    saved.model.config.id2label = dict(enumerate(["I", "II", "III", "IV", "V"]))
    saved.model.save_pretrained("model")
    saved.processor.save_pretrained("model")
    done = run("model", "--data", built, *QUICK)
    assert done.exit_code == 1 and "--label-map with one of megc3" in done.stderr
    done = run("model", "--data", built, "--label-map", "objective_7", *QUICK)
    assert done.exit_code == 1 and "No clip of" in done.stderr and "classes I, II" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["MODEL"], 1, "--data"),
        (["nowhere"], 1, "no run of `equime train`"),
        (["MODEL", "--split", "test"], 2, "--data"),
        (["MODEL", "--epsilon", "0"], 2, "positive"),
        (["MODEL", "--epsilon", "a"], 2, "--epsilon"),
        (["MODEL", "--attack", "cw"], 2, "fgsm, pgd"),
        (["MODEL", "--degrade", "blur:2"], 2, "jpeg"),
        (["MODEL", "--attack", "none", "--degrade", "none"], 2, "Nothing is left"),
        (["MODEL", "--figure", "f.jpg"], 2, ".png"),
        (["MODEL", "--data", "nowhere/at/all"], 1, "nowhere"),
    ],
)
def test_wrong_calls_are_sentences(arguments: list[str], code: int, said: str, model: Path) -> None:
    done = run(*(str(model) if each == "MODEL" else each for each in arguments))
    assert done.exit_code == code and said in done.stderr and "Traceback" not in done.output
