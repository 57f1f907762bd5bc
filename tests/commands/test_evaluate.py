from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from equime_hub.cli import main
from equime_hub.commands.score import evaluate as command
from equime_hub.evaluation import log as logs
from equime_hub.evaluation import manifest, protocols, selection
from tests.support import tiny_classifier as tiny_model

MEGC = ("negative", "positive", "surprise")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


@pytest.fixture
def log() -> Path:
    """Two datasets of two people each; a log as people write them."""
    path = Path("log.parquet")
    logs.write(
        logs.of(
            {
                "clip_id": [
                    f"{name}/{number}" for name in ("casme2", "samm") for number in range(6)
                ],
                "subject_id": ["s1", "s1", "s1", "s2", "s2", "s2"] * 2,
                "dataset": ["casme2"] * 6 + ["samm"] * 6,
                "fold": [
                    f"{d}/{s}" for d in ("casme2", "samm") for s in ("s1", "s2") for _ in "abc"
                ],
                "reference": [0, 0, 1, 0, 2, 2, 0, 0, 0, 1, 1, 0],
                "prediction": [0, 1, 1, 0, 2, 0, 0, 0, 1, 1, 0, 2],
            },
            MEGC,
        ),
        path,
    )
    return path


def test_options_name_what_there_is() -> None:
    assert tuple(protocols.PROTOCOLS) == command.PROTOCOLS
    assert command.SELECTIONS == selection.RULES


def test_prints_scores_and_writes_the_same_tables(log: Path) -> None:
    done = run(
        log, "--protocol", "loso", "--fold-averaged", "--draws", "50", "--markdown", "t.md",
        "--latex", "t.tex", "--figure", "c.png",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert Path("t.md").read_text(encoding="utf-8") == done.stdout
    # Pooled: negative TP 4 FP 2 FN 3, positive TP 2 FP 2 FN 1, surprise TP 1 FP 1 FN 1.
    uf1 = (8 / 13 + 4 / 7 + 2 / 4) / 3
    line = next(line for line in done.stdout.splitlines() if line.startswith("| all  "))
    assert f"{uf1:.4f} [" in line and " 3 of 3 |" in line
    for word in ("| all: always negative", "| samm ", "| casme2 ", "Fold-averaged scores, not"):
        assert word in done.stdout
    latex = Path("t.tex").read_text(encoding="utf-8")
    assert latex.count(r"\toprule") == done.stdout.count("## ") == latex.count(r"\bottomrule")
    assert f"{uf1:.4f}" in latex
    with Image.open("c.png") as image:
        assert min(image.size) > 500
    assert "Written: c.png" in done.stderr


def test_json_is_alone_on_stdout(log: Path) -> None:
    done = run(log, "--json", "--interval", "0", "--by", "none")
    plain = json.loads(done.stdout)
    assert [part["name"] for part in plain["parts"]] == ["all"]
    assert plain["interval"] is None and plain["fold_averaged"] is None
    assert plain["parts"][0]["scores"]["accuracy"]["mean"] == pytest.approx(7 / 12)


def test_run_folder_states_protocol_and_selection(log: Path) -> None:
    Path("run").mkdir()
    logs.write(logs.read(log), Path("run"))
    manifest.write(manifest.Manifest(protocol="loso", selection="inner-validation"), Path("run"))
    plain = json.loads(run("run", "--json").stdout)
    assert (plain["protocol"], plain["selection"]) == ("loso", "inner-validation")
    other = json.loads(run("run", "--json", "--protocol", "k-fold").stdout)
    assert other["protocol"] == "k-fold"
    refused = run("run", "--protocol", "lodo")
    assert refused.exit_code == 1
    assert "the dataset 'casme2' is tested in the fold 'casme2/s1'" in refused.stderr


def test_leaky_run_needs_the_word_and_keeps_it(log: Path) -> None:
    Path("run").mkdir()
    logs.write(logs.read(log), Path("run"))
    stored = selection.stored_name("best-on-test")
    manifest.write(manifest.Manifest(selection=stored), Path("run"))
    refused = run("run", "--markdown", "t.md")
    assert refused.exit_code == 1
    assert "--leaky" in refused.stderr
    assert not Path("t.md").exists()
    done = run("run", "--leaky", "--latex", "t.tex")
    assert done.exit_code == 0, done.output
    assert "leaky" in done.stdout and "leaky" in done.stderr
    assert "leaky" in Path("t.tex").read_text(encoding="utf-8")


def test_csv_of_others() -> None:
    Path("theirs.csv").write_text(
        "video,who,label,out\na,s1,0,0\na,s2,1,1\nb,s2,1,0\n", encoding="utf-8"
    )
    call = (
        "theirs.csv", "--column", "clip_id=video", "--column", "subject_id=who",
        "--column", "reference=label", "--column", "prediction=out", "--classes", "neg, pos",
        "--dataset", "mine", "--json",
    )  # fmt: skip
    refused = run(*call)
    assert refused.exit_code == 1
    assert "--clips-by-subject" in refused.stderr
    done = run(*call, "--clips-by-subject", "--export", "ours.parquet")
    assert done.exit_code == 0, done.output
    (part,) = json.loads(done.stdout)["parts"]
    assert part["confusion"] == [[1, 0], [1, 1]]
    ours = logs.read(Path("ours.parquet"))
    assert ours.table["clip_id"].to_pylist() == ["mine/s1/a", "mine/s2/a", "mine/s2/b"]


def test_megc_form_in_and_out(log: Path) -> None:
    assert run(log, "--export", "log.txt").exit_code == 0
    assert Path("log.txt").read_text(encoding="utf-8").startswith("casme2 s1\ncasme2/0 0 0\n")
    ours, theirs = (json.loads(run(path, "--json").stdout) for path in (log, "log.txt"))
    assert theirs["parts"] == ours["parts"]
    swapped = json.loads(run("log.txt", "--prediction-first", "--json").stdout)
    scores, other = (each["parts"][0]["scores"] for each in (ours, swapped))
    # The reason why the order matters: only UAR tells.
    assert scores["uf1"]["mean"] == pytest.approx(other["uf1"]["mean"])
    assert scores["uar"]["mean"] != pytest.approx(other["uar"]["mean"])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--column", "label"), "OURS=THEIRS"),
        (("--figure", "c.jpg"), "does not end in .png"),
        (("--export", "c.xlsx"), "does not end in .parquet"),
        (("--protocol", "losso"), "'losso'"),
        (("--interval", "1"), "--interval"),
        (("--column", "reference=label"), "--column is for the form csv, and log.parquet is read"),
        (("--prediction-first",), "--prediction-first is for the form megc"),
        (("--split", "train"), "--split is for a saved model; say --data too"),
        (("--data", "equime", "--classes", "a,b"), "--classes is for a prediction log; leave it"),
    ],
)
def test_wrong_calls(log: Path, arguments: tuple[str, ...], word: str) -> None:
    done = run(log, *arguments)
    assert done.exit_code == 2
    assert word in done.stderr


def test_refused_export_writes_nothing(log: Path) -> None:
    found = logs.read(log)
    logs.write(logs.checked(found.table.set_column(3, "fold", [["f"] * 12]), MEGC), log)
    done = run(log, "--export", "log.txt", "--markdown", "t.md")
    assert done.exit_code == 1 and not done.stdout
    assert "one person a fold" in done.stderr
    assert {path.name for path in Path().iterdir()} == {"log.parquet"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.save(tmp_path_factory.mktemp("saved") / "videomae")


def test_saved_model_goes_the_way_of_its_log(model: Path, dataset: Path) -> None:
    done = run(
        model, "--data", dataset, "--split", "train", "--device", "cpu", "--draws", "20",
        "--save-log", "log.parquet", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    plain = json.loads(done.stdout)
    assert plain["classes"] == [*tiny_model.FIVE]
    assert plain["remarks"] == [f"Predicted by {model} on {dataset}, split train."]
    again = run("log.parquet", "--draws", "20", "--json", "--protocol", "train-test")
    assert json.loads(again.stdout)["parts"][0]["scores"] == plain["parts"][0]["scores"]
    assert len(logs.read(Path("log.parquet"))) == plain["parts"][0]["clips"] > 7
    assert "predict: 100%" in done.stderr


def test_saved_model_keeps_its_log_and_writes_its_remarks(model: Path, dataset: Path) -> None:
    call = (model, "--data", dataset, "--batch-size", "3", "--save-log", "log.csv")
    refused = run(*call, "--protocol", "dfme")
    assert refused.exit_code == 1 and "dfme tests test_A" in refused.stderr
    assert len(logs.from_csv(Path("log.csv"))) == 5  # what took long is not lost
    done = run(*call, "--markdown", "t.md", "--latex", "t.tex")
    assert done.exit_code == 0, done.output
    for file in ("t.md", "t.tex"):
        assert "split test" in Path(file).read_text(encoding="utf-8")


def test_saved_model_that_cannot_be_used(model: Path, dataset: Path) -> None:
    bare = run(model)
    assert bare.exit_code == 2 and "is a saved model; name the dataset" in bare.stderr
    for call, said in {
        ("nowhere",): "nowhere cannot be loaded as a video classifier",
        (model, "--split", "tset"): "tset",
        (model, "--device", "toaster"): "cannot run on the device 'toaster'",
    }.items():
        refused = run(*call, "--data", dataset, "--save-log", "log.parquet")
        assert refused.exit_code == 1 and said in refused.stderr and not refused.stdout
    assert not Path("log.parquet").exists()


def test_what_is_no_log() -> None:
    done = run("nothing")
    assert done.exit_code == 2 and "'nothing'" in done.stderr
    Path("model").mkdir()
    done = run("model")
    assert done.exit_code == 1
    assert "There is no model/predictions.parquet; a prediction log is" in done.stderr
