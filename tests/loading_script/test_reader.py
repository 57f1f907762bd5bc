from __future__ import annotations

import logging
import os
from pathlib import Path

import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from datasets.exceptions import DatasetGenerationError, NonMatchingSplitsSizesError

from equime_hub.loading_script.reader import EquimeParquet
from tests.loading_script.test_names import run

ANGER = [("emotion", "==", 4)]


def ids(folder: Path) -> list[str]:
    found: list[str] = load_dataset(str(folder), name="metadata", split="train")["clip_id"][:]
    assert len(set(found)) == len(found)
    return found


def test_resharding_repeats_and_loses_no_row(two_shards: Path) -> None:
    stream = load_dataset(str(two_shards), split="train", streaming=True)
    again = stream.reshard()
    assert (stream.num_shards, again.num_shards) == (2, 6)
    assert [row["clip_id"] for row in stream] == ids(two_shards)
    assert [row["clip_id"] for row in again] == ids(two_shards)
    halves = [again.shard(num_shards=2, index=index) for index in range(2)]
    assert [row["clip_id"] for half in halves for row in half] == ids(two_shards)


def test_a_shard_of_no_row_groups_has_no_rows(two_shards: Path) -> None:
    empty, full = sorted(two_shards.glob("data/train-*"))
    with pq.ParquetWriter(empty, pq.read_schema(empty)):
        pass
    stream = load_dataset(str(two_shards), split="train", streaming=True)
    left = pq.read_table(full)["clip_id"].to_pylist()
    assert [row["clip_id"] for row in stream] == left
    assert [row["clip_id"] for row in stream.reshard()] == left


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_over_a_stream_that_is_left_early(two_shards: Path, method: str) -> None:
    out = run(
        "import equime_hub\n"
        "from datasets import load_dataset\n"
        "from torch.utils.data import DataLoader\n"
        "columns = ['clip_id', 'video', 'emotion']\n"
        "rows = load_dataset('equime', split='train', streaming=True, columns=columns)\n"
        f"options = dict(batch_size=2, num_workers=2, multiprocessing_context='{method}')\n"
        "batch = next(iter(DataLoader(rows, **options)))\n"
        "print(len(batch['clip_id']), tuple(batch['video'][1][0].shape))\n"
        "print(sum(len(batch['emotion']) for batch in DataLoader(rows, **options)))",
        two_shards.parent,
    )
    assert out.splitlines()[-2:] == ["2 (3, 64, 64)", str(len(ids(two_shards)))]


def test_map_in_two_processes(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # `map` puts a copy in the place of os.environ, in which later tests would find our variable.
    monkeypatch.setattr(os, "environ", os.environ)
    rows = load_dataset("equime", split="train", columns=["video", "num_frames"])
    counted = rows.map(lambda video: {"counted": len(video)}, input_columns=["video"], num_proc=2)
    assert counted["counted"][:] == counted["num_frames"][:] == [16] * len(rows)
    assert counted[-1]["video"][0].shape == (3, 64, 64)


def test_filters_read_fewer_rows_than_the_card_counts(elsewhere: Path) -> None:
    angry = load_dataset("equime", filters=ANGER)
    for split, rows in load_dataset("equime", name="metadata").items():
        assert len(angry[split]) == rows["emotion"][:].count(4) > 0
    assert set(angry["train"]["emotion"]) == {4}
    expression = pyarrow.dataset.field("emotion") == 4
    assert len(load_dataset("equime", split="train", filters=expression)) == len(angry["train"])
    assert load_dataset("equime", split="train", filters=ANGER, streaming=True).info.splits is None


def test_without_filters_the_cards_counts_are_checked(two_shards: Path) -> None:
    next(two_shards.glob("data/train-*")).unlink()
    with pytest.raises(NonMatchingSplitsSizesError):
        load_dataset(str(two_shards), split="train")


@pytest.mark.parametrize("streaming", [False, True])
def test_bad_files(two_shards: Path, streaming: bool, caplog: pytest.LogCaptureFixture) -> None:
    whole = ids(two_shards)
    half = len(whole) // 2
    bad = two_shards / "data/train-00001-of-00002.parquet"
    bad.write_bytes(bad.read_bytes()[:-100])

    def clips(on_bad_files: str) -> list[str]:
        rows = load_dataset(
            str(two_shards), split="train", streaming=streaming, on_bad_files=on_bad_files
        )
        return [row["clip_id"] for row in rows]

    with pytest.raises(pyarrow.ArrowInvalid if streaming else DatasetGenerationError):
        clips("error")
    with caplog.at_level(logging.WARNING, "equime_hub"):
        assert clips("skip") == whole[:half]
        assert not caplog.messages
        assert clips("warn") == whole[:half]
    assert "Skipping bad file" in caplog.text and bad.name in caplog.text


def test_batch_size_splits_row_groups(two_shards: Path) -> None:
    def sizes(batch_size: int | None) -> list[int]:
        reader = EquimeParquet(dataset_name="equime", batch_size=batch_size)
        files = [str(path) for path in sorted(two_shards.glob("data/train-*"))]
        tables = list(reader._generate_tables(files, [None, None]))
        assert len({str(key) for key, _ in tables}) == len(tables)
        return [len(table) for _, table in tables]

    whole = sizes(None)
    assert len(whole) == 6 and sizes(100) == whole
    assert sizes(2) == [min(2, rows - at) for rows in whole for at in range(0, rows, 2)]


def test_scan_options_reach_arrow(elsewhere: Path) -> None:
    options = pyarrow.dataset.ParquetFragmentScanOptions(thrift_string_size_limit=1)
    assert next(iter(load_dataset("equime", split="train", streaming=True)))
    stream = load_dataset("equime", split="train", streaming=True, fragment_scan_options=options)
    with pytest.raises(OSError):
        next(iter(stream))
