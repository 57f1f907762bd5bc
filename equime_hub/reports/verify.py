"""Whether a dataset folder is what it claims to be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from equime_hub import checksums
from equime_hub.builder.spec import Progress
from equime_hub.cards import dataset_card
from equime_hub.cards.statistics import count
from equime_hub.errors import DatasetError
from equime_hub.loading_script.names import holds_dataset
from equime_hub.schema.features import SCHEMA_VERSION, check_features
from equime_hub.schema.stamp import read_stamp


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
    """Check every file's hash and schema, the people in each split, and the card's numbers.

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
    names = sorted(shards | set(sums))
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
    # The rest reads the label files, so it waits until those are sound.
    if not any(f.file.startswith(("metadata/", dataset_card.NAME)) for f in findings):
        findings += _check_people(folder) + _check_card(folder)
    return findings


def _check_file(folder: Path, name: str, sums: dict[str, str]) -> list[Finding]:
    path = folder / name
    if not path.is_file():
        return [Finding(name, "is missing.")]
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


def _features(path: Path):  # type: ignore[no-untyped-def]
    from datasets import Features

    return Features.from_arrow_schema(pq.read_schema(path))


def _check_people(folder: Path) -> list[Finding]:
    seen: dict[str, str] = {}
    shared: dict[str, set[str]] = {}
    for path in sorted(folder.glob("metadata/*.parquet")):
        split = path.name.split("-", 1)[0]
        for subject in pq.read_table(path, columns=["subject_id"])["subject_id"].unique():
            first = seen.setdefault(subject.as_py(), split)
            if first != split:
                shared.setdefault(subject.as_py(), {first}).add(split)
    return [
        Finding(".", f"person {person!r} is in {' and '.join(sorted(splits))}.")
        for person, splits in sorted(shared.items())
    ]


def _check_card(folder: Path) -> list[Finding]:
    from huggingface_hub import RepoCard

    data = RepoCard.load(folder / dataset_card.NAME).data
    described = {info["config_name"]: info["splits"] for info in data["dataset_info"]}
    findings = []
    for split, size in count(folder).splits.items():
        rows = sum(pq.read_metadata(p).num_rows for p in folder.glob(f"data/{split}-*.parquet"))
        if rows != size.clips:
            findings.append(
                Finding(".", f"{split} has {rows} rows in data and {size.clips} in metadata.")
            )
        for config, splits in described.items():
            told = {s["name"]: s["num_examples"] for s in splits}.get(split)
            if told != size.clips:
                findings.append(
                    Finding(
                        dataset_card.NAME,
                        f"says {told} rows for {split} of {config}, there are {size.clips}.",
                    )
                )
    return findings
