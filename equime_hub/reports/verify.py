"""Whether a dataset folder is what it claims to be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub import checksums
from equime_hub.cards import dataset_card
from equime_hub.cards.statistics import count
from equime_hub.errors import DatasetError
from equime_hub.loading_script.names import holds_dataset
from equime_hub.progress import Progress
from equime_hub.schema.features import CONFIGS, SCHEMA_VERSION, check_features, columns
from equime_hub.schema.stamp import read_stamp

if TYPE_CHECKING:
    from datasets import Features

Labels = dict[str, pa.Table]
"""Split → every column but the video."""


@dataclass(frozen=True)
class Finding:
    """Something wrong.

    Attributes:
        file: Name inside the folder; "." for the folder as a whole.
        problem: One sentence.
    """

    file: str
    problem: str


def verify(folder: Path, progress: Progress | None = None) -> list[Finding]:
    """Check every file's hash and schema, then what they say together.

    That is: no person is in two splits, `data` and `metadata` have the same labels in the same
    order, and the card's numbers are right. It waits until every shard and the card are sound.

    Args:
        folder: A built dataset.
        progress: Called with files done and files in all.

    Returns:
        What is wrong; empty if nothing is.

    Raises:
        DatasetError: The folder is missing, or holds nothing that was built here.
    """
    sums = checksums.read(folder)
    if not folder.is_dir() or not (sums or holds_dataset(folder)):
        raise DatasetError(f"{folder} holds no dataset built by `equime build`.")
    shards = {p.relative_to(folder).as_posix() for p in folder.glob("*/*.parquet")}
    names = sorted(shards | set(sums) | {dataset_card.NAME})
    findings = []
    for done, name in enumerate(names):
        if progress:
            progress(done, len(names))
        findings += _check_file(folder, name, sums)
    if progress:
        progress(len(names), len(names))
    builds = {read_stamp(folder / name).build for name in shards - {f.file for f in findings}}
    if len(builds) > 1:
        findings.append(Finding(".", f"shards of different builds: {', '.join(sorted(builds))}."))
    if not any(f.file.endswith((".parquet", dataset_card.NAME)) for f in findings):
        data, labels = _labels(folder / "data"), _labels(folder / "metadata")
        findings += _check_people(data, labels) + _compare(data, labels) + _check_card(folder)
    return findings


def _check_file(folder: Path, name: str, sums: dict[str, str]) -> list[Finding]:
    path = folder / name
    if not path.is_file():
        # Only the card is looked for without being listed.
        reason = "is missing." if name in sums else "is missing: the build is not finished."
        return [Finding(name, reason)]
    if name not in sums:
        return [Finding(name, f"is not listed in {checksums.NAME}.")]
    if not checksums.intact(folder, sums, name):
        return [Finding(name, "is damaged: its SHA-256 is not the recorded one.")]
    if not name.endswith(".parquet"):
        return []
    try:
        stamp = read_stamp(path)
        found = _features(path)
    except DatasetError as error:
        return [Finding(name, str(error))]
    if stamp.schema_version != SCHEMA_VERSION:
        return [Finding(name, f"has schema {stamp.schema_version}, expected {SCHEMA_VERSION}.")]
    if stamp.name != name:
        return [Finding(name, f"was built as {stamp.name}.")]
    try:
        check_features(found)
    except DatasetError as error:
        return [Finding(name, str(error))]
    return []


def _features(path: Path) -> Features:
    from datasets import Features

    return Features.from_arrow_schema(pq.read_schema(path))


def _labels(folder: Path) -> Labels:
    names = [column.name for column in columns("metadata")]
    tables: dict[str, list[pa.Table]] = {}
    for path in sorted(folder.glob("*.parquet")):
        split = path.name.split("-", 1)[0]
        tables.setdefault(split, []).append(pq.read_table(path, columns=names))
    return {split: pa.concat_tables(found) for split, found in tables.items()}


def _check_people(*folders: Labels) -> list[Finding]:
    places: dict[str, set[str]] = {}
    for tables in folders:
        for split, table in tables.items():
            for person in table["subject_id"].unique().to_pylist():
                places.setdefault(person, set()).add(split)
    return [
        Finding(".", f"person {person!r} is in {' and '.join(sorted(splits))}.")
        for person, splits in sorted(places.items())
        if len(splits) > 1
    ]


def _compare(data: Labels, labels: Labels) -> list[Finding]:
    findings = []
    for split in sorted({*data, *labels}):
        rows = [len(tables.get(split, ())) for tables in (data, labels)]
        if rows[0] != rows[1]:
            problem = f"{split} has {rows[0]} rows in data and {rows[1]} in metadata."
            findings.append(Finding(".", problem))
            continue
        names = data[split].column_names
        wrong = [name for name in names if not data[split][name].equals(labels[split][name])]
        if wrong:
            problem = f"{split} is not the same in data and metadata: {', '.join(wrong)}."
            findings.append(Finding(".", problem))
    return findings


def _check_card(folder: Path) -> list[Finding]:
    from huggingface_hub import RepoCard

    data = RepoCard.load(folder / dataset_card.NAME).data
    described = {info["config_name"]: info["splits"] for info in data.get("dataset_info") or ()}
    findings = []
    for split, size in count(folder).splits.items():
        for config in CONFIGS:
            told = {s["name"]: s for s in described.get(config, ())}.get(split, {})
            for key, unit, there in (
                ("num_examples", "rows", size.clips),
                ("num_bytes", "bytes", size.num_bytes[config]),
            ):
                if told.get(key) != there:
                    problem = f"says {told.get(key)} {unit} for {split} of {config}, "
                    findings.append(Finding(dataset_card.NAME, f"{problem}there are {there}."))
    return findings
