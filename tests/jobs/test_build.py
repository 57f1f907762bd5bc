from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from equime_hub import checksums
from equime_hub.builder import plan as plans
from equime_hub.builder import shards
from equime_hub.builder.backends import warp
from equime_hub.builder.plan import Plan
from equime_hub.cards import dataset_card
from equime_hub.errors import BackendError, BuildError
from equime_hub.files import sha256
from equime_hub.jobs import build as builds
from equime_hub.jobs.build import BuildConfig
from equime_hub.schema.features import FOLDERS, SCHEMA_VERSION, check_features, features
from equime_hub.schema.stamp import ORIGIN, Stamp, read_stamp
from equime_hub.video import codec
from equime_hub.video.codec import EncoderConfig
from tests.conftest import SMALL, TINY, WARP, sums, tiny_plan
from tests.support import forks


def finish(plan: Plan, folder: Path, workers: int = 1) -> builds.BuildReport:
    return builds.build(plan, folder, SMALL, workers=workers, card=dataset_card.write)


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


def test_equal_content_is_chunked_equally(built: Path) -> None:
    metadata = pq.read_metadata(built / "data/train-00000-of-00001.parquet").metadata
    assert b"content_defined_chunking" in metadata


def test_row_groups_and_shards_have_the_sizes_asked_for() -> None:
    plan = tiny_plan(200)
    layout = SMALL.layout(plan)
    train = [shard for shard in layout if shard.split == "train"]
    assert [shard.stop - shard.start for shard in train] == [64] * 12 + [32]
    assert train[-1].path == "data/train-00012-of-00013.parquet"
    one = [shard for shard in BuildConfig(WARP).layout(plan) if shard.split == "train"]
    assert [(shard.start, shard.stop) for shard in one] == [(0, 800)]
    assert train[0].chunks(1)[0] == (0, shards.CHUNK)
    assert train[0].chunks(16)[0] == (0, 16)
    assert train[0].chunks(6)[:2] == [(0, 12), (12, 24)]


def test_two_workers_make_the_same_bytes(plan: Plan, built: Path, tmp_path: Path) -> None:
    report = finish(plan, tmp_path / "two", workers=2)
    assert report.made == len(plan.specs)
    assert sums(tmp_path / "two") == sums(built)


def test_nothing_is_made_twice(plan: Plan, dataset: Path, built: Path) -> None:
    assert finish(plan, dataset).made == 0
    assert sums(dataset) == sums(built)


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete", "empty"])
@pytest.mark.parametrize("config", ["data", "onset_apex"])
def test_a_damaged_shard_is_made_again(
    plan: Plan, dataset: Path, built: Path, config: str, damage: str
) -> None:
    shard = dataset / f"{config}/test-00000-of-00001.parquet"
    data = bytearray(shard.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    kept = {"truncate": len(data) // 2, "empty": 0}.get(damage, len(data))
    shard.write_bytes(data[:kept])
    if damage == "delete":
        shard.unlink()
    made = finish(plan, dataset).made
    # Images are cut out of the videos again.
    assert made == (pq.read_metadata(shard).num_rows if config == "data" else 0)
    assert sums(dataset) == sums(built)


def test_killed_at_any_time_and_started_again_the_bytes_are_the_same(
    plan: Plan, built: Path, tmp_path: Path
) -> None:
    plans.write(plan, tmp_path / "plan.parquet")
    command = (
        "-m", "equime_hub", "build", "plan.parquet", "--out", "out", "--shard-size", "1",
        "--workers",
    )  # fmt: skip
    out = tmp_path / "out"
    kept: list[int] = []
    for moment in (
        ".building/*.parquet", ".building/new/data/*.parquet",
        ".building/new/onset_apex/*.parquet", "metadata/*", "onset_apex/*", "data/*",
    ):  # fmt: skip
        process = forks.Fork(*command, "1" if kept else "2")
        while process.poll() is None and not list(out.glob(moment)):
            time.sleep(0.001)
        process.kill()
        process.wait()
        kept.append(len(list(out.glob("**/*.parquet"))))
    forks.succeeded(*command, "1")
    reference = tmp_path / "reference"
    config = BuildConfig(WARP, shard_bytes=1_000_000)
    builds.build(plan, reference, config, card=dataset_card.write)
    assert 0 < kept[0] < 9, "the build was never interrupted half way"
    assert sums(out) == sums(reference)


def test_the_workshop_is_swept(plan: Plan, dataset: Path, built: Path) -> None:
    (dataset / ".building/old").mkdir(parents=True)
    (dataset / ".building/train-0000000.parquet").write_bytes(b"of a shard that is finished")
    finish(plan, dataset)
    assert sums(dataset) == sums(built)


def test_half_a_dataset_is_not_opened(plan: Plan, built: Path, tmp_path: Path) -> None:
    def stop(folder: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        builds.build(plan, tmp_path / "out", SMALL, card=stop)
    assert not list((tmp_path / "out").glob("data/*"))
    assert finish(plan, tmp_path / "out").made == 0
    assert sums(tmp_path / "out") == sums(built)


def test_a_worker_does_not_outlive_its_parent(plan: Plan, tmp_path: Path) -> None:
    plans.write(plan, tmp_path / "plan.parquet")
    command = "-m", "equime_hub", "build", "plan.parquet", "--out", "out", "--workers", "2"
    process = forks.Fork(*command)
    while not list(Path("out").glob(".building/*.parquet")):
        time.sleep(0.01)
    process.kill()
    process.wait()
    for _ in range(100):
        time.sleep(0.1)
        if not _alive(process.pid):
            break
    assert not _alive(process.pid)


def _alive(group: int) -> list[int]:
    """Processes of a group that are more than a remnant."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, of = stat.read_text().rsplit(")", 1)[1].split()[:3]
            if int(of) == group and state != "Z":
                found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize("config", FOLDERS.values())
def test_half_written_files_are_swept_away(
    plan: Plan, dataset: Path, built: Path, config: str
) -> None:
    (dataset / f"{config}/train-00000-of-00001.parquet.123.tmp").write_bytes(b"half")
    finish(plan, dataset)
    assert sums(dataset) == sums(built)


def test_another_plan_is_refused_and_both_fingerprints_are_named(
    plan: Plan, dataset: Path, built: Path
) -> None:
    other = tiny_plan(config=replace(TINY, seed=1))
    with pytest.raises(BuildError) as caught:
        builds.build(other, dataset, SMALL)
    assert plan.fingerprint in str(caught.value)
    assert other.fingerprint in str(caught.value)
    assert "another plan" in str(caught.value)
    with pytest.raises(BuildError, match="shard_bytes 1 there and 1000000000 here"):
        builds.build(plan, dataset, BuildConfig(WARP, shard_bytes=1_000_000_000))
    assert sums(dataset) == sums(built)


def test_a_folder_that_is_not_ours_is_refused_and_untouched(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.txt").write_text("years of work")
    with pytest.raises(BuildError, match="no equime dataset"):
        builds.build(plan, tmp_path / "thesis", SMALL)
    with pytest.raises(BuildError, match="is a file"):
        builds.build(plan, tmp_path / "thesis/chapter.txt", SMALL)
    assert sums(tmp_path / "thesis") == {"chapter.txt": b"years of work"}


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"fingerprint": 1}'])
def test_a_lost_or_damaged_origin_is_written_again(
    plan: Plan, dataset: Path, built: Path, content: str | None
) -> None:
    (dataset / ORIGIN).unlink()
    if content is not None:
        (dataset / ORIGIN).write_text(content)
    assert finish(plan, dataset).made == 0
    assert sums(dataset) == sums(built)


def test_a_damaged_part_is_made_again(plan: Plan, built: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    interrupt_after(plan, out, parts=3)
    part = sorted(out.glob(".building/*.parquet"))[0]
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    assert finish(plan, out).made == len(plan.specs) - 2 * shards.CHUNK
    assert sums(out) == sums(built)


def test_a_part_of_another_build_is_not_used(plan: Plan, built: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    interrupt_after(plan, out, parts=1)
    (part,) = out.glob(".building/*.parquet")
    shards.write(part, iter([pq.read_table(part)]), Stamp("another", plan.fingerprint, "x"))
    seal = json.loads(part.with_suffix(".json").read_text())
    seal |= {"sha256": sha256(part), "stamp": seal["stamp"] | {"build": "another"}}
    part.with_suffix(".json").write_text(json.dumps(seal))
    assert finish(plan, out).made == len(plan.specs)
    assert sums(out) == sums(built)


def test_other_software_is_refused_and_named(
    plan: Plan, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warp, "__version__", "9.9")
    with pytest.raises(BuildError, match=r"other options or software.*equime_hub 9\.9"):
        finish(plan, dataset)


def test_licence_and_title_stay_unless_others_are_given(plan: Plan, tmp_path: Path) -> None:
    out = tmp_path / "out"
    mine = replace(SMALL, license="cc0-1.0", title="Mine")
    builds.build(plan, out, mine, card=dataset_card.write)
    before = sums(out)
    (out / "README.md").unlink()
    finish(plan, out)
    assert sums(out) == before
    builds.build(plan, out, replace(SMALL, license="mit"), card=dataset_card.write)
    assert "license: mit" in (out / "README.md").read_text()


@pytest.mark.parametrize("config", FOLDERS.values())
def test_files_that_do_not_belong_are_named(plan: Plan, dataset: Path, config: str) -> None:
    stray = f"{config}/test-00001-of-00002.parquet"
    shutil.copy(dataset / f"{config}/test-00000-of-00001.parquet", dataset / stray)
    with pytest.raises(BuildError, match=f"do not belong .* {re.escape(stray)}"):
        finish(plan, dataset)


def test_a_coarser_setting_puts_more_clips_into_a_shard(plan: Plan) -> None:
    fine = BuildConfig(WARP, shard_bytes=100_000)
    coarse = replace(fine, render=replace(WARP, encoder=EncoderConfig(crf=30)))
    many = tiny_plan(200)
    assert len(fine.layout(many)) > 2 * len(coarse.layout(many))


def interrupt_after(plan: Plan, out: Path, parts: int) -> None:
    """A build that stops as by Ctrl-C when some parts are there."""

    def progress(done: int, total: int) -> None:
        if done >= parts * shards.CHUNK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        builds.build(plan, out, SMALL, progress=progress)


def test_two_builds_at_once_are_refused(plan: Plan, dataset: Path) -> None:
    (dataset / ".building").mkdir()
    with (
        FileLock(dataset / ".building/lock"),
        pytest.raises(BuildError, match="Another build is running"),
    ):
        builds.build(plan, dataset, SMALL)


def test_what_the_backend_cannot_do_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    plan = tiny_plan(1, replace(TINY, width=63))
    with pytest.raises(BackendError, match="63"):
        builds.build(plan, tmp_path / "out", SMALL)
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_a_sentence_and_loses_nothing(
    plan: Plan, built: Path, tmp_path: Path
) -> None:
    # A limit on the size of files fails writes as a full disk does.
    plans.write(plan, tmp_path / "plan.parquet")
    command = "build", "plan.parquet", "--out", "out", "--workers", "1"
    limit = max(path.stat().st_size for path in built.glob("*/*")) - 1
    small_files = (
        "import resource\nfrom equime_hub.cli import main\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\nmain()"
    )
    full = forks.run("-c", small_files, *command)
    assert full.returncode == 1
    assert "File too large" in full.stderr
    assert "run the same command again" in full.stderr
    assert "Traceback" not in full.stderr
    out = tmp_path / "out"
    assert not list(out.rglob("*.tmp"))
    assert list(out.glob(".building/*.parquet"))
    forks.succeeded("-m", "equime_hub", *command)
    reference = tmp_path / "reference"
    builds.build(plan, reference, BuildConfig(WARP), card=dataset_card.write)
    assert sums(out) == sums(reference)


def test_checksums_are_those_that_sha256sum_checks(built: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--quiet", checksums.NAME], cwd=built, check=False
    )
    assert done.returncode == 0
