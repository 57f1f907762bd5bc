from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import RepoCard

from equime_hub import checksums
from equime_hub.cards import dataset_card
from equime_hub.errors import DatasetError
from equime_hub.jobs.build import build
from equime_hub.reports.verify import verify
from equime_hub.schema.features import CONFIGS, SCHEMA_VERSION
from tests.conftest import SMALL, tiny_plan

TRAIN = "data/train-00000-of-00001.parquet"


def resign(folder: Path) -> None:
    """Make the checksums agree with whatever is there."""
    files = checksums.read(folder)
    for name in files:
        checksums.record(folder, files, name)


def forget(folder: Path, name: str) -> None:
    """Delete a file and its checksum."""
    (folder / name).unlink()
    checksums.write(folder, {k: v for k, v in checksums.read(folder).items() if k != name})


def small_shard(folder: Path, config: str = "data") -> str:
    """Name of a shard that is not of the training split."""
    return next(
        path.relative_to(folder).as_posix()
        for path in sorted(folder.glob(f"{config}/*.parquet"))
        if not path.name.startswith("train")
    )


def split_of(name: str) -> str:
    return Path(name).name.split("-")[0]


def problems(folder: Path) -> dict[str, str]:
    return {finding.file: finding.problem for finding in verify(folder)}


def test_a_sound_dataset_has_no_findings(built: Path) -> None:
    steps: list[tuple[int, int]] = []
    assert verify(built, lambda done, total: steps.append((done, total))) == []
    files = len(checksums.read(built))
    assert steps[-1] == (files, files)


@pytest.mark.parametrize(
    "name", ["README.md", "build.json", "metadata/train-00000-of-00001.parquet"]
)
def test_every_file_is_hashed(dataset: Path, name: str) -> None:
    with (dataset / name).open("ab") as file:
        file.write(b" ")
    assert "is damaged" in problems(dataset)[name]
    (dataset / name).unlink()
    assert problems(dataset)[name] == "is missing."


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table], **stamp: str) -> None:
    """Change a shard's rows or its stamp, and leave it readable."""
    table = change(pq.read_table(path))
    metadata = dict(pq.read_metadata(path).metadata)
    metadata[b"equime.shard"] = json.dumps(json.loads(metadata[b"equime.shard"]) | stamp)
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"equime.shard": metadata[b"equime.shard"]})


def of_person(person: str) -> Callable[[pa.Table], pa.Table]:
    """Every row is of that person."""

    def change(table: pa.Table) -> pa.Table:
        index = table.schema.get_field_index("subject_id")
        return table.set_column(index, "subject_id", pa.array([person] * len(table)))

    return change


@pytest.mark.parametrize(
    ("config", "other"),
    [("data", ["data"]), ("metadata", ["data", "onset_apex"]), ("onset_apex", ["onset_apex"])],
)
def test_a_person_in_two_splits_is_found(dataset: Path, config: str, other: list[str]) -> None:
    train = pq.read_table(dataset / "metadata/train-00000-of-00001.parquet")
    person = train["subject_id"][0].as_py()
    name = small_shard(dataset, config)
    rewrite(dataset / name, of_person(person))
    resign(dataset)
    assert [finding.problem for finding in verify(dataset) if finding.file == "."] == [
        f"person '{person}' is in {' and '.join(sorted(['train', split_of(name)]))}.",
        *(f"{split_of(name)} is not the same in {c} and metadata: subject_id." for c in other),
    ]


def test_rows_in_another_order_are_found(dataset: Path) -> None:
    def backwards(table: pa.Table) -> pa.Table:
        return table.take(list(range(len(table)))[::-1])

    rewrite(dataset / TRAIN, backwards)
    resign(dataset)
    assert "train is not the same in data and metadata: clip_id" in problems(dataset)["."]


def test_a_split_without_labels_is_found(dataset: Path) -> None:
    name = small_shard(dataset, "metadata")
    forget(dataset, name)
    rows = len(pq.read_table(dataset / small_shard(dataset)))
    assert [finding.problem for finding in verify(dataset) if finding.file == "."] == [
        f"{split_of(name)} has {rows} rows in {config} and 0 in metadata."
        for config in ("data", "onset_apex")
    ]


def test_a_build_stopped_before_its_card_is_not_finished(tmp_path: Path) -> None:
    def stop(folder: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(tiny_plan(1), tmp_path / "new", SMALL, card=stop)
    assert problems(tmp_path / "new") == {"README.md": "is missing: the build is not finished."}


def test_a_card_that_counts_wrong_is_found(dataset: Path) -> None:
    rows = pq.read_metadata(dataset / TRAIN).num_rows
    card = dataset / "README.md"
    card.write_text(card.read_text().replace(f"num_examples: {rows}", "num_examples: 31"))
    resign(dataset)
    assert [(finding.file, finding.problem) for finding in verify(dataset)] == [
        ("README.md", f"says 31 rows for train of {config}, there are {rows}.")
        for config in CONFIGS
    ]


def test_the_bytes_on_the_card_are_those_of_the_columns(built: Path) -> None:
    whole, labels, images = (
        {split["name"]: split["num_bytes"] for split in info["splits"]}
        for info in RepoCard.load(built / "README.md").data["dataset_info"]
    )
    for split in labels:
        (path,) = built.glob(f"metadata/{split}-*.parquet")
        assert labels[split] == pq.read_metadata(path).row_group(0).total_byte_size
        (path,) = built.glob(f"onset_apex/{split}-*.parquet")
        assert images[split] == pq.read_metadata(path).row_group(0).total_byte_size
        (path,) = built.glob(f"data/{split}-*.parquet")
        videos = pq.read_table(path, columns=["video"])["video"].to_pylist()
        assert whole[split] == labels[split] + sum(len(video["bytes"]) for video in videos)


def test_other_bytes_on_the_card_are_found(dataset: Path) -> None:
    card = dataset / "README.md"
    card.write_text(re.sub(r"num_bytes: \d+", "num_bytes: 0", card.read_text()))
    resign(dataset)
    found = [finding.problem for finding in verify(dataset)]
    assert len(found) == len(CONFIGS) * len(list(dataset.glob("metadata/*.parquet")))
    assert all(re.match(r"says 0 bytes for \w+ of \w+, there are [1-9]", text) for text in found)


def test_a_card_without_numbers_is_found(dataset: Path) -> None:
    (dataset / "README.md").write_text("# A dataset\n")
    resign(dataset)
    assert verify(dataset)[0].problem.startswith("says None rows for train of default, there are")


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("schema_version", "0.9", f"has schema 0.9, expected {SCHEMA_VERSION}."),
        ("name", "data/other.parquet", "was built as data/other.parquet."),
    ],
)
def test_other_stamps_are_found(dataset: Path, key: str, value: str, problem: str) -> None:
    name = small_shard(dataset)
    rewrite(dataset / name, lambda table: table, **{key: value})
    resign(dataset)
    assert problems(dataset) == {name: problem}


def test_rows_missing_from_a_shard_are_found(dataset: Path) -> None:
    rows = pq.read_metadata(dataset / TRAIN).num_rows
    rewrite(dataset / TRAIN, lambda table: table.slice(1))
    resign(dataset)
    assert problems(dataset) == {".": f"train has {rows - 1} rows in data and {rows} in metadata."}


def test_other_columns_and_schemas_are_found(dataset: Path) -> None:
    name = small_shard(dataset)
    rewrite(dataset / name, lambda table: table.drop_columns(["seed"]))
    resign(dataset)
    assert "seed: missing" in problems(dataset)[name]


def test_shards_of_another_build_are_found(dataset: Path) -> None:
    name = small_shard(dataset)
    rewrite(dataset / name, lambda table: table, build="another")
    resign(dataset)
    said = problems(dataset)["."]
    assert re.search(r"different builds: (\w{16}, another|another, \w{16})\b", said)


def test_a_folder_that_holds_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no dataset"):
        verify(tmp_path)


@pytest.mark.parametrize(
    ("says", "should", "section"),
    [
        ("of 9 people", "of 8 people", "the first lines"),
        ("| happiness | 7 | 1 |", "| happiness | 6 | 1 |", '"Splits"'),
        ("| gender | man | 14 |", "| gender | man | 15 |", '"Who is in it"'),
        ("noise: 0.9", "noise: 0.8", '"How the clips were made"'),
    ],
)
def test_a_number_of_the_card_that_the_shards_do_not_say_is_found(
    dataset: Path, says: str, should: str, section: str
) -> None:
    card = dataset / "README.md"
    text = card.read_text(encoding="utf-8")
    assert should in text
    card.write_text(text.replace(should, says, 1), encoding="utf-8")
    resign(dataset)
    ((file, problem),) = problems(dataset).items()
    assert file == "README.md"
    assert re.search(rf"says '.*{re.escape(says)}.*' in {section}, the shards say '", problem)


def test_a_card_in_the_words_of_another_version_is_sound(dataset: Path) -> None:
    card = dataset / "README.md"
    text = card.read_text(encoding="utf-8").replace("equime_hub: 0", "equime_hub: 7", 1)
    text = text.replace("## Limits", "## Known limits").replace("nobody has looked", "no one did")
    card.write_text(text, encoding="utf-8")
    resign(dataset)
    assert verify(dataset) == []
    card.write_text(text.replace("| happiness | 6 |", "| happiness | 5 |", 1), encoding="utf-8")
    resign(dataset)
    assert "| happiness | 5 |" in problems(dataset)["README.md"]


def test_a_dataset_without_its_origin_is_found(dataset: Path) -> None:
    forget(dataset, "build.json")
    assert problems(dataset) == {"build.json": "is missing: the build is not finished."}


def test_a_damaged_origin_with_the_right_sum_is_found(dataset: Path) -> None:
    (dataset / "build.json").write_text("{}")
    resign(dataset)
    assert "build.json is damaged" in problems(dataset)["build.json"]


def test_a_dataset_without_images_is_sound_and_one_that_lost_some_is_not(dataset: Path) -> None:
    name = small_shard(dataset, "onset_apex")
    rows = len(pq.read_table(dataset / name))
    forget(dataset, name)
    said = f"{split_of(name)} has 0 rows in onset_apex and {rows} in metadata."
    assert problems(dataset)["."] == said
    for path in sorted(dataset.glob("onset_apex/*")):
        forget(dataset, path.relative_to(dataset).as_posix())
    assert "`onset`" in problems(dataset)["README.md"]
    dataset_card.write(dataset)
    assert verify(dataset) == []
