"""Whether a dataset folder is what it claims to be: its files, and what they say together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from equime_hub import checksums
from equime_hub.cards import compare, dataset_card
from equime_hub.cards.statistics import Statistics, count
from equime_hub.errors import DatasetError
from equime_hub.loading_script.names import holds_dataset
from equime_hub.progress import Progress, watched
from equime_hub.schema import releases
from equime_hub.schema.features import FOLDERS, SCHEMA_VERSION, check_features, columns
from equime_hub.schema.stamp import ORIGIN, generation_name, read_origins, read_stamp

Labels = dict[str, pa.Table]
"""Split → every column but pixels, of all shards of a config in the order of their names."""


@dataclass(frozen=True)
class VerifyFinding:
    """Something wrong.

    Attributes:
        file: Name inside the folder; "." for the folder as a whole.
        problem: One sentence.
    """

    file: str
    problem: str


def verify(folder: Path, progress: Progress | None = None) -> list[VerifyFinding]:
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
    findings = [
        VerifyFinding(name, problem)
        for name in watched(names, progress)
        if (problem := _file(folder, name, sums))
    ]
    wrong = {finding.file for finding in findings}
    findings += _builds(folder, {read_stamp(folder / name).build for name in shards - wrong})
    if not any(name.endswith((".parquet", dataset_card.NAME)) for name in wrong):
        findings += [VerifyFinding(".", problem) for problem in _rows(folder)]
        if ORIGIN not in wrong:
            findings += _numbers(folder)
    return findings


def _file(folder: Path, name: str, sums: dict[str, str]) -> str | None:
    """What is wrong with a file."""
    from datasets import Features

    path = folder / name
    if not path.is_file():
        # Only card and origin are looked for without being listed.
        return "is missing." if name in sums else "is missing: the build is not finished."
    if name not in sums:
        return f"is not listed in {checksums.NAME}."
    if not checksums.intact(folder, sums, name):
        return "is damaged: its SHA-256 is not the recorded one."
    if not name.endswith(".parquet"):
        return None
    try:
        stamp = read_stamp(path)
        found = Features.from_arrow_schema(pq.read_schema(path))
        if stamp.schema_version != SCHEMA_VERSION:
            return f"has schema {stamp.schema_version}, expected {SCHEMA_VERSION}."
        if name not in (stamp.name, generation_name(stamp.name, stamp.build)):
            return f"was built as {stamp.name}."
        check_features(found)
    except DatasetError as error:
        return str(error)
    return None


def _builds(folder: Path, stamped: set[str]) -> Iterator[VerifyFinding]:
    """Every shard, by the builds they are `stamped` with, must be of one that left its origin."""
    try:
        known = set(read_origins(folder))
    except DatasetError as error:
        yield VerifyFinding(ORIGIN, str(error))
        return
    if known and stamped - known:
        builds = ", ".join(sorted(stamped | known))
        yield VerifyFinding(".", f"shards of different builds: {builds}.")
    wanted = {ORIGIN, *(generation_name(ORIGIN, build) for build in known)}
    for path in sorted(folder.glob("build-*.json")):
        if path.name not in wanted:
            yield VerifyFinding(path.name, "is not named after the build that it tells of.")


def _rows(folder: Path) -> Iterator[str]:
    """People, clips, and whether all configs have the same labels in the same order."""
    tables = {
        config: _labels(folder / place)
        for config, place in FOLDERS.items()
        if config in ("default", "metadata") or any(folder.glob(f"{place}/*.parquet"))
    }
    labels = tables.pop("metadata")
    yield from _people(*tables.values(), labels)
    yield from _clips(labels)
    for config, found in tables.items():
        yield from _difference(FOLDERS[config], found, labels)


def _labels(folder: Path) -> Labels:
    names = [column.name for column in columns("metadata")]
    tables: dict[str, list[pa.Table]] = {}
    for path in sorted(folder.glob("*.parquet")):
        split = path.name.split("-", 1)[0]
        tables.setdefault(split, []).append(pq.read_table(path, columns=names))
    return {split: pa.concat_tables(found) for split, found in tables.items()}


def _people(*folders: Labels) -> Iterator[str]:
    places: dict[str, set[str]] = {}
    for tables in folders:
        for split, table in tables.items():
            for person in table["subject_id"].unique().to_pylist():
                places.setdefault(person, set()).add(split)
    for person, splits in sorted(places.items()):
        if len(splits) > 1:
            yield f"person {person!r} is in {' and '.join(sorted(splits))}."


def _clips(labels: Labels) -> Iterator[str]:
    if not labels:
        return
    ids = pa.chunked_array([c for table in labels.values() for c in table["clip_id"].chunks])
    counts = pc.value_counts(ids)
    several = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(several):
        first = min(several.field("values").to_pylist())
        yield f"{len(several)} clip_id are there more than once, such as {first!r}."


def _difference(place: str, found: Labels, labels: Labels) -> Iterator[str]:
    for split in sorted({*found, *labels}):
        rows = [len(tables.get(split, ())) for tables in (found, labels)]
        if rows[0] != rows[1]:
            yield f"{split} has {rows[0]} rows in {place} and {rows[1]} in metadata."
            continue
        names = found[split].column_names
        wrong = [name for name in names if not found[split][name].equals(labels[split][name])]
        if wrong:
            yield f"{split} is not the same in {place} and metadata: {', '.join(wrong)}."


def _numbers(folder: Path) -> list[VerifyFinding]:
    """What the card and the list of releases tell of the rows."""
    try:
        statistics = count(folder)
        anew = dataset_card.anew(folder, statistics)
        told = releases.read_releases(folder)
    except DatasetError as error:
        return [VerifyFinding(".", str(error))]
    card = (folder / dataset_card.NAME).read_text(encoding="utf-8", errors="replace")
    problems = _sizes(compare.head(card), statistics)
    for difference in compare.differences(card, anew):
        if not (problems and difference.section == compare.HEAD):
            problems.append(str(difference))
    return [
        *(VerifyFinding(dataset_card.NAME, problem) for problem in problems),
        *(VerifyFinding(releases.NAME, problem) for problem in _releases(told, statistics)),
    ]


def _sizes(head: Mapping[str, Any], statistics: Statistics) -> list[str]:
    """Counts in the YAML: with wrong ones `load_dataset` refuses the dataset."""
    try:
        described = {info["config_name"]: info["splits"] for info in head["dataset_info"]}
        told = {
            (config, split["name"]): split for config in described for split in described[config]
        }
    except (KeyError, TypeError):
        told = {}
    return [
        f"says {there.get(key)} {unit} for {split} of {config}, there are {number}."
        for split, size in statistics.splits.items()
        for config in statistics.configs
        for there in [told.get((config, split), {})]
        for key, unit, number in (
            ("num_examples", "rows", size.clips),
            ("num_bytes", "bytes", size.num_bytes[config]),
        )
        if there.get(key) != number
    ]


def _releases(told: tuple[releases.Release, ...], statistics: Statistics) -> Iterator[str]:
    for release in told:
        found = statistics.generations.get(release.build)
        if found is None:
            yield f"{release.tag} is build {release.build}, of which no row is here."
            continue
        for split in dict.fromkeys((*release.clips, *found.clips)):
            says, there = release.clips.get(split, 0), found.clips.get(split, 0)
            if says != there:
                yield f"{release.tag} says {says} clips in {split}, there are {there}."
        if release.people != found.subjects:
            yield f"{release.tag} says {release.people} people, there are {found.subjects}."
    tags = Counter(release.build for release in told)
    yield from (f"{n} releases are of build {build}." for build, n in tags.items() if n > 1)
    missing = [build for build in statistics.generations if build not in tags]
    yield from (f"no release is of build {build}." for build in missing if told)
