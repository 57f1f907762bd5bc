from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equime_hub.commands.score.score_options import SCORES
from equime_hub.evaluation import log, manifest
from equime_hub.evaluation.manifest import Manifest
from equime_hub.metrics.report import NAMES
from equime_hub.schema.taxonomy import EMOTION_PRESETS, EMOTIONS_3
from tests.commands.test_cli import equime


def write(model: str, train: str, test: str, classes: tuple[str, ...] = EMOTIONS_3,
          constant: bool = False, **stated: str) -> Path:  # fmt: skip
    """A run's folder; 30 clips of 6 people."""
    rng = np.random.default_rng(len(model) + 10 * len(train))
    sure = rng.dirichlet(np.ones(len(classes)), 30)
    if constant:
        sure = np.sort(sure)[:, ::-1]
    folder = Path("runs", f"{model}-{train}-{test}-{len(classes)}")
    folder.mkdir(parents=True)
    found = log.of(
        {
            "clip_id": [f"{test}/{n}" for n in range(30)],
            "subject_id": [f"s{n % 6}" for n in range(30)],
            "dataset": test,
            "fold": test,
            "reference": [n % len(classes) * (n % 2) for n in range(30)],
            "prediction": sure.argmax(axis=1),
            "probabilities": sure,
        },
        classes,
    )
    log.write(found, folder)
    names = {"protocol": "train-test", "selection": "last", **stated}
    manifest.write(Manifest(model=model, train_sets=(train,), test_sets=(test,), **names), folder)  # type: ignore[arg-type]
    return folder


def test_scores_are_those_there_are() -> None:
    assert set(SCORES) == set(NAMES)


def test_tables_and_figures_of_a_matrix() -> None:
    runs = [
        write("st_cnn", "casme2", "samm"), write("st_cnn", "equime", "samm", constant=True),
        write("3dcnn", "casme2", "samm"), write("3dcnn", "mie_x", "casme2"),
        write("st_cnn", "equime", "samm", EMOTION_PRESETS["equime-paper"]),
    ]  # fmt: skip
    done = equime(
        "cross-eval", *runs, "--draws", 20, "--markdown", "t.md", "--latex", "t.tex",
        "--figures", "figures",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert Path("t.md").read_text(encoding="utf-8") == done.stdout
    titles = [line[3:] for line in done.stdout.splitlines() if line.startswith("## ")]
    assert titles == [
        "Tested on samm, 3 classes", "Tested on casme2, 3 classes",
        "Consistency of UF1, 3 classes", "Tested on samm, 5 classes", "Sets of classes",
    ]  # fmt: skip
    (line,) = [
        each for each in done.stdout.splitlines()
        if each.startswith("| st_cnn: equime ") and "always negative |" in each and "→" not in each
    ]  # fmt: skip
    assert line.count("[") == 5  # four scores and the confidence, over people
    assert "missing |" in done.stdout and "| chance" in done.stdout and "| prior" in done.stdout
    latex = Path("t.tex").read_text(encoding="utf-8")
    assert latex.count(r"\toprule") == len(titles)
    assert done.stderr.endswith("5 cells, 1 of them constant.\n")
    names = {path.name for path in Path("figures").iterdir()}
    assert names == {
        "heat-map-3-classes.png", "consistency-3-classes.png", "heat-map-5-classes.png",
        "classes.png",
    }  # fmt: skip
    for name in names:
        with Image.open(Path("figures", name)) as image:
            assert min(image.size) > 300


def test_json_is_alone_on_stdout() -> None:
    plain = json.loads(equime("cross-eval", write("m", "casme2", "samm"), "--json").stdout)
    assert plain["interval"] == {"level": 0.95, "draws": 1000, "resampled": "subjects"}
    (matrix,) = plain["matrices"]
    (cell,) = matrix["cells"]
    assert (cell["model"], cell["train"], cell["test"]) == ("m", "casme2", "samm")
    assert set(cell["scores"]) == set(NAMES)
    assert cell["scores"]["uf1"]["low"] <= cell["scores"]["uf1"]["mean"]
    assert 0 <= cell["calibration_error"] <= 1
    assert set(matrix["tests"][0]["baselines"]) == {"constant", "prior", "chance"}


def test_a_list_and_another_form() -> None:
    for train in ("casme2", "mie_x"):
        write("m", train, "samm")
    Path("cross.csv").write_text("log\nruns/m-casme2-samm-3\nruns/m-mie_x-samm-3\n")
    done = equime(
        "cross-eval", "cross.csv", "--score", "uar", "--interval", 0, "--figures", "f",
        "--form", "svg",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "## Consistency of UAR, 3 classes" in done.stdout and "bootstrap" not in done.stdout
    assert {path.suffix for path in Path("f").iterdir()} == {".svg"}


def test_leaky_runs_need_the_word() -> None:
    folder = write("m", "casme2", "samm", selection="best-on-test (leaky)")
    refused = equime("cross-eval", folder, "--markdown", "t.md")
    assert refused.exit_code == 1 and "--leaky" in refused.stderr
    assert not Path("t.md").exists()
    done = equime(
        "cross-eval", folder, "--leaky", "--latex", "t.tex", "--figures", "f", "--form", "svg"
    )
    assert "<!-- leaky -->" in Path("f/heat-map-3-classes.svg").read_text(encoding="utf-8")
    assert done.exit_code == 0 and "leaky" in done.stdout and "leaky" in done.stderr
    assert "leaky" in Path("t.tex").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "'RUN...'"),
        (("gone",), 2, "'gone'"),
        (("empty",), 1, "equime: empty does not say which model it is; write it into run.json"),
        (("empty", "--score", "f1"), 2, "'f1'"),
    ],
)
def test_wrong_calls(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    Path("empty").mkdir()
    result = equime("cross-eval", *arguments)
    assert result.exit_code == code and result.stdout == ""
    assert sentence in result.stderr
