"""Measuring a dataset that is there: what changes, what must not, and what a crash leaves."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.quality import write_weights
from equime_hub import checksums
from equime_hub.builder.measure.gates import Gates
from equime_hub.builder.measure.meter import TOOLS, Measures
from equime_hub.builder.plan import Plan
from equime_hub.cards import dataset_card
from equime_hub.cards.statistics import count
from equime_hub.errors import BuildError, DatasetError
from equime_hub.jobs import build as builds
from equime_hub.jobs import columns
from equime_hub.jobs import measure as rm
from equime_hub.reports.verify import verify
from equime_hub.schema.features import FOLDERS
from equime_hub.schema.stamp import read_origin
from tests.conftest import SMALL, WARP, sums, tiny_plan
from tests.support import forks

SHARD = "data/train-00000-of-00001.parquet"
BARE = replace(SMALL, render=replace(WARP, measures=Measures(())))
PIXELS = Measures(("pixels",))
STATIC = Gates(("static", "wrong duration"))
TINY_CLIP: dict[str, Any] = {
    "embed_dim": 32, "image_resolution": 64, "vision_layers": (1, 1, 1, 1), "vision_width": 8,
    "context_length": 8, "vocab_size": 64, "transformer_width": 64, "transformer_heads": 1,
    "transformer_layers": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def bare_plan() -> Plan:
    """20 clips in two splits."""
    return tiny_plan(4)


@pytest.fixture(scope="module")
def bare(bare_plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset without measurements; do not change it."""
    folder = tmp_path_factory.mktemp("bare") / "equime"
    builds.build(bare_plan, folder, BARE, card=dataset_card.write)
    return folder


@pytest.fixture
def folder(bare: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bare, tmp_path / "equime"))


@pytest.fixture(scope="module")
def measured(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`bare` after an uninterrupted run with motion, pixels and gates; do not change it."""
    folder = Path(shutil.copytree(bare, tmp_path_factory.mktemp("measured") / "equime"))
    run(folder)
    return folder


def run(folder: Path, measures: Measures | None = None, **options: Any) -> rm.MeasureReport:
    options = {"gates": STATIC, "card": dataset_card.write, **options}
    return rm.measure(folder, measures or Measures(("motion", "pixels")), **options)


def rows(folder: Path) -> list[dict[str, Any]]:
    tables = [pq.read_table(path) for path in sorted(folder.glob("data/*.parquet"))]
    found: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
    return found


def test_the_columns_are_filled_in_and_nothing_else_changes(bare: Path, measured: Path) -> None:
    own = {*TOOLS["motion"], *TOOLS["pixels"], "accepted", "rejection_reason"}
    assert verify(measured) == []
    names = [path.relative_to(bare) for path in bare.glob("*/*.parquet")]
    assert {name.parts[0] for name in names} == set(FOLDERS.values())
    for name in names:
        before, after = (pq.ParquetFile(root / name) for root in (bare, measured))
        assert before.schema_arrow.equals(after.schema_arrow, check_metadata=True)
        assert before.metadata.metadata == after.metadata.metadata  # the stamp, among others
        groups = [
            [f.metadata.row_group(i).num_rows for i in range(f.num_row_groups)]
            for f in (before, after)
        ]
        assert groups[0] == groups[1]
        old, new = before.read(), after.read()
        for column in set(old.column_names) - own:
            assert old[column].equals(new[column]), column
    for row in rows(measured):
        assert 0 < row["motion_amplitude"] < 0.2
        assert row["psnr"] > 20 and 0 < row["ssim"] <= 1 and row["tv"] > 0
        assert row["brisque"] is None and row["clip_iqa"] is None


def test_what_was_done_is_written_down(bare: Path, measured: Path) -> None:
    before, after = read_origin(bare), read_origin(measured)
    assert before is not None and after is not None
    told = after.made_with["measured"]
    assert set(told["tools"]) == {"motion", "pixels"}
    assert "opencv" in told["tools"]["motion"]
    assert told["gates"] == STATIC.describe()
    assert replace(after, made_with=before.made_with) == before


def test_the_report_counts_reasons_and_so_does_the_card(folder: Path) -> None:
    report = run(folder)
    assert (report.clips, report.measured, report.shards) == (20, 20, 2)
    assert report.before == {"accepted": 20}
    reasons = [row["rejection_reason"] or "accepted" for row in rows(folder)]
    assert report.after == {name: reasons.count(name) for name in sorted(set(reasons))}
    assert len(report.after) > 1, "no clip is rejected: the test shows nothing"
    rejected = sum(size.rejected for size in count(folder).splits.values())
    assert rejected == 20 - report.after["accepted"]


def test_a_second_run_changes_nothing(measured: Path, folder: Path) -> None:
    run(folder)
    report = run(folder, gates=None)  # keeps those of the run before
    assert (report.measured, report.shards) == (0, 0)
    assert report.before == report.after
    assert sums(folder) == sums(measured)
    assert run(folder, refresh=True).measured == 20
    assert sums(folder) == sums(measured)


def test_gates_decide_anew_without_pixels_and_back_again(measured: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(measured, tmp_path / "equime"))
    strict = Gates(("first frame differs",), first_frame_psnr=1000)
    assert run(folder, Measures(()), gates=strict).after == {"first frame differs": 20}
    assert verify(folder) == []
    assert run(folder, Measures(()), gates=STATIC).before == {"first frame differs": 20}
    assert sums(folder) == sums(measured)  # the same bytes, although all were written twice


def test_measuring_twice_is_measuring_once(measured: Path, folder: Path) -> None:
    run(folder, Measures(("motion",)))
    assert run(folder, PIXELS).measured == 20
    assert sums(folder) == sums(measured)


def test_two_workers_measure_the_same(measured: Path, folder: Path) -> None:
    run(folder, workers=2)
    assert sums(folder) == sums(measured)


def test_a_build_says_the_same_as_a_later_measurement_of_pixels(
    bare_plan: Plan, measured: Path, tmp_path: Path
) -> None:
    config = replace(SMALL, render=replace(WARP, measures=PIXELS))
    builds.build(bare_plan, tmp_path / "out", config, card=dataset_card.write)
    for one, other in zip(rows(tmp_path / "out"), rows(measured), strict=True):
        assert [one[c] for c in TOOLS["pixels"]] == [other[c] for c in TOOLS["pixels"]]


def test_the_gates_of_a_build_are_kept_unless_others_are_given(
    bare_plan: Plan, tmp_path: Path
) -> None:
    config = replace(SMALL, render=replace(WARP, gates=STATIC))
    out = tmp_path / "out"
    report = builds.build(bare_plan, out, config, card=dataset_card.write)
    assert report.rejected > 0
    again = run(out, Measures(()), gates=None)
    assert (again.shards, again.before) == (0, again.after)
    with pytest.raises(BuildError, match=r"gates .* there and .* here"):
        builds.build(bare_plan, out, SMALL)


def test_the_weights_are_part_of_what_is_written_down(folder: Path, tmp_path: Path) -> None:
    write_weights(tmp_path / "weights", **TINY_CLIP)
    measures, missing = Measures.choose(["quality"], tmp_path / "weights")
    assert not missing
    run(folder, PIXELS)
    run(folder, measures)
    assert all(row["clip_iqa"] is not None and row["brisque"] is not None for row in rows(folder))
    build_json = (folder / "build.json").read_text()
    assert str(tmp_path) not in build_json
    tools = json.loads(build_json)["made_with"]["measured"]["tools"]
    assert "brisque_svm_weights.pt" in tools["brisque"] and "RN50.pt" in tools["clip_iqa"]
    # Without the weights nothing that is there is lost.
    before = sums(folder)
    assert Measures.choose(["quality"], tmp_path)[0].tools == ("pixels",)
    run(folder, PIXELS, refresh=True)
    assert sums(folder) == before


def test_a_build_over_it_keeps_what_was_measured(
    bare_plan: Plan, measured: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(measured, tmp_path / "equime"))
    report = builds.build(bare_plan, folder, BARE, card=dataset_card.write)
    assert report.made == 0
    assert sums(folder) == sums(measured)
    # Images are cut out again of the videos that are there, and no value is lost.
    (folder / SHARD.replace("data", "onset_apex")).unlink()
    assert builds.build(bare_plan, folder, BARE, card=dataset_card.write).made == 0
    assert sums(folder) == sums(measured)
    # A shard that is made again has no values; they are all that is measured then.
    (folder / SHARD).write_bytes(b"damaged")
    made = builds.build(bare_plan, folder, BARE, card=dataset_card.write).made
    assert made == pq.read_metadata(folder / SHARD).num_rows
    assert verify(folder) == []
    assert run(folder, gates=None).measured == made
    assert sums(folder) == sums(measured)


def test_broken_clips_are_left_alone(folder: Path) -> None:
    table = pq.read_table(folder / SHARD)
    changed = _with(table, accepted=[False] * len(table), rejection_reason=["black"] * len(table))
    _replace_shard(folder, changed)
    report = run(folder)
    assert report.measured == 20 - len(table)
    assert report.after["black"] == len(table)
    assert pq.read_table(folder / SHARD)["psnr"].null_count == len(table)


def _with(table: pa.Table, **columns: list[Any]) -> pa.Table:
    for name, values in columns.items():
        at = table.schema.get_field_index(name)
        field = table.schema.field(at)
        table = table.set_column(at, field, pa.array(values, field.type))
    return table


def _replace_shard(folder: Path, table: pa.Table) -> None:
    from equime_hub.builder import shards
    from equime_hub.schema.stamp import read_stamp

    for config, place in FOLDERS.items():
        path = folder / SHARD.replace("data", place)
        for name in ("onset", "apex") if config == "onset_apex" else ():
            table = table.append_column(name, pq.read_table(path)[name])
        shards.write(path, iter([table]), read_stamp(path), config)
        checksums.record(folder, checksums.read(folder), path.relative_to(folder).as_posix())
    dataset_card.write(folder)


# What interruptions leave.


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


def during_the_first_chunks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    def progress(done: int, total: int) -> None:
        if done:
            raise Killed

    return {"progress": progress}


def while_shards_are_written(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    write, calls = columns._rewrite, iter(range(9))

    def stop(*arguments: Any) -> None:
        if next(calls):
            raise Killed
        write(*arguments)

    monkeypatch.setattr(columns, "_rewrite", stop)
    return {}


def before_the_card(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    def card(folder: Path) -> None:
        raise Killed

    return {"card": card}


def moved(files: int) -> Callable[[pytest.MonkeyPatch], dict[str, Any]]:
    """After so many files were put in their places."""

    def stop(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        real, calls = Path.replace, iter(range(99))

        def replace(self: Path, target: Path) -> Path:
            if checksums.STAGED in self.parts and next(calls) == files:
                raise Killed
            return real(self, target)

        monkeypatch.setattr(Path, "replace", replace)
        return {}

    return stop


def before_sweeping(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    real = shutil.rmtree

    def rmtree(path: Path, **options: Any) -> None:
        if path.name == checksums.STAGED:
            raise Killed
        real(path, **options)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    return {}


UNTOUCHED = (during_the_first_chunks, while_shards_are_written, before_the_card)
FILES = 9  # two shards with videos and with images, two files of labels, card, build.json, sums


@pytest.fixture
def patched() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield monkeypatch


@pytest.mark.parametrize("moment", UNTOUCHED)
def test_until_everything_is_made_the_dataset_is_as_it_was(
    moment: Callable[[pytest.MonkeyPatch], dict[str, Any]],
    bare: Path,
    measured: Path,
    folder: Path,
    patched: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Killed):
        run(folder, **moment(patched))
    patched.undo()
    assert list((folder / rm.WORKSHOP).glob("*.json"))
    assert verify(folder) == []
    visible = {k: v for k, v in sums(folder).items() if not k.startswith(rm.WORKSHOP)}
    assert visible == sums(bare)
    done: list[int] = []
    run(folder, progress=lambda now, total: done.append(now))
    assert done[0] > 0, "what was measured was measured again"
    assert sums(folder) == sums(measured)


@pytest.mark.parametrize("moment", [*map(moved, range(FILES)), before_sweeping])
def test_while_files_are_moved_it_is_said_so_and_the_next_run_moves_the_rest(
    moment: Callable[[pytest.MonkeyPatch], dict[str, Any]],
    bare_plan: Plan,
    measured: Path,
    folder: Path,
    patched: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Killed):
        run(folder, **moment(patched))
    patched.undo()
    for use in (lambda: verify(folder), lambda: builds.build(bare_plan, folder, BARE)):
        with pytest.raises(DatasetError, match=r"interrupted .* Nothing is damaged: `equime mea"):
            use()
    assert run(folder).measured == 0
    assert sums(folder) == sums(measured)


def test_the_moments_above_are_all_there_are(folder: Path, patched: pytest.MonkeyPatch) -> None:
    run(folder, **moved(FILES)(patched))


def test_killed_at_any_time_and_started_again_the_bytes_are_the_same(
    measured: Path, folder: Path
) -> None:
    gates = "static,wrong-duration"
    command = "-m", "equime_hub", "measure", folder.name, "--gates", gates, "--workers"
    kills = 0
    for moment in ("train*.json", "new/data/*", "new/onset_apex/*", "new/metadata/*"):
        process = forks.Fork(*command, "1" if kills else "2")
        while process.poll() is None and not list(folder.glob(f"{rm.WORKSHOP}/{moment}")):
            time.sleep(0.001)
        process.kill()
        kills += process.wait() != 0
        if not (folder / checksums.STAGED).is_dir():
            assert verify(folder) == []
    assert kills, "the run was never interrupted"
    forks.succeeded(*command, "1")
    assert sums(folder) == sums(measured)


def test_another_question_is_answered_from_the_start(measured: Path, folder: Path) -> None:
    def card(folder: Path) -> None:
        raise Killed

    with pytest.raises(Killed):
        run(folder, PIXELS, card=card)
    done: list[int] = []
    run(folder, progress=lambda now, total: done.append(now))
    assert done[0] == 0
    assert sums(folder) == sums(measured)
