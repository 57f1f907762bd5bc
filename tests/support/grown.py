"""A dataset of two generations, as it lies on the Hub after an append."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from equime_hub import checksums
from equime_hub.builder import plan as plans
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.cards import dataset_card
from equime_hub.cards.statistics import count
from equime_hub.jobs import build as builds
from equime_hub.schema import releases
from equime_hub.schema.releases import Release
from equime_hub.schema.stamp import ORIGIN, generation_name, read_origin
from tests.conftest import SMALL, TINY


def second(folder: Path, people: int = 2) -> Path:
    """A build of people whom `tests.conftest.tiny_plan` does not know."""
    source = DrawnFaces(people, 1, 128)
    plan = plans.make(source.scan().faces, source, TINY)
    builds.build(plan, folder, SMALL, card=dataset_card.write)
    return folder


def release(folder: Path, tag: str, note: str = "") -> Release:
    origin, statistics = read_origin(folder), count(folder)
    assert origin is not None
    clips = {split: size.clips for split, size in statistics.splits.items()}
    return Release(
        tag, "2026-11-21", origin.fingerprint, origin.plan, clips, statistics.subjects, note
    )


def publish(folder: Path, told: Sequence[Release]) -> None:
    """Write the list of releases, the card that has them, and the sums."""
    releases.write_releases(folder, told)
    dataset_card.write(folder)
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    sums: dict[str, str] = {}
    for name in names:
        if name != checksums.NAME:
            checksums.record(folder, sums, name)


def grow(folder: Path, other: Path) -> Path:
    """Append a build to a dataset, without any Hub."""
    told = [release(folder, "v1.0.0", "The first."), release(other, "v1.1.0", "More people.")]
    origin = read_origin(other)
    assert origin is not None
    for name in (ORIGIN, *(p.relative_to(other).as_posix() for p in other.glob("*/*.parquet"))):
        place = folder / generation_name(name, origin.fingerprint)
        place.write_bytes((other / name).read_bytes())
    publish(folder, told)
    return folder
