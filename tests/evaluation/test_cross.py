from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equime_hub.errors import DatasetError, EquimeError
from equime_hub.evaluation import evaluate as evaluation
from equime_hub.evaluation import log, manifest
from equime_hub.evaluation.cross import cross
from equime_hub.evaluation.cross import runs as cross_runs
from equime_hub.evaluation.cross.runs import Run
from equime_hub.evaluation.manifest import Manifest
from equime_hub.metrics import scores
from equime_hub.metrics.spread import consistency
from equime_hub.reports import cross_tables
from equime_hub.schema.taxonomy import EMOTIONS_3

# EquiME's supplement, Tables 1 and 2: half of SAMM's 113 clips of three classes.
HALF = (36, 13, 8)


def run(
    model: str = "m",
    train: str = "mie_x",
    test: str = "samm",
    *,
    counts: Sequence[int] = HALF,
    said: Sequence[int] | None = None,
    seed: int = 0,
    **more: Any,
) -> Run:
    """A run; `said` is what it predicts, one class for all clips or one a clip."""
    references = np.repeat(np.arange(len(counts)), counts)
    guesses = np.random.default_rng([seed, len(train)]).integers(0, 3, len(references))
    predictions = guesses if said is None else np.resize(said, len(references))
    classes = more.pop("classes", EMOTIONS_3)
    columns = {
        "clip_id": [f"{test}/{n}" for n in range(len(references))],
        "subject_id": more.pop("subjects", [f"s{n % 7}" for n in range(len(references))]),
        "dataset": test,
        "fold": more.pop("folds", test),
        "seed": seed,
        "reference": references,
        "prediction": predictions,
        "probabilities": more.pop("probabilities", None),
    }
    found = log.of(columns, classes)
    made = Run(Path(f"{model}-{train}-{test}"), found, model, tuple(train.split("+")), (test,))
    return replace(made, **{"protocol": "train-test", **more})


def test_published_rows_are_constant_predictors() -> None:
    """Ours → SAMM of ST-CNN and Simple3DCNN, and MiE-X → SAMM: F1, accuracy and macro F1."""
    found = cross.compare(
        [run("3dcnn", "equime", said=[0]), run("3dcnn", "mie_x", said=[1])], level=None
    )
    (matrix,) = found.matrices
    ours, mie_x = matrix.cells
    printed = {"weighted_f1": 0.489, "accuracy": 0.63, "uf1": 0.258}
    assert {n: round(ours.scores[n].mean, len(str(v)) - 2) for n, v in printed.items()} == printed
    assert (ours.constant, cross_tables.remark(ours)) == ("negative", "always negative")
    printed = {"weighted_f1": 0.085, "accuracy": 0.23, "uf1": 0.124}
    assert {n: round(mie_x.scores[n].mean, len(str(v)) - 2) for n, v in printed.items()} == printed
    assert cross_tables.remark(mie_x) == "always positive"
    (test,) = matrix.tests
    assert test.constant_class == "negative" and tuple(test.references.values()) == HALF
    assert test.baselines["constant"].uf1 == ours.scores["uf1"].mean
    # MobileNet's row is not one: nothing constant has weighted F1 .538 and macro F1 .325 there.
    always = [test.baselines["constant"].weighted_f1, mie_x.scores["weighted_f1"].mean]
    assert all(abs(value - 0.538) > 0.04 for value in always)


def test_published_row_of_casme2() -> None:
    (matrix,) = cross.compare(
        [run(train="equime", test="casme2", counts=(99, 32, 25), said=[0])], level=None
    ).matrices
    cell = matrix.cells[0]
    assert round(cell.scores["weighted_f1"].mean, 3) == 0.493
    assert round(cell.scores["accuracy"].mean, 2) == 0.63


def test_cells_are_those_of_evaluate() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), sum(HALF))
    one = run(said=probabilities.argmax(1).tolist(), probabilities=probabilities)
    (matrix,) = cross.compare([one], draws=50).matrices
    (cell,) = matrix.cells
    part = evaluation.evaluate(one.log, level=None).part()
    assert {n: e.mean for n, e in cell.scores.items()} == {
        n: e.mean for n, e in part.scores.items()
    }
    assert cell.mean_confidence is not None
    assert cell.mean_confidence.mean == pytest.approx(float(probabilities.max(1).mean()))
    assert cell.calibration_error == part.report.expected_calibration_error
    for estimate in (*cell.scores.values(), cell.mean_confidence):
        assert estimate.low is not None and estimate.high is not None
        assert estimate.low < estimate.mean < estimate.high
    assert matrix.steadiness == {}


def test_interval_is_that_of_the_bootstrap() -> None:
    one = run()
    (matrix,) = cross.compare([one], draws=400).matrices
    found = scores.bootstrap(
        *(one.log.table[name].to_pylist() for name in ("reference", "prediction", "subject_id")),
        labels=EMOTIONS_3,
        draws=4000,
    )["uf1"]
    low, high = matrix.cells[0].scores["uf1"].low, matrix.cells[0].scores["uf1"].high
    assert low == pytest.approx(found.low, abs=0.03) and high == pytest.approx(found.high, abs=0.03)


def test_missing_cells_and_the_order_of_rows() -> None:
    (matrix,) = cross.compare(
        [run("b"), run("a"), run("b", "equime"), run("a", "equime", "casme2")], level=None
    ).matrices
    assert matrix.rows() == [("b", "mie_x"), ("b", "equime"), ("a", "mie_x"), ("a", "equime")]
    assert matrix.cell("b", "mie_x", "casme2") is None
    samm, casme2, *_ = cross_tables.tables(cross.Cross(None, 0, (matrix,)))
    assert [row[-1] for row in samm.rows] == ["", "", "", "missing", "", "", ""]
    assert [row[-1] for row in casme2.rows] == ["missing"] * 3 + [""] * 4


def test_consistency_is_the_metric_with_intervals() -> None:
    trains = ["mie_x", "casme2", "equime"]
    runs = [run(m, t, said=None if t != "equime" else [0]) for m in "ab" for t in trains]
    runs += [run("a", "samm", folds=[f"s{n % 7}" for n in range(57)], protocol="loso")]
    (matrix,) = cross.compare(runs, draws=60).matrices
    steady = matrix.steadiness["uf1"]
    cells = [cell for cell in matrix.cells if not cell.within]
    expected = consistency(
        [c.scores["uf1"].mean for c in cells],
        [c.train for c in cells],
        [c.condition for c in cells],
    )
    assert steady.sd.mean == expected.sd
    assert steady.sd.low is not None and steady.sd.high is not None
    assert 0 <= steady.sd.low <= steady.sd.high
    assert "samm" not in steady.training_sets
    constant = steady.training_sets["equime"]
    assert constant.spread.sd == 0 and (constant.low, constant.high) == (0, 0)
    assert constant.spread.above_constant == 0
    assert set(steady.conditions) == {"a → samm", "b → samm"}


def test_one_training_set_is_left_out_of_consistency() -> None:
    (matrix,) = cross.compare([run("a"), run("a", "casme2"), run("b")], level=None).matrices
    assert matrix.steadiness["uar"].left_out == ("b → samm",)


def test_people_of_all_cells_are_drawn_alike() -> None:
    # The same predictions of two models: in every draw the same score, so no spread.
    (matrix,) = cross.compare(
        [run("a", "x", said=[0, 1, 2]), run("a", "y", said=[0, 1, 2])]
    ).matrices
    steady = matrix.steadiness["uf1"].conditions["a → samm"]
    assert (steady.spread.sd, steady.low, steady.high) == (0, 0, 0)


def test_seeds_of_one_cell_are_averaged() -> None:
    runs = [run(seed=seed) for seed in range(3)]
    (cell,) = cross.compare(runs, level=None).matrices[0].cells
    each = [cross.compare([one], level=None).matrices[0].cells[0].scores["uf1"] for one in runs]
    assert cell.seeds == (0, 1, 2)
    assert cell.scores["uf1"].mean == pytest.approx(float(np.mean([e.mean for e in each])))
    assert cell.scores["uf1"].sd == pytest.approx(float(np.std([e.mean for e in each], ddof=1)))
    some = cross.compare([run(seed=0, said=[0]), run(seed=1)], level=None).matrices[0].cells[0]
    assert cross_tables.remark(some) == "constant with 1 of 2 seeds"


def test_three_and_five_classes_are_two_matrices() -> None:
    five = ("happiness", "sadness", "surprise", "disgust", "anger")
    other = run(counts=(10, 10, 10, 10, 17), said=[0, 1], classes=five)
    found = cross.compare([other, run(), run("b")], level=None)
    assert [len(matrix.classes) for matrix in found.matrices] == [3, 5]
    assert found.shared() == [("m", "mie_x", "samm")]
    last = cross_tables.tables(found)[-1]
    assert last.title == "Sets of classes" and [row[1] for row in last.rows] == [
        "3 classes", "5 classes",
    ]  # fmt: skip


def test_sets_of_as_many_classes_are_told_apart() -> None:
    others = ("anger", "fear", "surprise")
    found = cross.compare([run(), run(classes=others)], level=None)
    titles = [table.title for table in cross_tables.tables(found)]
    assert titles[:2] == [
        "Tested on samm, 3 classes (anger, fear, surprise)",
        "Tested on samm, 3 classes (negative, positive, surprise)",
    ]


def test_the_order_of_training_sets_is_of_no_matter() -> None:
    runs = [run(train="casme2+mie_x"), run(train="mie_x+casme2", seed=1)]
    (cell,) = cross.compare(runs, level=None).matrices[0].cells
    assert (cell.train, cell.seeds) == ("casme2 + mie_x", (0, 1))


def test_dfme_has_a_column_a_test() -> None:
    folds = ["test_A" if n % 7 < 4 else "test_B" for n in range(57)]
    dfme = run(train="dfme", test="dfme", folds=folds, protocol="dfme")
    (matrix,) = cross.compare([dfme], level=None).matrices
    assert [test.name for test in matrix.tests] == ["dfme test_A", "dfme test_B"]
    assert all(cell.within for cell in matrix.cells)
    assert cross_tables.remark(matrix.cells[0]) == "dfme"


def test_lodo_trains_on_the_others() -> None:
    lodo = run(train="casme2+samm+smic", protocol="lodo")
    (cell,) = cross.compare([lodo], level=None).matrices[0].cells
    assert (cell.train, cell.within) == ("casme2 + smic", False)


FIVE_PEOPLE = [f"s{n % 5}" for n in range(57)]


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        ([], "There is no run to compare"),
        ([run(train="samm", protocol="lodo")], "left out samm and was trained on nothing else"),
        ([run(train="samm")], "was trained on samm and tests it, with the protocol train-test"),
        ([run(train="samm", protocol=None)], "with the protocol unknown; only loso, k-fold"),
        ([run(protocol="loso")], "this protocol tests one person a fold"),
        ([run(), run()], "predictions of one setting with the seed 0"),
        ([run(), run(seed=1, protocol=None)], "has the protocol train-test, and"),
        ([run(), run("b", subjects=FIVE_PEOPLE)], "(57 clips of 7 people) and in"),
        ([run(), run("b", counts=(35, 14, 8))], "The test set samm is not the same in"),
        ([run(test="samm", folds="x"), replace(run("b"), test=("smic",))], "is said to test smic"),
    ],
)
def test_refusals(runs: list[Run], sentence: str) -> None:
    with pytest.raises(DatasetError) as error:
        cross.compare(runs, level=None)
    assert sentence in str(error.value)


def test_leaky_runs_need_the_word_and_keep_it() -> None:
    leaky = run(selection="best-on-test (leaky)")
    with pytest.raises(EquimeError, match="--leaky"):
        cross.compare([leaky], level=None)
    found = cross.compare([leaky, run("b")], leaky=True, level=None)
    assert found.leaky and cross_tables.as_json(found)["leaky"]
    table = cross_tables.tables(found)[0]
    assert "leaky" in table.title and [row[-1] for row in table.rows[:2]] == ["leaky", ""]


def written(folder: str, made: Run, **stated: Any) -> Path:
    path = Path(folder)
    path.mkdir(parents=True)
    log.write(made.log, path)
    manifest.write(Manifest(**stated), path)
    return path


STATED = {"model": "m", "train_sets": ("mie_x", "smic"), "protocol": "train-test"}


def test_runs_of_folders_and_lists() -> None:
    written("runs/a", run(), **STATED, classes=EMOTIONS_3, selection="last")
    log.write(run("b").log, Path("b.parquet"))
    Path("cross.yaml").write_text(
        "- {log: runs/a, train: smic + mie_x}\n"
        "- {model: b, train: [casme2], test: samm, log: b.parquet, protocol: train-test}\n"
    )
    Path("cross.csv").write_text(
        "model,train,test,log\n,,,runs/a\nb,casme2,,b.parquet\n", encoding="utf-8"
    )
    listed = [list(cross_runs.read([Path(name)])) for name in ("cross.yaml", "cross.csv")]
    for first, second in listed:
        assert (first.model, set(first.train)) == ("m", {"mie_x", "smic"})
        assert (first.protocol, first.selection) == ("train-test", "last")
        assert (second.model, second.train) == ("b", ("casme2",))
        assert first.log.equals(run().log)
    (alone,) = cross_runs.read([Path("runs/a")])
    (beside,) = cross_runs.read([Path("runs/a/predictions.parquet")])
    assert alone.model == beside.model == "m"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must hold a list of runs"),
        ("log: a", "must hold a list of runs"),
        ("- a", "must hold a list of runs"),
        ("- {log: [", "cannot be read as a list of runs"),
        ("- {log: runs/a, modell: m}", "Row has no field modell"),
        ("- {model: m}", "log: Field required"),
        ("- {log: b.parquet, train: x}", "does not say which model it is"),
        ("- {log: b.parquet, model: x}", "does not say what it was trained on"),
        ("- {log: runs/a, train: casme2}", "says train casme2 of runs/a, and its manifest mie_x"),
        ("- {log: runs/a, model: b}", "says model b of runs/a, and its manifest m;"),
        ("- {log: gone, model: m, train: x}", "There is no gone"),
    ],
)
def test_lists_that_are_none(text: str, sentence: str) -> None:
    written("runs/a", run(), **STATED)
    log.write(run("b").log, Path("b.parquet"))
    Path("cross.yaml").write_text(text)
    with pytest.raises(DatasetError) as error:
        list(cross_runs.read([Path("cross.yaml")]))
    assert sentence in str(error.value)
