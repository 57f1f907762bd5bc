from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equime_hub import checksums
from equime_hub.errors import DatasetError
from equime_hub.reports.verify import verify


def resign(folder: Path) -> None:
    """Make the checksums agree with whatever is there."""
    files = checksums.read(folder)
    for name in files:
        checksums.record(folder, files, name)


def problems(folder: Path) -> dict[str, str]:
    return {finding.file: finding.problem for finding in verify(folder)}


def test_a_sound_dataset_has_no_findings(built: Path) -> None:
    steps: list[tuple[int, int]] = []
    assert verify(built, lambda done, total: steps.append((done, total))) == []
    assert steps[-1] == (8, 8)


@pytest.mark.parametrize(
    "name", ["README.md", "build.json", "metadata/test-00000-of-00001.parquet"]
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


def test_a_person_in_two_splits_is_found(dataset: Path) -> None:
    train = pq.read_table(dataset / "metadata/train-00000-of-00001.parquet")
    person = train["subject_id"][0].as_py()

    def everyone_is_that_person(table: pa.Table) -> pa.Table:
        index = table.schema.get_field_index("subject_id")
        return table.set_column(index, "subject_id", pa.array([person] * len(table)))

    rewrite(dataset / "metadata/test-00000-of-00001.parquet", everyone_is_that_person)
    resign(dataset)
    assert problems(dataset) == {".": f"person '{person}' is in test and train."}


def test_a_card_that_counts_wrong_is_found(dataset: Path) -> None:
    card = dataset / "README.md"
    card.write_text(card.read_text().replace("num_examples: 30", "num_examples: 31"))
    resign(dataset)
    assert problems(dataset) == {"README.md": "says 31 rows for train of metadata, there are 30."}


def test_rows_missing_from_a_shard_are_found(dataset: Path) -> None:
    rewrite(dataset / "data/train-00000-of-00001.parquet", lambda table: table.slice(1))
    resign(dataset)
    assert problems(dataset) == {".": "train has 29 rows in data and 30 in metadata."}


def test_other_columns_and_schemas_are_found(dataset: Path) -> None:
    path = dataset / "data/test-00000-of-00001.parquet"
    rewrite(path, lambda table: table.drop_columns(["seed"]))
    resign(dataset)
    assert "seed: missing" in problems(dataset)["data/test-00000-of-00001.parquet"]


def test_shards_of_another_build_are_found(dataset: Path) -> None:
    path = dataset / "data/test-00000-of-00001.parquet"
    rewrite(path, lambda table: table, build="another")
    resign(dataset)
    assert re.search(r"different builds: \w+, another", problems(dataset)["."])


def test_a_folder_that_holds_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no dataset"):
        verify(tmp_path)
