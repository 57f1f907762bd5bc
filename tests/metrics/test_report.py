from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from equime_hub import seeds
from equime_hub.errors import MetricError
from equime_hub.metrics.report import from_counts, report

MEGC2019 = ["negative"] * 250 + ["positive"] * 109 + ["surprise"] * 83


def test_always_negative_on_megc2019_is_named() -> None:
    found = report(MEGC2019, ["negative"] * 442)
    assert found.constant_prediction == found.constant_class == "negative"
    assert found.classes_predicted == 1
    assert int(found.model.accuracy * 1000) == 565
    assert found.model.uf1 == pytest.approx(2 * 250 / (2 * 250 + 192) / 3)
    assert found.model.uar == pytest.approx(1 / 3)
    assert found.baselines["constant"] == found.model
    assert "it always says 'negative'" in found.to_markdown()
    # One right clip of another class, and it is constant no longer.
    other = report(MEGC2019, ["negative"] * 441 + ["surprise"])
    assert other.constant_prediction is None
    assert other.classes_predicted == 2
    assert "always says" not in other.to_markdown()


@pytest.mark.parametrize(
    ("clips", "right", "accuracy", "weighted", "macro"),
    [
        # EquiME supplement, Tables 1 and 2; the paper cuts off or rounds to two or three digits.
        (57, 36, 0.63, 0.489, 0.258),  # 3DCNN on SAMM
        (156, 99, 0.63, 0.493, None),  # 3DCNN on CASME II
        (57, 13, 0.23, 0.085, 0.124),  # 3DCNN trained on MiE-X, on SAMM
    ],
)
def test_published_scores_are_those_of_constant_predictors(
    clips: int, right: int, accuracy: float, weighted: float, macro: float | None
) -> None:
    counts = np.zeros((3, 3), int)
    counts[:, 0] = right, (clips - right) // 2, clips - right - (clips - right) // 2
    found = from_counts(counts, ["said", "b", "c"])
    assert found.constant_prediction == "said"
    assert found.model.accuracy == pytest.approx(accuracy, abs=0.005)
    assert found.model.weighted_f1 == pytest.approx(weighted, abs=0.001)
    if macro is not None:
        assert found.model.macro_f1 == pytest.approx(macro, abs=0.0005)


def test_baselines_by_hand() -> None:
    found = report([0, 0, 0, 1], [0, 1, 0, 1])
    constant, prior, chance = (found.baselines[n] for n in ("constant", "prior", "chance"))
    assert constant.accuracy == 3 / 4
    assert constant.uf1 == pytest.approx((6 / 7 + 0) / 2)
    assert constant.weighted_f1 == pytest.approx(3 / 4 * 6 / 7)
    # Guessing with the shares p: recall and F1 of each class are p.
    assert prior.accuracy == prior.weighted_f1 == pytest.approx(9 / 16 + 1 / 16)
    assert prior.uf1 == prior.uar == pytest.approx(1 / 2)
    # Guessing evenly: TP are 1.5 and 0.5 of 2 guesses each.
    assert chance.accuracy == chance.uar == pytest.approx(1 / 2)
    assert chance.uf1 == pytest.approx((3 / 5 + 1 / 3) / 2)
    assert found.constant_class == 0


def test_baselines_are_what_guessing_gives_on_average() -> None:
    rng = seeds.generator("guessing")
    true = np.repeat([0, 1, 2], [40_000, 15_000, 5_000])
    found = report(true, true)
    for name, shares in {"prior": [8 / 12, 3 / 12, 1 / 12], "chance": [1 / 3] * 3}.items():
        guessed = report(true, rng.choice(3, true.size, p=shares)).model
        for score in ("uf1", "uar", "accuracy", "weighted_f1"):
            expected = getattr(found.baselines[name], score)
            assert getattr(guessed, score) == pytest.approx(expected, abs=0.01)


def test_no_constant_predictor_beats_the_named_one() -> None:
    rng = seeds.generator("constants")
    for _ in range(50):
        true = rng.integers(0, 5, 30)
        found = report(true, true, range(5))
        for said in range(5):
            row = report(true, np.full(30, said), range(5)).model
            for score in ("uf1", "uar", "accuracy", "weighted_f1"):
                assert getattr(row, score) <= getattr(found.baselines["constant"], score) + 1e-12


def test_agrees_with_scikit_learn() -> None:
    rng = seeds.generator("report against scikit-learn")
    for _ in range(200):
        classes, clips = int(rng.integers(1, 8)), int(rng.integers(1, 40))
        true = rng.integers(0, classes, clips)
        said = np.where(rng.random(clips) < 0.5, true, rng.integers(0, classes, clips))
        found = report(true, said, range(classes))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of classes that do not occur
            assert found.model.macro_f1 == pytest.approx(f1_score(true, said, average="macro"))
            assert found.model.accuracy == pytest.approx(accuracy_score(true, said))
            table = precision_recall_fscore_support(
                true, said, labels=range(classes), zero_division=np.nan
            )
        for row, precision, recall, f1, support in zip(found.classes, *table, strict=True):
            assert row.references == support
            assert row.precision == (None if np.isnan(precision) else pytest.approx(precision))
            assert row.recall == (None if np.isnan(recall) else pytest.approx(recall))
            assert row.f1 == pytest.approx(0 if np.isnan(f1) else f1)


def test_absent_classes() -> None:
    found = report([0, 1], [0, 1], labels=[0, 1, 2])
    assert found.model.uf1 == pytest.approx(2 / 3)
    assert found.model.macro_f1 == 1
    assert found.classes[2].precision is None
    assert found.classes[2].recall is None
    assert found.baselines["chance"].accuracy == pytest.approx(1 / 3)
    alone = report([0, 0], [0, 9])
    assert alone.model.uf1 == pytest.approx(1 / 3)
    assert alone.classes[1].recall is None


def test_one_class() -> None:
    found = report(["a", "a"], ["a", "a"])
    assert found.model.uf1 == found.model.uar == 1
    assert found.baselines["constant"] == found.model
    assert found.constant_prediction == "a"


def test_probabilities() -> None:
    rows = [[0.6, 0.4, 0.0], [0.1, 0.9, 0.0], [0.5, 0.5, 0.0]]
    found = report(["x", "y", "y"], labels=["x", "y", "z"], probabilities=rows)
    assert found.confusion == ((1, 0, 0), (1, 1, 0), (0, 0, 0))
    assert found.model.uf1 == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert found.mean_confidence == pytest.approx(2 / 3)
    assert found.expected_calibration_error == pytest.approx((0.4 + 0.1 + 0.5) / 3)


def test_sums_of_folds_and_json() -> None:
    true, said = seeds.generator("folds").integers(0, 3, (2, 60))
    whole = report(true, said, range(3))
    folds = [report(true[i::4], said[i::4], range(3)) for i in range(4)]
    assert from_counts(np.sum([fold.confusion for fold in folds], axis=0), range(3)) == whole
    found = json.loads(json.dumps(whole.to_dict()))
    assert found["uf1"] == whole.model.uf1
    assert found["baselines"]["prior"]["uar"] == pytest.approx(1 / 3)
    assert found["classes_predicted"] == 3


def test_markdown() -> None:
    lines = report(["a", "a", "b"], ["a", "a", "a"]).to_markdown().splitlines()
    assert lines[0] == "|  | uf1 | uar | accuracy | weighted_f1 | macro_f1 |"
    assert lines[2] == "| model | 0.4000 | 0.5000 | 0.6667 | 0.5333 | 0.4000 |"
    assert [line.split(" | ")[0] for line in lines[3:6]] == ["| prior", "| chance", "| constant: a"]
    assert lines[-3] == "| b | 1 | 0 | – | 0.0000 | 0.0000 |"


def test_refusals() -> None:
    with pytest.raises(MetricError, match="either predictions or probabilities"):
        report([0])
    with pytest.raises(MetricError, match="either predictions or probabilities"):
        report([0], [0], probabilities=[[1.0]])
    with pytest.raises(MetricError, match="2 references and 1 predictions"):
        report([0, 1], [0])
    with pytest.raises(MetricError, match="no references and no predictions"):
        report([], [])
    with pytest.raises(MetricError, match=r"3 probabilities a clip and 2 labels"):
        report([0], labels=[0, 1], probabilities=[[0.2, 0.3, 0.5]])
    for counts in ([[1, 0]], [[0, 0], [0, 0]], [[1, 0], [0, -1]]):
        with pytest.raises(MetricError, match="A confusion matrix of 2 classes"):
            from_counts(np.array(counts), [0, 1])
