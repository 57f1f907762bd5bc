"""Parts of an import: what is imported, and the few clips that a worker reads in one go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from equime_hub import seeds
from equime_hub.builder import shards
from equime_hub.files import sha256, write_text
from equime_hub.schema.features import SCHEMA_VERSION
from equime_hub.schema.imports import Reading, split_of
from equime_hub.schema.licences import RESTRICTED
from equime_hub.schema.stamp import Origin, Stamp
from equime_hub.splits.assign import SPLITS


class Entry(Protocol):
    """What is known of a clip before it is read; picklable, a frozen dataclass."""

    @property
    def clip_id(self) -> str:
        """Its id, unique."""

    @property
    def part(self) -> str | None:
        """Part of the dataset, which can name its split."""


@dataclass(frozen=True)
class Source:
    """What is imported.

    Attributes:
        name: Of the dataset, such as "samm".
        title: For the card.
        licence: Without prefix.
        citation: Authors, year and venue.
        entries: The clips, in order.
        read: Reads one; picklable.
        made_with: All else that the bytes depend on: options and encoder, as JSON values.
        shard_bytes: Wanted size of a shard.
    """

    name: str
    title: str
    licence: str
    citation: str
    entries: Sequence[Entry]
    read: Callable[[Any], Reading]
    made_with: dict[str, Any]
    shard_bytes: int = 500_000_000

    def origin(self) -> Origin:
        """What `build.json` says."""
        made_with = {
            "imported": self.name,
            "citation": self.citation,
            "shard_bytes": self.shard_bytes,
            **self.made_with,
        }
        clips = seeds.digest([vars(entry) for entry in self.entries])[:16]
        fingerprint = seeds.digest(clips, made_with, SCHEMA_VERSION)[:16]
        return Origin(fingerprint, clips, made_with, RESTRICTED + self.licence, self.title)


@dataclass(frozen=True)
class Part:
    """A few clips of one split, for an engine.

    Attributes:
        path: Its file.
        split: Of its clips.
        stamp: Stands in its footer.
        entries: The clips.
    """

    path: Path
    split: str
    stamp: Stamp
    entries: tuple[Entry, ...]

    @property
    def seal(self) -> Path:
        """Holds the SHA-256 of the file, and what was wrong with its clips; written after it."""
        return self.path.with_suffix(".json")

    def sealed(self) -> dict[str, Any] | None:
        """The seal, if the file is whole and of this import."""
        try:
            seal: dict[str, Any] = json.loads(self.seal.read_text(encoding="utf-8"))
            fits = seal["stamp"] == asdict(self.stamp) and seal["sha256"] == sha256(self.path)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return seal if fits else None


def of_source(source: Source, workshop: Path, origin: Origin) -> Iterator[Part]:
    """Parts of an import, in the order of its rows."""
    for split in SPLITS:
        entries = [entry for entry in source.entries if split_of(entry.part) == split]
        for start in range(0, len(entries), shards.PART):
            name = f"{split}-{start:07d}.parquet"
            stamp = Stamp(origin.fingerprint, origin.plan, name)
            own = tuple(entries[start : start + shards.PART])
            yield Part(workshop / name, split, stamp, own)


def start(read: Callable[[Any], Reading]) -> Callable[[Part], Part]:
    """What a worker does first; gives the function that makes a part."""

    def make(part: Part) -> Part:
        readings = [read(entry) for entry in part.entries]
        rows = [reading.row for reading in readings if reading.row]
        shards.write(part.path, iter([shards.table_of_rows(rows)]), part.stamp)
        seal = {
            "stamp": asdict(part.stamp),
            "sha256": sha256(part.path),
            "rows": len(rows),
            "bytes": sum(row["size_bytes"] for row in rows),
            "problems": [asdict(p) for reading in readings for p in reading.problems],
        }
        write_text(part.seal, json.dumps(seal))
        return part

    return make
