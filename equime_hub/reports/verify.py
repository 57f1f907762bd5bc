"""Whether a dataset folder is what it claims to be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from equime_hub import checksums
from equime_hub.cards import dataset_card
from equime_hub.errors import DatasetError
from equime_hub.loading_script.names import holds_dataset
from equime_hub.progress import Progress
from equime_hub.reports.contents import Finding, check_builds, check_numbers, check_rows
from equime_hub.schema.features import SCHEMA_VERSION, check_features
from equime_hub.schema.stamp import ORIGIN, generation_name, read_stamp

if TYPE_CHECKING:
    from datasets import Features


def verify(folder: Path, progress: Progress | None = None) -> list[Finding]:
    """Check every file's hash and schema, then what they say together.

    That is: every shard is of a build that left its origin here, no person is in two splits, no
    clip is there twice, all configs have the same labels in the same order, and the numbers of
    the card and of `releases.json` are right. What concerns rows waits until every shard and the
    card are sound.

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
    names = sorted(shards | set(sums) | {dataset_card.NAME, ORIGIN})
    findings = []
    for done, name in enumerate(names):
        if progress:
            progress(done, len(names))
        findings += _check_file(folder, name, sums)
    if progress:
        progress(len(names), len(names))
    wrong = {finding.file for finding in findings}
    findings += check_builds(folder, {read_stamp(folder / name).build for name in shards - wrong})
    if not any(name.endswith((".parquet", dataset_card.NAME)) for name in wrong):
        findings += check_rows(folder)
        if ORIGIN not in wrong:
            findings += check_numbers(folder)
    return findings


def _check_file(folder: Path, name: str, sums: dict[str, str]) -> list[Finding]:
    path = folder / name
    if not path.is_file():
        # Only card and origin are looked for without being listed.
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
    if name not in (stamp.name, generation_name(stamp.name, stamp.build)):
        return [Finding(name, f"was built as {stamp.name}.")]
    try:
        check_features(found)
    except DatasetError as error:
        return [Finding(name, str(error))]
    return []


def _features(path: Path) -> Features:
    from datasets import Features

    return Features.from_arrow_schema(pq.read_schema(path))
