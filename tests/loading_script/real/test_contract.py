"""What every registered dataset promises, on its made-up tree."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

import equime_hub
from equime_hub import configs
from equime_hub.cards import dataset_card
from equime_hub.errors import DatasetError
from equime_hub.jobs import import_
from equime_hub.jobs.import_ import ImportSource
from equime_hub.loading_script.real import REAL, pixels
from equime_hub.loading_script.real.clip import SPANS, Options, RealClip
from equime_hub.loading_script.real.dataset import (
    FOLDER,
    Expected,
    RealDataset,
    is_licensed,
    listed,
)
from equime_hub.loading_script.real.tables import Annotation
from equime_hub.reports.verify import verify
from equime_hub.schema.features import check_features
from equime_hub.schema.imports import split_of
from equime_hub.schema.licences import is_restricted
from tests.support.trees import releases as trees

PAGE = Path(__file__).parents[3] / "docs" / "real.md"
LAZY = {"width", "height", "source_sha256", "encoding", "size_bytes", "bitrate_kbps", "num_frames"}
"""What only the files can tell; null in rows that are loaded without an import."""


@dataclass(frozen=True)
class Case:
    """One dataset with a made-up release and what it became."""

    dataset: RealDataset
    root: Path
    clips: list[RealClip]
    out: Path
    report: import_.ImportReport


@pytest.fixture(scope="module", params=REAL.names())
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    base = tmp_path_factory.mktemp("real")
    dataset: RealDataset = REAL.get(request.param)()
    root = trees.make(request.param, base / "root")
    clips = listed(dataset, root, Options())
    source = ImportSource(
        dataset.name,
        dataset.title,
        dataset.licence,
        dataset.citation,
        clips,
        partial(pixels.read, root),
        {},
    )
    report = import_.import_clips(source, base / "out", card=dataset_card.write)
    return Case(dataset, root, clips, base / "out", report)


def rows(case: Case) -> list[dict[str, Any]]:
    found = (pq.read_table(p) for p in sorted((case.out / "metadata").glob("*.parquet")))
    return [row for table in found for row in table.to_pylist()]


def test_it_says_what_it_is(case: Case) -> None:
    dataset = case.dataset
    assert dataset.name in REAL.names()
    assert type(dataset) is REAL.get(dataset.name)
    for text in (dataset.title, dataset.licence, dataset.citation, dataset.needs):
        assert text.strip() == text != ""
    assert dataset.needs.endswith(".")
    for name in (dataset.name, dataset.name.upper(), dataset.title):
        assert is_licensed(name) == (dataset.name != "equime_release"), name
    for expected in dataset.expected.values():
        assert expected.clips > 0
        assert expected.subjects is None or 0 < expected.subjects <= expected.clips
        assert all(0 < count < expected.clips for count in expected.incomplete.values())
        assert sum(expected.classes.values()) <= expected.clips
    assert all(path.is_file() for path in dataset.files(case.root))
    assert f"| `{dataset.name}` | {dataset.title} | {dataset.needs} |" in PAGE.read_text("utf-8")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_is_declared_in_files_is_of_the_right_kind(path: Path) -> None:
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert path.stem in REAL.names()
    assert set(said) <= set(RealDataset.__annotations__)
    for name, kind in (("expected", Expected), ("tables", Annotation)):
        for part in said.get(name, {}).values():
            configs.from_json(kind, part)


def test_clips_are_the_same_each_time_and_survive_a_pickle(case: Case) -> None:
    again = listed(case.dataset, case.root, Options())
    assert again == case.clips
    assert listed(case.dataset, Path(os.path.relpath(case.root)), Options()) == case.clips
    assert pickle.loads(pickle.dumps(again)) == again


def test_rates_are_those_of_the_dataset(case: Case) -> None:
    declared = set(case.dataset.fps.values())
    assert {clip.fps for clip in case.clips} <= declared


def test_frames_are_in_the_root_and_times_in_the_clip(case: Case) -> None:
    for clip in case.clips:
        assert all((case.root / name).is_file() for name in clip.frames), clip.clip_id
        assert not any((case.root / name).exists() for name in clip.missing), clip.clip_id
        times = [t for t in (clip.onset, clip.apex, clip.offset) if t is not None]
        assert times == sorted(times)
        if clip.num_frames is not None:
            assert all(0 <= t < max(clip.num_frames, 1) for t in times)


def test_there_are_no_more_people_than_in_the_release(case: Case) -> None:
    people = {clip.subject for clip in case.clips}
    assert people
    known = [part.subjects for part in case.dataset.expected.values()]
    if known and None not in known:
        assert len(people) <= sum(filter(None, known))


def test_an_import_is_sound_and_restricted(case: Case) -> None:
    assert verify(case.out) == []
    found = rows(case)
    assert len(found) == case.report.clips == len(case.clips) - case.report.lost
    assert len({row["clip_id"] for row in found}) == len(found)
    for row in found:
        assert is_restricted(row["license"])
        assert row["source_dataset"].partition(" (")[0] == case.dataset.name
        assert "/" in row["subject_id"]
        times = [row[n] for n in ("onset_frame", "apex_frame", "offset_frame")]
        assert all(0 <= t < row["num_frames"] for t in times if t is not None)
    assert "Do not pass it on" in (case.out / "README.md").read_text(encoding="utf-8")


def test_the_card_says_no_more_than_is_known(case: Case) -> None:
    card = (case.out / "README.md").read_text(encoding="utf-8")
    assert ("## Who is in it" in card) == (
        any(row[name] for row in rows(case) for name in ("gender", "age", "race"))
        or any(clip.images_as_people for clip in case.clips)
    )
    assert "micro-expression clips" not in card  # some have macro expressions, or both
    assert "$" not in card


def test_what_is_lost_is_listed(case: Case) -> None:
    lost = {problem.clip_id for problem in case.report.problems if problem.lost}
    there = {row["clip_id"] for row in rows(case)}
    assert there | lost == {clip.clip_id for clip in case.clips}
    assert not there & lost


def test_it_stands_in_one_table_with_synthetic_clips(case: Case, built: Path) -> None:
    ours: Any = equime_hub.load(built, split="train")
    real: Any = equime_hub.load(case.out)
    both = datasets.concatenate_datasets([ours, *real.values()])
    assert check_features(both.features) == "default"
    assert len(both) == len(ours) + case.report.clips
    assert both[0]["expression"] == 0
    assert both[0]["part"] is None is both[0]["fixes"]
    assert len(both[0]["video"]) == both[0]["num_frames"]
    last = both[len(both) - 1]
    assert last["source_dataset"].partition(" (")[0] == case.dataset.name
    assert len(last["video"]) == last["num_frames"]


def test_without_an_import_the_rows_are_the_same(case: Case) -> None:
    lazy: Any = equime_hub.load(case.dataset.name, root=case.root)
    assert set(lazy) == {split_of(clip.part) for clip in case.clips if clip.frames}
    imported: Any = equime_hub.load(case.out)
    for split, ours in imported.items():
        lost = {problem.clip_id for problem in case.report.problems if problem.lost}
        there = [n for n, i in enumerate(lazy[split]["clip_id"]) if i not in lost]
        theirs = lazy[split].select(there)
        for name in set(ours.features) - LAZY - {"video"}:
            assert theirs[name][:] == ours[name][:], name
        mine, other = ours[0]["video"].clip(), theirs[0]["video"].clip()
        assert np.array_equal(mine.frames, other.frames)


@pytest.mark.parametrize("span", SPANS)
def test_every_span_has_the_same_clips(case: Case, span: str) -> None:
    found = listed(case.dataset, case.root, Options(span=span))
    assert [clip.clip_id for clip in found] == [clip.clip_id for clip in case.clips]
    for clip, usual in zip(found, case.clips, strict=True):
        assert set(usual.frames) <= set(clip.frames)


def test_an_unknown_part_and_an_unknown_map_are_refused(case: Case) -> None:
    for options in (Options(part="no such part"), Options(label_map="no such map")):
        with pytest.raises(DatasetError, match="no such"):
            listed(case.dataset, case.root, options)


def test_an_empty_folder_and_none_are_refused(case: Case, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for root in (tmp_path / "empty", tmp_path / "none"):
        with pytest.raises(DatasetError, match=str(tmp_path)):
            listed(case.dataset, root, Options())


def test_names_of_licensed_datasets_are_known_however_they_are_written() -> None:
    assert all(map(is_licensed, ["CASME II", "SMIC-E", "Oulu CASIA", "cas(me)^3", "CK+"]))
    assert not any(map(is_licensed, [None, "", "drawn", "celebahq", "folder", "equime"]))
