from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks import loader
from equime_hub.training.data.examples import gather
from equime_hub.training.data.sources import DataSource
from equime_hub.video import codec


def test_clips_are_distinct_and_every_arm_reads_them_all(tmp_path: Path) -> None:
    dataset = loader.built(tmp_path / "set", clips=3, frames=24, crf=26)
    examples = gather([DataSource(str(dataset))])
    firsts = [codec.decode(bytes(examples.video(i).encoded), [0]).frames for i in range(3)]  # type: ignore[arg-type]
    assert not np.array_equal(firsts[0], firsts[1]) and not np.array_equal(firsts[1], firsts[2])
    found = loader.measured(examples, tmp_path, 1, dataset, workers=(0,))
    assert (found["clips"], found["frames"]) == (3, 24)
    rates = found["clips_per_s"]
    assert {"floor", "decoded gray, 0 workers", "cached RGB, 0 workers"} <= set(rates)
    assert rates["floor"]["of_floor"] == 1
    assert rates["cached RGB, 0 workers"]["of_floor"] > rates["decoded RGB, 0 workers"]["of_floor"]
    assert all(0 < rate["slowest"] <= rate["median"] <= rate["fastest"] for rate in rates.values())


def test_a_rate_is_clips_over_seconds() -> None:
    assert loader.spread(10, [1.0, 2.0, 5.0]) == {"median": 5.0, "slowest": 2.0, "fastest": 10.0}
