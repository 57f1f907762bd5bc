"""`append`: a new generation of clips joins a dataset on the Hub as new shards.

Published shards stay byte for byte as they are; card, sums and list of releases change in the same
commit, because a shard that the card does not count breaks loading for everybody.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from equime_hub.cards.statistics import count
from equime_hub.errors import DatasetError, HubError
from equime_hub.hub.repository import LABELS, Head, Published, read_published
from equime_hub.hub.sending import (
    Parcel,
    PushReport,
    Wanted,
    look,
    publish,
    published_release,
    refuse_open,
)
from equime_hub.hub.source import Check, FinishedDataset, described, read_source
from equime_hub.progress import Progress
from equime_hub.schema.releases import Release, check_tag, next_tag
from equime_hub.schema.stamp import ORIGINS, read_stamp
from equime_hub.splits import rows
from equime_hub.splits.audit import audit

COUNTED = ("default", "metadata")
"""Configs whose size is counted from the label files."""


def append(
    folder: Path, wanted: Wanted, *, check: Check, progress: Progress | None = None
) -> PushReport:
    """Add a generation of clips to a dataset that `push` published.

    Others may append at the same time: then it is checked and counted again on what they left.
    After a crash the same call goes on.

    Args:
        folder: The new generation, a dataset that `equime build` finished. It is not changed.
        wanted: Where to, and how; the tag is the next minor version if none is given.
        check: Says what is wrong with the folder; anything is a refusal.
        progress: Called with bytes sent and bytes in all.

    Raises:
        DatasetError: The folder may not be published, is not sound, or does not fit what is there:
            another schema or licence, a clip twice, a person in another split, a leak.
        HubError: The repository holds no dataset or is not gated, or the Hub refuses or fails.
    """
    if wanted.tag:
        check_tag(wanted.tag)
    source = read_source(folder)
    head = look(wanted)
    refuse_open(head)

    pack = partial(_packed, source, wanted)
    return publish(source, wanted, head, pack, check=check, progress=progress)


def _packed(
    source: FinishedDataset, wanted: Wanted, head: Head | None, merged: Path
) -> Parcel | Release:
    """What to commit on a head, or the release that has brought it already.

    Raises:
        DatasetError: It does not fit what is there.
        HubError: There is no dataset.
    """
    assert head is not None  # it was looked at
    there = read_published(head, merged)
    if release := published_release(source, wanted, there.releases, there.sums):
        return release
    tag = wanted.tag or next_tag([*head.tags, *(release.tag for release in there.releases)])
    if tag in head.tags or tag in {release.tag for release in there.releases}:
        raise HubError(
            f"{head.repository} has a tag {tag} already. Leave --tag out to get the next one."
        )
    _refuse_misfits(source, head, there)
    pieces = source.pieces(first=False)
    if taken := [p.name for p in pieces if p.name in head.files]:
        raise HubError(f"{head.repository} has a file {taken[0]} already, of another build.")
    for new in pieces:
        if new.name.startswith(LABELS) or fnmatch(new.name, ORIGINS):
            shutil.copyfile(new.path, merged / new.name)
    _refuse_leaks(source, merged)
    release = source.release(tag, wanted.note)
    sums = {**there.sums, **{piece.name: piece.sha256 for piece in pieces}}
    everything = count(merged, _sizes(source, there))
    history = (*there.releases, release)
    told = described(merged, everything, there.origin, history, sums)
    return Parcel(head.commit, release, (*pieces, *told))


def _sizes(source: FinishedDataset, there: Published) -> dict[str, dict[str, int]]:
    """Config → split → bytes, of what the label files do not tell."""
    splits = source.statistics.splits.items()
    return {
        config: Counter(old) + Counter({split: size.num_bytes[config] for split, size in splits})
        for config, old in there.num_bytes.items()
        if config not in COUNTED
    }


def _refuse_misfits(source: FinishedDataset, head: Head, there: Published) -> None:
    """Refuse clips that are there already, people who would change split, and another schema."""
    if source.origin.license != there.origin.license:
        raise DatasetError(
            f"{source.folder} is under the licence {source.origin.license}, {head.repository} is "
            f"under {there.origin.license}; one dataset has one licence."
        )
    if set(source.statistics.configs) != set(there.num_bytes):
        raise DatasetError(
            f"{source.folder} has the configs {', '.join(source.statistics.configs)}, "
            f"{head.repository} has {', '.join(there.num_bytes)}. Build it with the same ones."
        )
    for path in sorted(there.folder.glob(f"{LABELS}*.parquet")):
        if (version := read_stamp(path).schema_version) != source.origin.schema_version:
            raise DatasetError(
                f"{source.folder} has schema {source.origin.schema_version}, {head.repository} "
                f"has {version}. Build the clips with the version of equime that made those."
            )
    old = {clip: (split, person) for split, clip, person in _labels(there.folder)}
    places = {person: split for split, person in old.values()}
    for split, clip, person in _labels(source.folder):
        if clip in old:
            raise DatasetError(
                f"Clip {clip!r} is in {head.repository} already. A new generation has new clips: "
                "plan it with another seed or other faces."
            )
        if places.get(person, split) != split:
            raise DatasetError(
                f"Person {person!r} is in {places[person]} of {head.repository} and in {split} of "
                f"{source.folder}. Plan the new generation with the same split settings, then "
                "nobody changes split."
            )


def _refuse_leaks(source: FinishedDataset, merged: Path) -> None:
    """Refuse what leaks only when old and new clips lie together."""
    if leaks := audit(rows.read(merged)).leaks:
        raise DatasetError(
            f"With the clips that are there, {source.folder} leaks: {leaks[0].sentence}"
        )


def _labels(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Split, clip and person of every row."""
    for path in sorted(folder.glob(f"{LABELS}*.parquet")):
        split = path.name.split("-", 1)[0]
        for batch in pq.ParquetFile(path).iter_batches(columns=["clip_id", "subject_id"]):
            for row in batch.to_pylist():
                yield split, row["clip_id"], row["subject_id"]
