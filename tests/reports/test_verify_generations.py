from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from equime_hub import checksums
from equime_hub.errors import DatasetError
from equime_hub.reports.verify import verify
from equime_hub.schema.features import FOLDERS
from equime_hub.schema.releases import Release, read_releases, write_releases
from equime_hub.schema.stamp import generation_name, read_origin
from tests.reports.test_verify import problems, resign, rewrite
from tests.support.grown import grow, publish
from tests.support.grown import second as build_second


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_second(tmp_path_factory.mktemp("second") / "equime")


@pytest.fixture(scope="module")
def two(built: Path, second: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`built` and `second` as one; do not change it, copy it."""
    return grow(Path(shutil.copytree(built, tmp_path_factory.mktemp("two") / "equime")), second)


@pytest.fixture
def grown(two: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two, tmp_path / "grown"))


@pytest.fixture
def appended(second: Path) -> str:
    """Fingerprint of the second generation."""
    origin = read_origin(second)
    assert origin is not None
    return origin.fingerprint


def change_releases(folder: Path, at: int, **values: object) -> None:
    told = list(read_releases(folder))
    told[at] = replace(told[at], **values)  # type: ignore[arg-type]
    write_releases(folder, told)
    resign(folder)


def test_two_generations_are_one_sound_dataset(two: Path, appended: str) -> None:
    assert verify(two) == []
    assert any(f"-g{appended[:8]}-" in path.name for path in two.glob("data/*.parquet"))
    assert len(load_dataset(str(two), "metadata", split="train+validation+test")) == 50


def test_a_shard_of_another_name_is_found(grown: Path, second: Path) -> None:
    """A name is the one of the stamp, or the one of its generation."""
    (name,) = (p.name for p in second.glob("data/train-*.parquet"))
    (place,) = grown.glob("data/train-g*.parquet")
    place.rename(grown / "data/train-00001-of-00002.parquet")
    sums = checksums.read(grown)
    del sums[f"data/{place.name}"]
    checksums.record(grown, sums, "data/train-00001-of-00002.parquet")
    found = problems(grown)
    assert found == {"data/train-00001-of-00002.parquet": f"was built as data/{name}."}


def test_a_shard_of_a_build_without_origin_is_found(grown: Path, appended: str) -> None:
    (grown / generation_name("build.json", appended)).unlink()
    sums = checksums.read(grown)
    del sums[generation_name("build.json", appended)]
    checksums.write(grown, sums)
    assert f"different builds: {', '.join(sorted(known(grown)))}" in problems(grown)["."]


def known(folder: Path) -> set[str]:
    return {release.build for release in read_releases(folder)}


def test_an_origin_of_another_name_is_found(grown: Path, appended: str) -> None:
    origin = grown / generation_name("build.json", appended)
    origin.rename(grown / "build-gffffffff.json")
    sums = checksums.read(grown)
    del sums[origin.name]
    checksums.record(grown, sums, "build-gffffffff.json")
    assert problems(grown)["build-gffffffff.json"].startswith("is not named after the build")


def test_a_damaged_origin_is_found(grown: Path, appended: str) -> None:
    (grown / generation_name("build.json", appended)).write_text("[]")
    resign(grown)
    assert any("is damaged" in finding.problem for finding in verify(grown))


def test_a_clip_that_is_in_both_is_found(grown: Path) -> None:
    first = pq.read_table(grown / "metadata/train-00000-of-00001.parquet", columns=["clip_id"])
    clip = first["clip_id"][0].as_py()

    def same(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index("clip_id")
        return table.set_column(at, "clip_id", pa.array([clip, *table["clip_id"].to_pylist()[1:]]))

    for config in FOLDERS.values():
        (path,) = grown.glob(f"{config}/train-g*.parquet")
        rewrite(path, same)
    resign(grown)
    assert problems(grown)["."] == f"1 clip_id are there more than once, such as {clip!r}."


def test_a_person_in_another_split_of_another_generation_is_found(grown: Path) -> None:
    test = pq.read_table(grown / "metadata/test-00000-of-00001.parquet", columns=["subject_id"])
    person = test["subject_id"][0].as_py()

    def of_them(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index("subject_id")
        return table.set_column(at, "subject_id", pa.array([person] * len(table)))

    for config in FOLDERS.values():
        (path,) = grown.glob(f"{config}/train-g*.parquet")
        rewrite(path, of_them)
    resign(grown)
    assert problems(grown)["."] == f"person {person!r} is in test and train."


def test_a_generation_that_is_lost_is_missed(grown: Path, appended: str) -> None:
    """Even if its sums and its origin are lost with it, and the card says nothing of it."""
    for path in (*grown.glob("*/*-g*.parquet"), grown / generation_name("build.json", appended)):
        path.unlink()
    sums = {name: s for name, s in checksums.read(grown).items() if (grown / name).is_file()}
    checksums.write(grown, sums)
    found = problems(grown)
    assert found["releases.json"] == f"v1.1.0 is build {appended}, of which no row is here."
    assert "there are 30" in found["README.md"] or "the shards say" in found["README.md"]


def test_a_generation_that_nobody_released_is_found(grown: Path, appended: str) -> None:
    publish(grown, read_releases(grown)[:1])
    assert problems(grown) == {"releases.json": f"no release is of build {appended}."}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"clips": {"train": 9}}, "v1.1.0 says 9 clips in train, there are 10."),
        ({"clips": {"train": 10, "test": 1}}, "v1.1.0 says 1 clips in test, there are 0."),
        ({"people": 3}, "v1.1.0 says 3 people, there are 2."),
    ],
)
def test_a_release_that_counts_wrong_is_found(
    grown: Path, values: dict[str, object], said: str
) -> None:
    change_releases(grown, 1, **values)
    found = problems(grown)
    assert found["releases.json"] == said
    assert "Changes" in found["README.md"]


def test_two_releases_of_one_build_are_found(grown: Path, appended: str) -> None:
    (first, _) = read_releases(grown)
    change_releases(grown, 1, build=first.build)
    said = [f.problem for f in verify(grown) if f.file == "releases.json"]
    assert f"2 releases are of build {first.build}." in said
    assert f"no release is of build {appended}." in said


def test_a_damaged_list_of_releases_is_found(grown: Path) -> None:
    (grown / "releases.json").write_text(json.dumps({"releases": [{"tag": 1}]}))
    resign(grown)
    (finding,) = verify(grown)
    assert "releases.json is damaged" in finding.problem
    with pytest.raises(DatasetError):
        read_releases(grown)


def test_releases_are_part_of_the_card(grown: Path) -> None:
    told = read_releases(grown)
    write_releases(grown, [replace(told[0], note="Another."), told[1]])
    resign(grown)
    assert isinstance(told[0], Release)
    assert 'in "Changes", the shards say \'**v1.0.0**' in problems(grown)["README.md"]
