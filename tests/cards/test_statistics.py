from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.builder.measure.gates import GATES, Gates
from equime_hub.cards import columns, quality
from equime_hub.cards.statistics import CLAIMANTS, MEASURED, SETTINGS, count, distribution
from equime_hub.errors import DatasetError
from equime_hub.schema.features import COLUMNS, GROUPS
from equime_hub.schema.stamp import read_origin
from tests.support.grown import grow, second


def test_the_numbers_are_those_of_the_shards(built: Path) -> None:
    statistics = count(built)
    for split, size in statistics.splits.items():
        table = pq.read_table(next(built.glob(f"data/{split}-*.parquet")))
        assert size.clips == len(table)
        assert size.subjects == len(table["subject_id"].unique())
        assert size.video_bytes == sum(len(v["bytes"]) for v in table["video"].to_pylist())
    assert statistics.clips == 40
    assert statistics.subjects == 8
    for table in (statistics.emotions, *statistics.groups.values()):
        assert sum(sum(row.values()) for row in table.values()) == 40
    for table in statistics.emotions_by.values():
        assert {emotion: sum(row.values()) for emotion, row in table.items()} == {
            emotion: sum(row.values()) for emotion, row in statistics.emotions.items()
        }
    for counts in (statistics.settings, statistics.encodings, statistics.frames):
        assert sum(counts.values()) == 40


def test_durations_and_measures_are_those_of_the_rows(built: Path) -> None:
    statistics = count(built)
    rows = pa.concat_tables(pq.read_table(p) for p in built.glob("metadata/*.parquet")).to_pylist()
    lasting = [1000 * (r["offset_frame"] - r["onset_frame"]) / r["fps"] for r in rows]
    assert statistics.durations is not None
    assert statistics.durations.n == 40
    assert statistics.durations.quartiles[1] == pytest.approx(np.median(lasting))
    assert (statistics.durations.least, statistics.durations.largest) == (
        min(lasting),
        max(lasting),
    )
    widths = [r["motion_fwhm_ms"] for r in rows if r["motion_fwhm_ms"] is not None]
    assert 0 < len(widths) < 40
    assert statistics.measured["motion_fwhm_ms"].n == len(widths)
    assert statistics.filled["motion_fwhm_ms"] == len(widths)
    assert statistics.measured["motion_fwhm_ms"].sd == pytest.approx(np.std(widths, ddof=1))
    assert "psnr" not in statistics.measured


def test_generations_are_counted_together_and_one_by_one(built: Path, tmp_path: Path) -> None:
    other = second(tmp_path / "second")
    folder = grow(Path(shutil.copytree(built, tmp_path / "grown")), other)
    statistics, parts = count(folder), [count(built), count(other)]
    assert statistics.clips == 50
    assert statistics.subjects == 10
    origins = [read_origin(built), read_origin(other)]
    assert list(statistics.generations) == [origin.fingerprint for origin in origins if origin]
    for generation, origin, part in zip(
        statistics.generations.values(), origins, parts, strict=True
    ):
        assert generation.origin == origin
        assert generation.clips == {split: size.clips for split, size in part.splits.items()}
        assert generation.subjects == part.subjects
    for split, size in statistics.splits.items():
        for config in statistics.configs:
            there = (p.splits[split].num_bytes[config] for p in parts if split in p.splits)
            assert size.num_bytes[config] == sum(there)


def test_bytes_that_cannot_be_counted_are_given(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built / "metadata", tmp_path / "labels/metadata")
    given = {"onset_apex": {"train": 7, "validation": 8, "test": 9}, "default": {"train": 1}}
    statistics = count(tmp_path / "labels", given)
    assert "onset_apex" in statistics.configs
    sizes = {split: size.num_bytes for split, size in statistics.splits.items()}
    assert {split: size["onset_apex"] for split, size in sizes.items()} == given["onset_apex"]
    whole = count(built).splits
    assert sizes["train"]["default"] == 1
    assert sizes["test"]["default"] == whole["test"].num_bytes["default"]
    assert sizes["train"]["metadata"] == whole["train"].num_bytes["metadata"]
    (generation,) = statistics.generations.values()
    assert generation.origin is None, "no build.json lies beside the labels"


@pytest.mark.parametrize("name", ["metadata/train-00000-of-00001.parquet", "build.json"])
def test_damaged_files_are_an_error(dataset: Path, name: str) -> None:
    (dataset / name).write_bytes(b"nothing")
    with pytest.raises(DatasetError, match=Path(name).name):
        count(dataset)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_a_spread_holds_together(numbers: list[float]) -> None:
    found = distribution(numbers)
    assert found is not None
    order = (found.least, *found.quartiles, found.largest)
    assert list(order) == sorted(order)
    assert (found.n, found.least, found.largest) == (len(numbers), min(numbers), max(numbers))
    assert found.mean == pytest.approx(sum(numbers) / len(numbers), abs=1e-6)
    assert (found.sd is None) == (len(numbers) == 1)


def test_no_numbers_have_no_spread() -> None:
    assert distribution([]) is None


def test_what_cards_name_is_in_the_schema() -> None:
    names = {column.name for column in COLUMNS}
    assert {*MEASURED, *CLAIMANTS, *SETTINGS} <= names
    assert set(columns.CLAIMED) <= names | set(GROUPS)
    assert set(GROUPS) <= set(columns.CLAIMED)


def test_every_gate_has_its_words() -> None:
    everything = Gates(tuple(GATES)).describe()
    assert set(quality.REJECTS) == set(GATES)
    for gate, thresholds in everything.items():
        words = quality.REJECTS[gate].format(**thresholds)
        assert all(f"{value:g}" in words for value in thresholds.values())
    thresholds_of = {name for thresholds in everything.values() for name in thresholds}
    assert set(quality.LIMITS) <= thresholds_of
