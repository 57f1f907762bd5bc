from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from equime_hub import checksums
from equime_hub.builder import build as builds
from equime_hub.builder import plan as plans
from equime_hub.builder import shards
from equime_hub.builder.build import BuildConfig
from equime_hub.builder.plan import Plan
from equime_hub.cards import dataset_card
from equime_hub.errors import BackendError, BuildError
from equime_hub.schema.features import SCHEMA_VERSION, check_features, features
from equime_hub.schema.stamp import read_stamp
from equime_hub.video import codec
from tests.conftest import TINY, WARP, small_shards, sums, tiny_plan


def finish(plan: Plan, folder: Path, workers: int = 1) -> builds.BuildReport:
    report = builds.build(plan, folder, small_shards(plan), workers=workers)
    dataset_card.write(folder)
    return report


def test_shards_hold_every_clip_in_the_schema(plan: Plan, built: Path) -> None:
    from datasets import Features

    ids = []
    for path in sorted(built.glob("data/*.parquet")):
        table = pq.read_table(path)
        assert check_features(Features.from_arrow_schema(table.schema)) == "default"
        assert read_stamp(path).schema_version == SCHEMA_VERSION
        ids += table["clip_id"].to_pylist()
    assert sorted(ids) == sorted(spec.clip_id for spec in plan.specs)


def test_rows_say_what_was_planned_and_measured(plan: Plan, built: Path) -> None:
    rows = pq.read_table(built / "data/train-00000-of-00001.parquet").to_pylist()
    spec = next(s for s in plan.specs if s.clip_id == rows[0]["clip_id"])
    row = rows[0]
    assert features()["emotion"].int2str(row["emotion"]) == spec.emotion
    assert row["au_apex"] == pytest.approx(spec.au_apex)
    assert (row["onset_frame"], row["apex_frame"], row["offset_frame"]) == (
        spec.onset_frame, spec.apex_frame, spec.offset_frame,
    )  # fmt: skip
    assert row["generator"] == "warp"
    assert "crf=12" in row["encoding"]
    assert row["size_bytes"] == len(row["video"]["bytes"])
    assert row["accepted"] and row["rejection_reason"] is None
    assert row["psnr"] is None  # not measured here, so not claimed
    clip = codec.decode(row["video"]["bytes"])
    assert (len(clip), clip.width, clip.height, clip.fps) == (16, 64, 64, 50)


def test_the_video_column_is_stored_as_it_is(built: Path) -> None:
    metadata = pq.read_metadata(built / "data/train-00000-of-00001.parquet")
    group = metadata.row_group(0)
    for i in range(group.num_columns):
        column = group.column(i)
        video = column.path_in_schema.startswith("video")
        assert column.compression == ("UNCOMPRESSED" if video else "SNAPPY")
        if video:
            assert "RLE_DICTIONARY" not in column.encodings
            assert column.has_offset_index


def test_row_groups_and_shards_have_the_sizes_asked_for() -> None:
    plan = tiny_plan(200)
    layout = shards.layout(plan, 1)
    train = [shard for shard in layout if shard.split == "train"]
    assert [shard.stop - shard.start for shard in train] == [64] * 12 + [32]
    assert train[-1].path == "data/train-00012-of-00013.parquet"
    one = [shard for shard in BuildConfig(WARP).layout(plan) if shard.split == "train"]
    assert [(shard.start, shard.stop) for shard in one] == [(0, 800)]
    assert train[0].parts()[0] == (0, shards.PART)


def test_two_workers_make_the_same_bytes(plan: Plan, built: Path, tmp_path: Path) -> None:
    report = finish(plan, tmp_path / "two", workers=2)
    assert report.made == len(plan.specs)
    assert sums(tmp_path / "two") == sums(built)


def test_nothing_is_made_twice(plan: Plan, dataset: Path, built: Path) -> None:
    assert finish(plan, dataset).made == 0
    assert sums(dataset) == sums(built)


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete", "empty"])
def test_a_damaged_shard_is_made_again(plan: Plan, dataset: Path, built: Path, damage: str) -> None:
    shard = dataset / "data/test-00000-of-00001.parquet"
    data = bytearray(shard.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    kept = {"truncate": len(data) // 2, "empty": 0}.get(damage, len(data))
    shard.write_bytes(data[:kept])
    if damage == "delete":
        shard.unlink()
    assert finish(plan, dataset).made == pq.read_metadata(shard).num_rows
    assert sums(dataset) == sums(built)


def test_killed_at_any_time_and_started_again_the_bytes_are_the_same(
    plan: Plan, built: Path, tmp_path: Path
) -> None:
    plans.write(plan, tmp_path / "plan.parquet")
    command = [
        sys.executable, "-m", "equime_hub", "build", "plan.parquet", "--out", "out",
        "--workers", "2", "--shard-size", "1",
    ]  # fmt: skip
    out, kept = tmp_path / "out", []
    for parts in (1, 3):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        while process.poll() is None and len(list(out.glob(".building/*.parquet"))) < parts:
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kept.append(len(list(out.glob(".building/*.parquet"))))
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    reference = tmp_path / "reference"
    builds.build(plan, reference, BuildConfig(WARP, shard_bytes=1_000_000))
    dataset_card.write(reference)
    assert max(kept) > 0, "the build was never interrupted half way"
    assert sums(out) == sums(reference)


def test_half_written_files_are_swept_away(plan: Plan, dataset: Path, built: Path) -> None:
    (dataset / "data/train-00000-of-00001.parquet.123.tmp").write_bytes(b"half")
    finish(plan, dataset)
    assert sums(dataset) == sums(built)


def test_another_plan_is_refused_and_both_fingerprints_are_named(
    plan: Plan, dataset: Path, built: Path
) -> None:
    other = tiny_plan(config=replace(TINY, seed=1))
    with pytest.raises(BuildError) as caught:
        builds.build(other, dataset, small_shards(other))
    assert plan.fingerprint in str(caught.value)
    assert other.fingerprint in str(caught.value)
    assert "another plan" in str(caught.value)
    with pytest.raises(BuildError, match="other build options"):
        builds.build(plan, dataset, BuildConfig(WARP, shard_bytes=1_000_000_000))
    assert sums(dataset) == sums(built)


def test_a_folder_that_is_not_ours_is_refused_and_untouched(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.txt").write_text("years of work")
    with pytest.raises(BuildError, match="no equime dataset"):
        builds.build(plan, tmp_path / "thesis", small_shards(plan))
    with pytest.raises(BuildError, match="is a file"):
        builds.build(plan, tmp_path / "thesis/chapter.txt", small_shards(plan))
    assert sums(tmp_path / "thesis") == {"chapter.txt": b"years of work"}


def test_a_damaged_marker_is_refused(plan: Plan, dataset: Path) -> None:
    (dataset / builds.MARKER).write_text("{")
    with pytest.raises(BuildError, match="is damaged"):
        builds.build(plan, dataset, small_shards(plan))


def test_two_builds_at_once_are_refused(plan: Plan, dataset: Path) -> None:
    (dataset / ".building").mkdir()
    with (
        FileLock(dataset / ".building/lock"),
        pytest.raises(BuildError, match="Another build is running"),
    ):
        builds.build(plan, dataset, small_shards(plan))


def test_what_the_backend_cannot_do_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    plan = tiny_plan(1, replace(TINY, width=63))
    with pytest.raises(BackendError, match="63"):
        builds.build(plan, tmp_path / "out", small_shards(plan))
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_a_sentence_and_loses_nothing(
    plan: Plan, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = shards.write, []

    def fills_up(path: Path, *rest: object, **named: object) -> None:
        calls.append(path)
        if len(calls) == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(shards, "write", fills_up)
    out = tmp_path / "out"
    with pytest.raises(BuildError, match=r"No space left on device.*run the same command again"):
        builds.build(plan, out, small_shards(plan))
    assert not list(out.rglob("*.tmp"))
    report = finish(plan, out)
    assert report.made < len(plan.specs)
    assert sums(out) == sums(built)


def test_checksums_are_those_that_sha256sum_checks(built: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--quiet", checksums.NAME], cwd=built, check=False
    )
    assert done.returncode == 0
