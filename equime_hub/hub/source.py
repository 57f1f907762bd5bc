"""A dataset folder that is to be published: what of it is sent, and what may not be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub import checksums
from equime_hub.cards import dataset_card
from equime_hub.cards.policy import POLICY
from equime_hub.cards.statistics import Statistics, count
from equime_hub.errors import DatasetError
from equime_hub.files import inside, sha256, write_text
from equime_hub.loading_script.real.dataset import is_licensed
from equime_hub.schema import releases
from equime_hub.schema.licences import is_restricted
from equime_hub.schema.releases import Release
from equime_hub.schema.stamp import ORIGIN, Origin, generation_name, read_origin

Check = Callable[[Path], list[str]]
"""Gives a sentence for everything that is wrong with a dataset folder."""


@dataclass(frozen=True)
class Piece:
    """One file to send.

    Attributes:
        name: Its name in the repository.
        path: Where it lies here.
        size: Bytes.
        sha256: Of its bytes.
    """

    name: str
    path: Path
    size: int
    sha256: str


def piece(name: str, path: Path, known: str | None = None) -> Piece:
    """A file to send; `known` is its SHA-256, if it was taken before."""
    return Piece(name, path, path.stat().st_size, known or sha256(path))


@dataclass(frozen=True)
class FinishedDataset:
    """A dataset folder that may be published.

    Attributes:
        folder: The folder.
        origin: What it was built from.
        sums: File name → SHA-256: what is sent, and nothing else in the folder is.
        statistics: Its counts.
    """

    folder: Path
    origin: Origin
    sums: Mapping[str, str]
    statistics: Statistics

    def names(self, *, first: bool) -> dict[str, str]:
        """Name here → name on the Hub, of the shards and of `build.json`."""
        own = [name for name in self.sums if name.endswith(".parquet") or name == ORIGIN]
        return {n: n if first else generation_name(n, self.origin.fingerprint) for n in own}

    def pieces(self, *, first: bool) -> list[Piece]:
        """What is sent of it as it is, under the names of the Hub."""
        names = self.names(first=first)
        return [piece(names[n], inside(self.folder, n), self.sums[n]) for n in sorted(names)]

    def release(self, tag: str, note: str) -> Release:
        """What its release will say of it."""
        return Release(
            tag=tag,
            date=datetime.now(UTC).date().isoformat(),
            build=self.origin.fingerprint,
            plan=self.origin.plan,
            clips={split: size.clips for split, size in self.statistics.splits.items()},
            people=self.statistics.subjects,
            note=" ".join(note.split()),
        )


def read_source(folder: Path) -> FinishedDataset:
    """Open a dataset folder that may be published.

    Raises:
        DatasetError: It is not finished, is a copy of a published one, or holds clips that may
            not be given to others.
    """
    sums, origin = checksums.read(folder), read_origin(folder)
    if origin is None or not {ORIGIN, dataset_card.NAME} <= set(sums):
        raise DatasetError(
            f"{folder} holds no finished dataset of `equime build`. Run the same build again: it "
            "goes on where it stopped."
        )
    if releases.NAME in sums or (folder / releases.NAME).exists():
        raise DatasetError(
            f"{folder} is a copy of a dataset that is published already ({releases.NAME}). Give "
            "the folder that `equime build` made."
        )
    for name in sums:
        if not inside(folder, name).is_file():
            raise DatasetError(f"{name} is missing. `equime verify {folder}` says more.")
    _refuse_restricted(folder)
    return FinishedDataset(folder, origin, sums, count(folder))


def described(
    folder: Path,
    statistics: Statistics,
    origin: Origin,
    history: Sequence[Release],
    sums: Mapping[str, str],
) -> list[Piece]:
    """Write what describes a repository: releases, card, sums.

    Args:
        folder: Where to; no dataset's own.
        statistics: Of all clips.
        origin: Says licence and title.
        history: All releases.
        sums: Of all other files.
    """
    card = dataset_card.render(
        statistics, license=origin.license, title=origin.title, releases=history, policy=POLICY
    )
    releases.write_releases(folder, history)
    write_text(folder / dataset_card.NAME, card)
    changed = {name: sha256(folder / name) for name in (releases.NAME, dataset_card.NAME)}
    checksums.write(folder, {**sums, **changed})
    return [piece(name, folder / name) for name in (*changed, checksums.NAME)]


def refuse_unsound(source: FinishedDataset, check: Check) -> None:
    """Refuse a dataset with which anything is wrong.

    Raises:
        DatasetError: With the first problems.
    """
    if problems := check(source.folder):
        shown = " ".join(problems[:3]) + (" ..." if len(problems) > 3 else "")
        raise DatasetError(
            f"{source.folder} is not sound, and nothing was sent: {shown} `equime verify` and "
            "`equime audit` show all."
        )


def _refuse_restricted(folder: Path) -> None:
    for path in sorted(folder.glob("metadata/*.parquet")):
        try:
            rows = pq.read_table(path, columns=["clip_id", "license", "source_dataset"])
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(f"{path} cannot be read ({error}).") from error
        for clip, licence, dataset in zip(*(c.to_pylist() for c in rows.columns), strict=True):
            if is_restricted(licence) or is_licensed(dataset):
                raise DatasetError(
                    f"{folder} may not be published: clip {clip!r} is from {dataset!r} under the "
                    f"licence {licence!r}, which forbids to pass it on. Whoever wants such clips "
                    "asks their owner; publish only what you may."
                )
