"""Parts: the few clips that a worker makes in one go, and their files in the workshop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from equime_hub.builder import shards
from equime_hub.builder.plan import Plan
from equime_hub.builder.render import RenderConfig, Worker
from equime_hub.builder.shards import Shard
from equime_hub.builder.spec import FaceSource
from equime_hub.errors import DatasetError
from equime_hub.files import sha256, write_text
from equime_hub.schema.records import ClipSpec
from equime_hub.schema.stamp import Stamp, read_stamp

LANES = 4
"""Parts that a worker with a GPU is at: one is rendered, the others are encoded and written."""


@dataclass(frozen=True)
class Part:
    """Some clips of a shard.

    Attributes:
        shard: The shard.
        path: The part's own file.
        stamp: Stands in its footer and in the shard's.
        specs: The clips.
    """

    shard: Shard
    path: Path
    stamp: Stamp
    specs: tuple[ClipSpec, ...]

    @property
    def seal(self) -> Path:
        """Holds the part's SHA-256, written after it."""
        return self.path.with_suffix(".sha256")

    def intact(self) -> bool:
        """Whether its file is there, whole, and of this build."""
        try:
            whole = self.seal.read_text() == sha256(self.path)
            return whole and read_stamp(self.path) == self.stamp
        except (DatasetError, OSError, ValueError):
            return False

    def delete(self) -> None:
        """Remove its file."""
        self.path.unlink()
        self.seal.unlink()


def of_shard(plan: Plan, workshop: Path, shard: Shard, fingerprint: str, batch: int) -> list[Part]:
    """Parts of a shard, in the order of its rows, each so many batches."""
    specs = shards.split_specs(plan, shard.split)
    stamp = Stamp(fingerprint, plan.fingerprint, shard.path)
    return [
        Part(
            shard,
            workshop / f"{shard.split}-{start:07d}.parquet",
            stamp,
            tuple(specs[start:stop]),
        )
        for start, stop in shard.parts(batch)
    ]


def start(render: RenderConfig, source: FaceSource) -> Callable[[Part], Part]:
    """What a worker process does first; gives the function that makes a part, in any thread."""
    worker = Worker(render, source)
    config = None if render.pairs else "default"

    def make(part: Part) -> Part:
        table = shards.table(worker.render(part.specs), config)
        shards.write(part.path, iter([table]), part.stamp, config)
        write_text(part.seal, sha256(part.path))
        return part

    return make
