"""What is not measured, and stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from equime_hub.builder.measure.meter import Measures
from equime_hub.builder.plan import Plan
from equime_hub.cards import dataset_card
from equime_hub.errors import BuildError, DatasetError, EquimeError
from equime_hub.jobs import build as builds
from equime_hub.jobs.measure import measure
from tests.conftest import SMALL, sums

SHARD = "data/train-00000-of-00001.parquet"
PIXELS = Measures(("pixels",))


@pytest.mark.parametrize("name", [SHARD, "README.md", "build.json"])
@pytest.mark.parametrize("damage", ["flip", "delete"])
def test_a_damaged_dataset_is_not_measured(dataset: Path, name: str, damage: str) -> None:
    data = bytearray((dataset / name).read_bytes())
    data[len(data) // 2] ^= 1
    (dataset / name).write_bytes(data)
    if damage == "delete":
        (dataset / name).unlink()
    before = sums(dataset)
    with pytest.raises(DatasetError, match=name):
        measure(dataset, PIXELS, card=dataset_card.write)
    assert sums(dataset) == before


def test_a_build_that_is_not_finished_is_not_measured(plan: Plan, tmp_path: Path) -> None:
    def stop(folder: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        builds.build(plan, tmp_path / "out", SMALL, card=stop)
    before = sums(tmp_path / "out")
    with pytest.raises(DatasetError, match="missing, damaged or not listed"):
        measure(tmp_path / "out", PIXELS, card=dataset_card.write)
    assert {k: v for k, v in sums(tmp_path / "out").items() if "lock" not in k} == {
        k: v for k, v in before.items() if "lock" not in k
    }


def test_a_folder_that_is_not_ours_is_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.txt").write_text("years of work")
    for name in ("thesis", "nowhere", "thesis/chapter.txt"):
        with pytest.raises(DatasetError, match="holds no dataset"):
            measure(tmp_path / name, PIXELS, card=dataset_card.write)
    assert sums(tmp_path) == {"thesis/chapter.txt": b"years of work"}


def test_not_while_a_build_runs(dataset: Path) -> None:
    (dataset / ".building").mkdir()
    with (
        FileLock(dataset / ".building/lock"),
        pytest.raises(BuildError, match="A build or a measurement is running"),
    ):
        measure(dataset, PIXELS, card=dataset_card.write)


def test_only_what_can_be_measured_is_asked_for() -> None:
    with pytest.raises(EquimeError, match=r"'beauty' to measure\. Choose among: motion, quality"):
        Measures.choose(["beauty"])
