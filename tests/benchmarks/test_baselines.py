from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import baselines
from equime_hub.training.fit import recipes
from equime_hub.training.fit.plan import TrainingPlan, training_plan
from tests.conftest import TINY
from tests.support import trained


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten drawn people in three splits."""
    folder = tmp_path_factory.mktemp("drawn") / "data"
    baselines.build(10, folder, 1, replace(TINY, split=baselines.CLIPS.split))
    return folder


@pytest.fixture
def planned(data: Path) -> TrainingPlan:
    return training_plan(recipes.preset("small-cpu", data=(str(data),)))


def test_shuffled_labels_tell_nothing_and_tested_ones_stay(planned: TrainingPlan) -> None:
    other, again, more = (baselines.shuffled(planned, seed) for seed in (0, 0, 1))
    (parts,) = planned.trainings
    before, after = planned.examples.labels, other.examples.labels
    assert np.array_equal(after, again.examples.labels)
    assert not np.array_equal(after, more.examples.labels)
    assert len({planned.hash, other.hash, more.hash}) == 3
    assert np.array_equal(before[parts.tested], after[parts.tested])
    for rows in (parts.train, parts.validation):
        assert np.array_equal(np.bincount(before[rows]), np.bincount(after[rows]))
        met = np.zeros((5, 5), int)
        np.add.at(met, (before[rows], after[rows]), 1)
        assert np.ptp(met) <= 1


def test_every_model_has_its_controls(data: Path, tmp_path: Path) -> None:
    small = {"model_options": trained.MODEL, "input_options": trained.INPUTS, "epochs": 2}
    found = baselines.measure(["simple3dcnn"], [0, 1], 0, tmp_path / "work", data, **small)
    assert sum(found["clips"].values()) == 50 and found["data"] is None
    assert [row["seed"] for row in found["rows"]] == [0, 1]
    for row in found["rows"]:
        true, false, still = row["training"], row["shuffled_labels"], row["controls"]
        # No motion is one and the same input for all clips, so one class.
        assert still["static"]["score"] == pytest.approx(1 / 15, abs=1e-4)
        assert np.sum(true["confusion"]) == np.sum(false["confusion"]) == found["clips"]["test"]
        assert true["lint_errors"] == false["lint_errors"] == 0
        assert true["chance_uf1"] == pytest.approx(0.2) and true["epochs"] == 2
        assert true["cpu_seconds"] > 0 and row["prepare"]["seconds"] >= 0
    lines = baselines.table(found["rows"]).splitlines()
    assert len(lines) == 4 and lines[2].startswith("| simple3dcnn, 0 |")
