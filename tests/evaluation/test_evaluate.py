from __future__ import annotations

import json
import random as randoms
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.errors import DatasetError, EquimeError, MetricError
from equime_hub.evaluation import log as logs
from equime_hub.evaluation.evaluate import Evaluation, evaluate
from equime_hub.evaluation.log import PredictionLog
from equime_hub.metrics.report import NAMES
from equime_hub.metrics.scores import bootstrap, uar, uf1
from equime_hub.reports.evaluation_tables import as_json, tables

MEGC = ("negative", "positive", "surprise")


def log(
    who: str,
    true: str,
    said: str,
    *,
    classes: Sequence[str] | None = None,
    folds: Sequence[str] | None = None,
    datasets: Sequence[str | None] | str | None = None,
    seeds: Sequence[int] | int = 0,
    clips: Sequence[str] | None = None,
) -> PredictionLog:
    """A letter a row; the fold is the person unless given."""
    names = clips or [str(number) for number in range(len(who))]
    columns = {
        "clip_id": names, "subject_id": who, "dataset": datasets, "fold": list(folds or who),
        "seed": seeds, "reference": true, "prediction": said,
    }  # fmt: skip
    return logs.of(columns, classes)


def composite(counts: dict[str, list[list[int]]], people: int = 4) -> PredictionLog:
    """A log with these confusions, dealt out to a few people of each dataset."""
    rows = [
        (name, f"s{number % people}", MEGC[true], MEGC[said])
        for name, table in counts.items()
        for number, (true, said) in enumerate(
            (i, j) for i, line in enumerate(table) for j, n in enumerate(line) for _ in range(n)
        )
    ]
    datasets, subjects, true, said = zip(*rows, strict=True)
    folds = [f"{name}/{who}" for name, who in zip(datasets, subjects, strict=True)]
    clips = [str(number) for number in range(len(rows))]
    columns = {
        "clip_id": clips, "subject_id": subjects, "dataset": datasets, "fold": folds,
        "reference": true, "prediction": said,
    }  # fmt: skip
    return logs.of(columns, MEGC)


def means(found: Evaluation, name: str = "all") -> dict[str, float]:
    return {score: each.mean for score, each in found.part(name).scores.items()}


HAND = log("aaaabbcc", "nnnpnpnn", "nnppppnn")
"""Three folds of classes n and p; the last has one class only."""


def test_pooled_and_fold_averaged_by_hand() -> None:
    found = evaluate(HAND, "loso", fold_averaged=True)
    # Pooled, n: TP 2 + 0 + 2, FN 1 + 1 + 0, FP 0. p: TP 1 + 1, FN 0, FP 1 + 1.
    pooled = means(found)
    assert pooled["uf1"] == pytest.approx((8 / 10 + 4 / 6) / 2)
    assert pooled["uar"] == pytest.approx((4 / 6 + 2 / 2) / 2)
    assert pooled["accuracy"] == 6 / 8
    assert pooled["weighted_f1"] == pytest.approx((6 * 8 / 10 + 2 * 4 / 6) / 8)
    # Fold a, n: TP 2, FN 1, F1 4/5; p: TP 1, FP 1, F1 2/3. Fold b, n: FN 1, F1 0; p: TP 1, FP 1,
    # F1 2/3. Fold c has n alone: F1 1.
    assert found.fold_averaged is not None
    (averaged,) = found.fold_averaged
    assert averaged.folds == 3
    mean = {name: each.mean for name, each in averaged.scores.items()}
    assert mean["uf1"] == pytest.approx(((4 / 5 + 2 / 3) / 2 + (0 + 2 / 3) / 2 + 1) / 3)
    assert mean["uar"] == pytest.approx(((2 / 3 + 1) / 2 + (0 + 1) / 2 + 1) / 3)
    assert mean["accuracy"] == pytest.approx((3 / 4 + 1 / 2 + 1) / 3)
    assert abs(pooled["uf1"] - mean["uf1"]) > 0.04 and abs(pooled["uar"] - mean["uar"]) > 0.05
    # Always n, fold by fold: F1 of n is 6/7, 2/3 and 1, of p 0, 0 and absent.
    always = averaged.baselines["constant"]
    assert always.uf1 == pytest.approx((6 / 7 / 2 + 2 / 3 / 2 + 1) / 3)
    assert always.uar == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)


def test_fold_averaged_only_if_asked_and_by_name() -> None:
    assert evaluate(HAND).fold_averaged is None
    assert "old-averaged" not in str(tables(evaluate(HAND)))
    asked = evaluate(HAND, fold_averaged=True)
    titles = [table.title for table in tables(asked)]
    assert titles[:2] == ["Pooled scores", "Fold-averaged scores, not comparable with pooled ones"]
    plain = as_json(asked)
    assert plain["aggregation"] == "pooled"
    assert [each["aggregation"] for each in plain["fold_averaged"]] == ["fold-averaged"]
    assert as_json(evaluate(HAND))["fold_averaged"] is None


def test_always_negative_on_megc2019_is_named() -> None:
    labels = {"casme2": (88, 32, 25), "smic": (70, 51, 43), "samm": (92, 26, 15)}
    found = evaluate(composite({k: [[n, 0, 0] for n in v] for k, v in labels.items()}), "loso")
    whole = found.part()
    assert whole.clips == 442
    assert round(whole.scores["accuracy"].mean, 4) == 0.5656
    assert whole.report.constant_prediction == "negative"
    assert whole.classes_predicted == {0: 1}
    assert whole.report.baselines["constant"] == whole.by_seed[0]
    (scores, *_) = tables(found)
    assert "all: a constant predictor, it always says 'negative'." in scores.notes
    assert scores.rows[0][-1] == "1 of 3"


def test_published_log_gives_the_published_scores() -> None:
    """Counts of CapsuleNet's public log of MEGC 2019 (435 of the 442 clips), and its UF1, UAR."""
    log_of_capsulenet = composite(
        {
            "casme2": [[70, 16, 2], [8, 24, 0], [6, 5, 14]],
            "smic": [[35, 12, 19], [14, 31, 6], [12, 3, 25]],
            "samm": [[87, 2, 3], [11, 10, 5], [7, 1, 7]],
        }
    )
    found = evaluate(log_of_capsulenet, "loso", level=None)
    published = {
        "all": (0.6520, 0.6506),
        "smic": (0.5820, 0.5877),
        "casme2": (0.7068, 0.7018),
        "samm": (0.6209, 0.5989),
    }
    assert {part.name for part in found.parts} == set(published)
    for name, scores in published.items():
        part = means(found, name)
        assert (part["uf1"], part["uar"]) == pytest.approx(scores, abs=1e-4)


def test_datasets_share_the_classes_of_the_composite() -> None:
    found = evaluate(
        composite({"x": [[2, 0, 0], [0, 2, 0], [0, 0, 0]], "y": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]})
    )
    part = found.part("x")
    assert part.scores["uf1"].mean == pytest.approx(2 / 3)
    assert part.scores["macro_f1"].mean == part.scores["uar"].mean == 1
    assert any(note.startswith("x: surprise has neither") for note in tables(found)[0].notes)
    assert [each.name for each in evaluate(HAND).parts] == ["all"]
    datasets = evaluate(composite({"x": [[2, 0, 0]], "y": [[2, 0, 0]]}), by_dataset=False)
    assert [each.name for each in datasets.parts] == ["all"]


def test_seeds_are_scored_one_by_one() -> None:
    true, said = "nnpp" * 3, "nnpp" + "npnp" + "nnnn"
    found = evaluate(
        log("abab" * 3, true, said, seeds=[7] * 4 + [1] * 4 + [4] * 4, clips=list("wxyz") * 3)
    )
    scores = {seed: uf1(list("nnpp"), list(part)) for seed, part in
              {7: "nnpp", 1: "npnp", 4: "nnnn"}.items()}  # fmt: skip
    part = found.part()
    assert found.seeds == (1, 4, 7)
    assert (part.clips, part.subjects) == (4, 2)
    assert {seed: row.uf1 for seed, row in part.by_seed.items()} == pytest.approx(scores)
    estimate = part.scores["uf1"]
    assert estimate.mean == pytest.approx(fmean(scores.values()))
    assert estimate.sd == pytest.approx(stdev(scores.values()))
    assert part.classes_predicted == {1: 2, 4: 1, 7: 2}
    assert part.constant_seeds == (4,)
    notes = tables(found)[0].notes
    assert "all: a constant predictor with the seeds 4." in notes
    assert any("sample standard deviation over 3 seeds" in note for note in notes)
    assert evaluate(HAND).part().scores["uf1"].sd is None


def test_seeds_must_have_tested_the_same_clips() -> None:
    short = log("aab", "nnp", "nnp", seeds=[0, 1, 1], clips=["x", "x", "y"])
    with pytest.raises(DatasetError, match="'y' has a prediction with the seed 1 and none with 0"):
        evaluate(short)


def random_log(seeds: int, people: int = 12) -> tuple[PredictionLog, list[npt.NDArray[Any]]]:
    random = np.random.default_rng(5)
    who = random.integers(0, people, 90)
    true = random.integers(0, 3, 90)
    said = [
        np.where(random.random(90) < 0.5, true, random.integers(0, 3, 90)) for _ in range(seeds)
    ]
    names = [f"s{number:02d}" for number in who]
    columns = {
        "clip_id": [str(number) for number in range(90)] * seeds,
        "subject_id": names * seeds,
        "dataset": "x",
        "fold": names * seeds,
        "seed": np.repeat(range(seeds), 90),
        "reference": np.tile(true, seeds),
        "prediction": np.concatenate(said),
    }
    return logs.of(columns, MEGC), [true, *said, np.array([f"x/{name}" for name in names])]


def test_intervals_are_those_of_the_metric() -> None:
    found, (true, said, who) = random_log(1)
    part = evaluate(found, "loso", level=0.9, draws=200, seed=3).part()
    expected = bootstrap(
        true, said, who.tolist(), ("uf1", "uar"), labels=[0, 1, 2], draws=200, level=0.9, seed=3
    )
    for name, interval in expected.items():
        score = part.scores[name]
        assert (score.mean, score.low, score.high) == (
            interval.score, interval.low, interval.high
        )  # fmt: skip


def test_interval_of_a_mean_over_seeds_draws_the_same_people_for_all() -> None:
    found, (true, first, second, who) = random_log(2)
    score = evaluate(found, draws=50, seed=1).part().scores["uar"]
    random = np.random.Generator(np.random.PCG64(1))
    names = np.unique(who)
    drawn = []
    for picks in random.integers(0, len(names), (50, len(names))):
        rows = np.concatenate([np.flatnonzero(who == names[pick]) for pick in picks])
        drawn.append(fmean(uar(true[rows], said[rows]) for said in (first, second)))
    assert (score.low, score.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_no_interval_of_one_person_or_if_not_asked() -> None:
    assert evaluate(log("aaa", "nnp", "npp")).part().scores["uf1"].low is None
    assert evaluate(HAND, level=None).part().scores["uf1"].low is None
    with pytest.raises(MetricError, match="level must lie"):
        evaluate(HAND, level=2)
    with pytest.raises(MetricError, match="draws must be"):
        evaluate(HAND, draws=0)


rows = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30
)


@given(rows, st.randoms(use_true_random=False), st.permutations("vwxyz"))
def test_pooled_scores_ignore_row_order_and_names_of_folds(
    made: list[tuple[int, int, int]], random: randoms.Random, names: list[str]
) -> None:
    def scored(order: list[int], folds: Sequence[str]) -> Evaluation:
        people, true, said = zip(*(made[number] for number in order), strict=True)
        return evaluate(
            logs.of(
                {
                    "clip_id": [str(number) for number in order],
                    "subject_id": ["abcde"[person] for person in people],
                    "fold": [folds[person] for person in people],
                    "reference": true,
                    "prediction": said,
                },
                MEGC,
            ),
            "loso",
            draws=20,
        )

    order = list(range(len(made)))
    plain = scored(order, "abcde")
    random.shuffle(order)
    assert scored(order, names).parts == plain.parts
    _, true, said = zip(*made, strict=True)
    expected = uf1(list(true), list(said), [0, 1, 2])
    assert plain.part().scores["uf1"].mean == pytest.approx(expected)


def test_tests_of_their_own_are_not_summed() -> None:
    parts = ["test_A"] * 3 + ["test_B"] * 2
    made = log("abcde", "nnpnp", "nnppp", folds=parts, datasets="dfme", clips="vwxyz")
    found = evaluate(made, "dfme")
    assert [(part.name, part.kind, part.clips) for part in found.parts] == [
        ("test_A", "test", 3),
        ("test_B", "test", 2),
    ]
    assert found.part("test_A").scores["uf1"].mean == 1
    assert found.part("test_B").scores["accuracy"].mean == 1 / 2
    with pytest.raises(KeyError):
        found.part()
    assert tables(found)[0].title == "Scores"


def test_a_test_of_its_own_needs_every_seed() -> None:
    made = log("aa", "nn", "nn", folds="xy", datasets="samm", seeds=[0, 1], clips="vv")
    with pytest.raises(DatasetError, match="fold 'x' has no predictions with the seed 1"):
        evaluate(made, "train-test")


def test_protocol_is_held_against_the_folds() -> None:
    with pytest.raises(DatasetError, match="this protocol tests one person a fold"):
        evaluate(log("ab", "np", "np", folds="ff"), "loso")
    assert evaluate(log("ab", "np", "np", folds="ff")).protocol is None


def test_leaky_selection_is_refused_or_written_everywhere() -> None:
    with pytest.raises(EquimeError, match="say leaky"):
        evaluate(HAND, selected="best-on-test")
    found = evaluate(HAND, selected="best-on-test", leaky=True, fold_averaged=True)
    assert found.leaky and found.selection == "best-on-test (leaky)"
    for table in tables(found)[:2]:
        assert "leaky" in table.title
    plain = as_json(found)
    assert plain["leaky"] is True and "leaky" in plain["selection"]
    # What a manifest stores is understood.
    assert evaluate(HAND, selected=found.selection, leaky=True) == evaluate(
        HAND, selected="best-on-test", leaky=True
    )
    clean = evaluate(HAND, selected="last", leaky=True)
    assert not clean.leaky and "leaky" not in str(tables(clean))


def test_confidence_is_of_the_rows_that_have_it() -> None:
    columns = {
        "clip_id": "wxyz", "subject_id": "abab", "reference": "nnpp", "prediction": "npnp",
        "probabilities": [[1, 0], [0.25, 0.75], None, [0.75, 0.25]],
    }  # fmt: skip
    made = logs.of(columns, ("n", "p"))
    found = evaluate(made)
    part = found.part()
    assert part.probable == 3
    assert part.report.mean_confidence == pytest.approx(2.5 / 3)
    # Right with 1; wrong with 0.75, twice, in one bin.
    assert part.report.expected_calibration_error == pytest.approx(2 / 3 * 0.75)
    assert found.unlikely == 1
    notes = tables(found)[0].notes
    assert any("1 predictions have no probabilities" in note for note in notes)
    assert "1 predictions are not the class of their largest probability." in notes


def test_json_is_plain_and_complete() -> None:
    found = evaluate(HAND, fold_averaged=True)
    plain = json.loads(json.dumps(as_json(found)))
    (part,) = plain["parts"]
    assert set(part["scores"]) == set(NAMES)
    assert set(part["baselines"]) == {"constant", "prior", "chance"}
    assert part["confusion"] == [[4, 2], [0, 2]]
    assert plain["interval"] == {"level": 0.95, "draws": 1000, "resampled": "subjects"}


def test_tables_are_rectangular() -> None:
    for found in (evaluate(HAND, fold_averaged=True), evaluate(random_log(3)[0])):
        for table in tables(found):
            assert {len(row) for row in table.rows} == {len(table.header)}
