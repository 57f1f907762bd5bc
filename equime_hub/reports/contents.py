"""What the files of a dataset folder say together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from equime_hub.cards import compare, dataset_card
from equime_hub.cards.statistics import Statistics, count
from equime_hub.errors import DatasetError
from equime_hub.schema import releases
from equime_hub.schema.features import FOLDERS, columns
from equime_hub.schema.stamp import ORIGIN, generation_name, read_origins

Labels = dict[str, pa.Table]
"""Split → every column but pixels, of all shards of a config in the order of their names."""


@dataclass(frozen=True)
class Finding:
    """Something wrong.

    Attributes:
        file: Name inside the folder; "." for the folder as a whole.
        problem: One sentence.
    """

    file: str
    problem: str


def check_builds(folder: Path, stamped: set[str]) -> list[Finding]:
    """Every shard must be of a build that left its origin here.

    Args:
        folder: The dataset.
        stamped: Builds that its shards are stamped with.
    """
    try:
        known = set(read_origins(folder))
    except DatasetError as error:
        return [Finding(ORIGIN, str(error))]
    findings = []
    if known and stamped - known:
        builds = ", ".join(sorted(stamped | known))
        findings.append(Finding(".", f"shards of different builds: {builds}."))
    wanted = {ORIGIN, *(generation_name(ORIGIN, build) for build in known)}
    for path in sorted(folder.glob("build-*.json")):
        if path.name not in wanted:
            findings.append(Finding(path.name, "is not named after the build that it tells of."))
    return findings


def check_rows(folder: Path) -> list[Finding]:
    """People, clips, and whether all configs have the same labels in the same order."""
    tables = {
        config: _labels(folder / place)
        for config, place in FOLDERS.items()
        if config in ("default", "metadata") or any(folder.glob(f"{place}/*.parquet"))
    }
    labels = tables.pop("metadata")
    findings = _check_people(*tables.values(), labels) + _check_clips(labels)
    for config, found in tables.items():
        findings += _compare(FOLDERS[config], found, labels)
    return findings


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


def _check_clips(labels: Labels) -> list[Finding]:
    if not labels:
        return []
    ids = pa.chunked_array([c for table in labels.values() for c in table["clip_id"].chunks])
    counts = pc.value_counts(ids)
    several = counts.filter(pc.greater(counts.field("counts"), 1))
    if not len(several):
        return []
    first = min(several.field("values").to_pylist())
    return [Finding(".", f"{len(several)} clip_id are there more than once, such as {first!r}.")]


def _compare(place: str, found: Labels, labels: Labels) -> list[Finding]:
    findings = []
    for split in sorted({*found, *labels}):
        rows = [len(tables.get(split, ())) for tables in (found, labels)]
        if rows[0] != rows[1]:
            problem = f"{split} has {rows[0]} rows in {place} and {rows[1]} in metadata."
            findings.append(Finding(".", problem))
            continue
        names = found[split].column_names
        wrong = [name for name in names if not found[split][name].equals(labels[split][name])]
        if wrong:
            problem = f"{split} is not the same in {place} and metadata: {', '.join(wrong)}."
            findings.append(Finding(".", problem))
    return findings


def check_numbers(folder: Path) -> list[Finding]:
    """What the card and the list of releases tell of the rows."""
    try:
        statistics = count(folder)
        anew = dataset_card.anew(folder, statistics)
        told = releases.read_releases(folder)
    except DatasetError as error:
        return [Finding(".", str(error))]
    card = (folder / dataset_card.NAME).read_text(encoding="utf-8", errors="replace")
    problems = _check_sizes(compare.head(card), statistics)
    for difference in compare.differences(card, anew):
        if not (problems and difference.section == compare.HEAD):
            problems.append(str(difference))
    return [
        *(Finding(dataset_card.NAME, problem) for problem in problems),
        *(Finding(releases.NAME, problem) for problem in _check_releases(told, statistics)),
    ]


def _check_sizes(head: Mapping[str, Any], statistics: Statistics) -> list[str]:
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


def _check_releases(told: tuple[releases.Release, ...], statistics: Statistics) -> list[str]:
    problems = []
    for release in told:
        found = statistics.generations.get(release.build)
        if found is None:
            problems.append(f"{release.tag} is build {release.build}, of which no row is here.")
            continue
        for split in dict.fromkeys((*release.clips, *found.clips)):
            says, there = release.clips.get(split, 0), found.clips.get(split, 0)
            if says != there:
                problems.append(f"{release.tag} says {says} clips in {split}, there are {there}.")
        if release.people != found.subjects:
            problems.append(
                f"{release.tag} says {release.people} people, there are {found.subjects}."
            )
    tags = Counter(release.build for release in told)
    problems += [f"{n} releases are of build {build}." for build, n in tags.items() if n > 1]
    missing = [build for build in statistics.generations if build not in tags]
    return problems + [f"no release is of build {build}." for build in missing if told]
