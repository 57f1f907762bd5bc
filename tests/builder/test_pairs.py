"""Onset and apex as images: what they show, and that they stay with their clips."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from datasets import Features
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from equime_hub import checksums
from equime_hub.builder import pairs, shards
from equime_hub.builder import plan as plans
from equime_hub.builder.measure.gates import Gates
from equime_hub.builder.measure.meter import Measures
from equime_hub.builder.plan import Plan
from equime_hub.cards import dataset_card
from equime_hub.cli import main
from equime_hub.errors import BuildError
from equime_hub.jobs import build as builds
from equime_hub.jobs import measure as measures
from equime_hub.reports.verify import verify
from equime_hub.schema.features import FOLDERS, check_features, columns, features
from equime_hub.schema.stamp import ORIGIN, generation_name, read_stamp
from equime_hub.video import codec
from equime_hub.video.clip import Clip
from tests.conftest import SMALL, TINY, WARP, sums, tiny_plan

TEST = "onset_apex/test-00000-of-00001.parquet"
BARE = replace(SMALL, render=replace(WARP, pairs=False))


def image(data: bytes) -> npt.NDArray[np.uint8]:
    decoded = features("onset_apex")["onset"].decode_example({"bytes": data, "path": None})
    return np.asarray(decoded)


def files(folder: Path, place: str) -> list[Path]:
    return sorted((folder / place).iterdir())


def test_they_are_frames_of_the_decoded_videos_with_the_labels_of_the_clips(built: Path) -> None:
    labels = [column.name for column in columns("metadata")]
    videos, images = files(built, "data"), files(built, "onset_apex")
    assert [path.name for path in images] == [path.name for path in videos]
    for video, path in zip(videos, images, strict=True):
        clips, found = pq.read_table(video), pq.read_table(path)
        assert check_features(Features.from_arrow_schema(found.schema)) == "onset_apex"
        assert found.select(labels).equals(clips.select(labels))
        stamp = read_stamp(path)
        assert stamp == replace(read_stamp(video), name=f"onset_apex/{path.name}")
        for clip, row in zip(clips.to_pylist(), found.to_pylist(), strict=True):
            frames = codec.decode(clip["video"]["bytes"]).frames
            for name in pairs.NAMES:
                assert np.array_equal(image(row[name]["bytes"]), frames[row[f"{name}_frame"]])
                assert row[name]["path"] == f"{row['clip_id']}-{name}.webp"


def test_they_are_stored_as_they_are_in_the_row_groups_of_the_videos(tmp_path: Path) -> None:
    plan = tiny_plan(18)
    builds.build(plan, tmp_path / "out", SMALL)
    for name in ("train-00000-of-00002", "train-00001-of-00002"):
        video, pair = (
            pq.read_metadata(tmp_path / f"out/{place}/{name}.parquet")
            for place in ("data", "onset_apex")
        )
        assert video.num_row_groups == pair.num_row_groups
        assert video.row_group(0).num_rows == pair.row_group(0).num_rows
        for i in range(pair.row_group(0).num_columns):
            column = pair.row_group(0).column(i)
            pixels = column.path_in_schema.split(".")[0] in pairs.NAMES
            assert (column.compression == "UNCOMPRESSED") == pixels


@given(
    frames=arrays.arrays(
        np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.just(3))
    ),
    onset=st.integers(0, 4),
    apex=st.integers(0, 4),
)
def test_no_pixel_changes_and_frames_that_are_not_there_give_no_image(
    frames: npt.NDArray[np.uint8], onset: int, apex: int
) -> None:
    pair = pairs.of(Clip(frames, 50.0), onset, apex)
    assert (pair is None) == (max(onset, apex) >= len(frames))
    if pair:
        assert np.array_equal(image(pair["onset"]), frames[onset])
        assert np.array_equal(image(pair["apex"]), frames[apex])
        assert pairs.of(Clip(frames, 50.0), onset, apex) == pair


def test_a_clip_with_too_few_frames_has_none(built: Path, tmp_path: Path) -> None:
    video = built / TEST.replace("onset_apex", "data")
    table = pq.read_table(video)
    row = table.to_pylist()[0]
    row["video"]["bytes"] = codec.encode(
        Clip(codec.decode(row["video"]["bytes"]).frames[: row["apex_frame"]], 50.0)
    )
    rows = [row, *table.to_pylist()[1:]]
    short = tmp_path / "short.parquet"
    shards.write(short, iter([table.from_pylist(rows, table.schema)]), read_stamp(video))
    (found,) = pairs.of_shard(short)
    known = pq.read_table(built / TEST)
    for name in pairs.NAMES:
        assert found[name].to_pylist() == [None, *known[name].to_pylist()[1:]]


def test_a_build_may_do_without(plan: Plan, built: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    builds.build(plan, out, BARE, card=dataset_card.write)
    assert verify(out) == []
    assert not (out / "onset_apex").exists()
    assert "onset_apex" not in (out / "README.md").read_text()
    for one, other in zip(files(out, "data"), files(built, "data"), strict=True):
        assert pq.read_table(one).equals(pq.read_table(other))
    before = sums(out)
    with pytest.raises(BuildError, match=r"pairs None there and WebP lossless=True .* here"):
        builds.build(plan, out, SMALL)
    assert sums(out) == before
    with pytest.raises(BuildError, match=r"pairs WebP lossless=True .* there and None here"):
        builds.build(plan, built, BARE)


def test_the_fingerprint_without_is_that_of_builds_that_knew_none() -> None:
    assert "pairs" not in BARE.made_with()
    assert SMALL.made_with() == BARE.made_with() | {"pairs": pairs.describe()}


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


@pytest.mark.parametrize("moment", ["videos written", "images written", "images moved"])
def test_killed_between_videos_and_images_they_still_belong_together(
    plan: Plan, built: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    measures.measure(dataset, Measures(("pixels",)), card=dataset_card.write)
    measured = pq.read_table(dataset / TEST, columns=["psnr"])["psnr"]
    (dataset / TEST.replace("onset_apex", "data")).write_bytes(b"damaged")
    record = checksums.record

    def stop(folder: Path, known: dict[str, str], name: str) -> None:
        record(folder, known, name)
        if name.startswith({"videos written": "data", "images written": "onset"}.get(moment, "-")):
            raise Killed

    def card(folder: Path) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(checksums, "record", stop)
        builds.build(plan, dataset, SMALL, card=card)
    builds.build(plan, dataset, SMALL, card=dataset_card.write)
    assert verify(dataset) == []
    assert measured.null_count == 0
    assert pq.read_table(dataset / TEST, columns=["psnr"])["psnr"].null_count == len(measured)
    assert (dataset / TEST).read_bytes() == (built / TEST).read_bytes()


def measure(folder: Path, **options: Any) -> Any:
    options = {"card": dataset_card.write, **options}
    return measures.measure(folder, Measures(options.pop("what", ())), **options)


def test_a_dataset_without_is_measured(plan: Plan, tmp_path: Path) -> None:
    out = tmp_path / "out"
    builds.build(plan, out, BARE, card=dataset_card.write)
    assert measure(out, what=("pixels",)).shards == 3
    assert verify(out) == []
    assert not (out / "onset_apex").exists()


@pytest.mark.parametrize("links", [True, False])
def test_images_whose_labels_stay_are_not_written_again(
    dataset: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*arguments: Any) -> None:
        raise PermissionError

    if not links:  # not every file system has them
        monkeypatch.setattr(os, "link", refuse)
    images = files(dataset, "onset_apex")
    likeness = {
        path: min(pq.read_table(path, columns=["first_frame_psnr"]).to_pydict()["first_frame_psnr"])
        for path in images
    }
    worst, next_worst, _ = sorted(likeness.values())
    gates = Gates(("first frame differs",), first_frame_psnr=(worst + next_worst) / 2)
    before = {path: (path.read_bytes(), path.stat().st_ino) for path in images}
    assert measure(dataset, gates=gates).shards == 1
    assert verify(dataset) == []
    for path in images:
        changes = likeness[path] == worst
        assert (path.read_bytes() != before[path][0]) == changes
        assert (path.stat().st_ino != before[path][1]) == (changes or not links)
    assert not (dataset / checksums.STAGED).exists()


def append(folder: Path, other: Path) -> str:
    """Put another build beside a dataset, as on the Hub; returns the name of its origin."""
    fingerprint = read_stamp(files(other, "data")[0]).build
    known = checksums.read(folder)
    for name in (name for name in checksums.read(other) if name != dataset_card.NAME):
        target = generation_name(name, fingerprint)
        shutil.copy(other / name, folder / target)
        checksums.record(folder, known, target)
    dataset_card.write(folder)
    return generation_name(ORIGIN, fingerprint)


def test_a_dataset_with_an_append_is_measured(dataset: Path, tmp_path: Path) -> None:
    later = tiny_plan(8, replace(TINY, seed=1))
    builds.build(later, tmp_path / "later", SMALL, card=dataset_card.write)
    origin = append(dataset, tmp_path / "later")
    before, wrong = (dataset / origin).read_bytes(), verify(dataset)
    assert {finding.file for finding in wrong} <= {"."}  # the plans knew nothing of each other
    report = measure(dataset, what=("pixels",))
    assert (report.clips, report.measured, report.shards) == (80, 80, 6)
    assert verify(dataset) == wrong
    assert (dataset / origin).read_bytes() == before
    for place in FOLDERS.values():
        assert len(files(dataset, place)) == 6
        for path in files(dataset, place):
            assert pq.read_table(path, columns=["psnr"])["psnr"].null_count == 0


def test_the_command_has_a_switch(tmp_path: Path) -> None:
    plans.write(tiny_plan(1), tmp_path / "plan.parquet")
    for option, out, there in (("--no-pairs", "without", False), ("--pairs", "with", True)):
        command = ["build", "plan.parquet", "--out", out, "--workers", "1", option]
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 0, done.output
        assert (tmp_path / out / "onset_apex").exists() == there
