"""The must-show of every baseline: motion is learnt, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import baselines
from equime_hub.training.fit import recipes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn people whose emotions are exact, at 50 frames a second."""
    place = tmp_path_factory.mktemp("learning")
    baselines.build(120, place / "data", 2, replace(baselines.CLIPS, fps=50.0, num_frames=20))
    return place


@pytest.mark.slow
@pytest.mark.parametrize("model", baselines.RECIPES)
def test_motion_is_learnt_and_nothing_else(folder: Path, model: str) -> None:
    """UF1 of 0.9 on unseen people; without motion, or with shuffled labels, chance."""
    config = recipes.preset(baselines.RECIPES[model], data=(str(folder / "data"),), seeds=(0,))
    found = baselines.learnt(config, folder / model, folder / "cache", 2)
    true, false, still = found["training"], found["shuffled_labels"], found["controls"]
    assert true["uf1"]["score"] >= 0.9
    assert still["static"]["score"] <= true["chance_uf1"]
    # 150 clips of 30 people: an interval of chance reaches 0.07 to each side.
    assert false["uf1"]["score"] <= true["chance_uf1"] + 0.12
    assert still["shuffled"]["score"] < true["uf1"]["score"] - 0.1
    assert true["lint_errors"] == false["lint_errors"] == 0
