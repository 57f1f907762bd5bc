from __future__ import annotations

import doctest
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from equime_hub import configs
from equime_hub.errors import DatasetError, EquimeError
from equime_hub.evaluation import evaluate as evaluation
from equime_hub.evaluation import log
from equime_hub.evaluation.ablation import settings as ablations
from equime_hub.evaluation.ablation import table as ablation_table
from equime_hub.evaluation.ablation.settings import ABLATIONS, TrainingRun
from equime_hub.evaluation.ablation.table import holm, signed_rank
from equime_hub.evaluation.log import PredictionLog, joined
from equime_hub.reports import ablation_tables as ablation_words
from equime_hub.reports import cross_tables
from equime_hub.schema.taxonomy import EMOTION_PRESETS, EMOTION_TO_3, EMOTIONS_3


def test_frames_are_those_of_the_paper() -> None:
    found = list(ablations.runs(ABLATIONS["frames"]))
    assert len(found) == 5 * 30
    assert [each.num_frames for each in found[::30]] == [4, 8, 12, 16, None]
    assert {each.seed for each in found} == set(range(30))
    assert {each.classes for each in found} == {EMOTION_PRESETS["basic-7"]}


def test_every_cell_has_a_folder_of_its_own() -> None:
    cells = [run for each in ABLATIONS.values() for run in ablations.runs(each)]
    folders = {ablations.folder(run.ablation, run.setting, run.seed) for run in cells}
    assert len(folders) == len(cells)
    assert not any(" " in str(folder) for folder in folders)


def test_settings_of_an_ablation_differ_in_what_it_asks() -> None:
    fields = {name: name for name in ("people", "vectors", "clips", "intensity", "apex")}
    for name, field in {**fields, "au-sources": "sources"}.items():
        data = [setting.data for setting in ABLATIONS[name].settings]
        assert len({getattr(each, field) for each in data}) == len(data) > 2
    assert [len(each.classes) for each in ABLATIONS["classes"].settings] == [3, 5, 7]
    assert ABLATIONS["classes"].one_plan and not ABLATIONS["people"].one_plan


def test_there_are_enough_clips_to_take_from() -> None:
    for each in ABLATIONS.values():
        for setting in each.settings:
            data = setting.data
            if data is not None and data.people and data.clips:
                assert data.people * len(data.emotions) * data.repeats >= data.clips


def test_a_run_comes_back_from_its_file() -> None:
    run = next(ablations.runs(ABLATIONS["clips"]))
    configs.to_file(run, Path("run", ablations.RUN))
    assert ablations.read(Path("run")) == run
    assert isinstance(run, TrainingRun) and run.plan == "../plan.parquet"
    with pytest.raises(EquimeError, match=r"no ablation 'x'\. Choose one of: frames,"):
        ablations.named("x")


def test_signed_rank_is_scipys() -> None:
    rng = np.random.default_rng(0)
    for n in (2, 5, 6, 12, 30):
        found = rng.normal(0.3, 1, n)
        assert signed_rank(found.tolist()) == pytest.approx(wilcoxon(found, method="exact").pvalue)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_signed_rank_counts_all_signs(values: list[int]) -> None:
    """With ties and zeros too: the share of sign patterns that are as far out."""
    left = np.array([value for value in values if value])
    if not len(left):
        assert signed_rank(values) == 1
        return
    ranks = np.array(
        [(abs(left) < abs(v)).sum() + ((abs(left) == abs(v)).sum() + 1) / 2 for v in left]
    )
    sums = np.array(
        [ranks[np.array(signs)].sum() for signs in product([True, False], repeat=len(left))]
    )
    own = ranks[left > 0].sum()
    expected = min(1.0, 2 * min((sums <= own).mean(), (sums >= own).mean()))
    assert signed_rank([value / 10 for value in values]) == pytest.approx(expected)


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1, 1] and holm([]) == []


BASIC_7 = EMOTION_PRESETS["basic-7"]
TRUE = [BASIC_7[n % 7] for n in range(84)]


def made(
    right: float, seeds: Sequence[int] = range(4), classes: Sequence[str] = BASIC_7
) -> PredictionLog:
    """Predictions that are right with some chance; with three classes, the true one of three."""
    three = tuple(classes) == EMOTIONS_3
    true = [EMOTION_TO_3[name] if three else name for name in TRUE]
    parts = []
    for seed in seeds:
        rng = np.random.default_rng([seed, int(100 * right), len(classes)])
        kept = [n for n, name in enumerate(true) if name in classes]
        said = [
            true[n] if rng.random() < right else classes[int(rng.integers(len(classes)))]
            for n in kept
        ]
        clips, people = [f"dfme/{n}" for n in kept], [f"s{n % 11}" for n in kept]
        references = [true[n] for n in kept]
        columns = {
            "clip_id": clips, "subject_id": people, "dataset": "dfme", "seed": seed,
            "reference": references, "prediction": said,
        }  # fmt: skip
        made = log.of(columns, classes)
        parts.append((Path(f"seed-{seed}"), made))
    return joined(parts)


def two(first: str, second: str, label: str = "a") -> PredictionLog:
    """Predictions of two clips of two people, both right."""
    labels = [label, "b"]
    columns = {"clip_id": [first, second], "subject_id": ["s0", "s1"]}
    return log.of({**columns, "reference": labels, "prediction": labels})


def by_seed(found: PredictionLog, score: str = "uf1") -> list[float]:
    rows = evaluation.evaluate(found, level=None).part().by_seed
    return [getattr(row, score) for row in rows.values()]


def test_pairs_are_differences_by_seed() -> None:
    logs = {"4": made(0.3), "8": made(0.6), "all": made(0.9)}
    found = ablation_table.compare(logs, draws=200)
    assert [(pair.first, pair.second) for pair in found.pairs] == [
        ("4", "8"), ("4", "all"), ("8", "all"),
    ]  # fmt: skip
    scores = {name: np.array(by_seed(each)) for name, each in logs.items()}
    for pair in found.pairs:
        difference = scores[pair.second] - scores[pair.first]
        assert pair.difference.mean == pytest.approx(float(difference.mean()))
        assert pair.difference.sd == pytest.approx(float(difference.std(ddof=1)))
        assert pair.p == signed_rank(difference.tolist()) == 0.125  # all four are greater
        assert pair.adjusted == 0.375
        low, high = pair.difference.low, pair.difference.high
        assert low is not None and high is not None and 0 < low < pair.difference.mean < high
    assert found.as_three is None
    notes = ablation_words.tables(found)[1].notes
    assert any("no adjusted p can be below 0.38" in note for note in notes)


def test_people_are_drawn_alike_for_both() -> None:
    same = ablation_table.compare({"a": made(0.5), "b": made(0.5)}, draws=50).pairs[0]
    assert (same.difference.mean, same.difference.low, same.difference.high) == (0, 0, 0)
    assert same.p == 1


def test_seeds_that_both_have_are_compared() -> None:
    found = ablation_table.compare({"a": made(0.5, [0, 1, 2]), "b": made(0.9, [1, 2, 3])}, draws=5)
    (pair,) = found.pairs
    assert pair.seeds == 2
    expected = np.subtract(by_seed(made(0.9, [1, 2])), by_seed(made(0.5, [1, 2]))).mean()
    assert pair.difference.mean == pytest.approx(float(expected))
    single = ablation_table.compare({"a": made(0.5, [0]), "b": made(0.9, [0])}, draws=5).pairs[0]
    assert (single.p, single.adjusted, single.difference.sd) == (None, None, None)


def test_other_classes_are_compared_as_three() -> None:
    five = EMOTION_PRESETS["equime-paper"]
    logs = {"3": made(0.5, classes=EMOTIONS_3), "5": made(0.5, classes=five), "7": made(1.0)}
    found = ablation_table.compare(logs, "accuracy", draws=20)
    assert [len(each["classes"]) for each in found.settings] == [3, 5, 7]
    assert [each["clips"] for each in found.settings] == [84, 60, 84]
    assert found.as_three == 60  # fear and contempt are none of the five
    last = found.pairs[-1]
    right = [EMOTION_TO_3[a] == EMOTION_TO_3[b] for a, b in zip(
        *(logs["5"].table[name].to_pylist() for name in ("reference", "prediction")), strict=True
    )]  # fmt: skip
    assert last.difference.mean == pytest.approx(1 - float(np.mean(right)))
    assert "60 clips that every setting tests" in str(ablation_words.tables(found)[1].notes)


def test_constant_settings_are_named() -> None:
    found = made(0.5, [0])
    table = found.table.set_column(6, "prediction", [["anger"] * len(found)])
    settings = ablation_words.tables(
        ablation_table.compare({"a": log.checked(table, BASIC_7)}, level=None)
    )[0]
    assert [row[-1] for row in settings.rows] == ["constant with 1 of 1 seeds", ""]
    assert settings.rows[1][0].startswith("always ")


@pytest.mark.parametrize(
    ("logs", "sentence"),
    [
        ({}, "There is no run to compare"),
        ({"a": made(0.5, [0]), "b": made(0.5, [1])}, "have no seed in common (0; 1)"),
        (
            {
                "a": two("x", "y"),
                "b": two("x", "z"),
            },
            "do not test the same clips",
        ),
        (
            {"a": made(0.5), "b": two("dfme/0", "dfme/1", "others")},
            "and b, others is none of negative",
        ),
    ],
)
def test_refusals(logs: dict[str, PredictionLog], sentence: str) -> None:
    with pytest.raises(DatasetError) as error:
        ablation_table.compare(logs, level=None)
    assert sentence in str(error.value)


def test_logs_of_one_setting_are_joined_once() -> None:
    one = made(0.5, [0])
    with pytest.raises(DatasetError, match=r"a and b both have predictions .* with the seed 0"):
        joined([(Path("a"), one), (Path("b"), one)])
    other = made(0.5, [1], EMOTIONS_3)
    with pytest.raises(DatasetError, match="seeds of one setting have the same, in one order"):
        joined([(Path("a"), one), (Path("b"), other)])


@pytest.mark.parametrize("module", [ablations, ablation_table, cross_tables])
def test_examples(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0 and found.failed == 0
