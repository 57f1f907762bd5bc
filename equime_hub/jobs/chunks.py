"""Chunks: the few clips that a worker makes, or looks at, in one go.

A chunk has a file of rows (Parquet), if it makes any, and a seal (JSON) that is written after it:
what it was made of, the SHA-256 of the rows, and the small result that its worker gave. It counts
as done only if its seal fits. So a kill, a full disk, a flipped bit and another question have the
same cure: the chunk is made again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from equime_hub.files import remove_temporaries, sha256, write_text
from equime_hub.jobs.engines import ENGINES, Workforce
from equime_hub.progress import Progress
from equime_hub.schema.stamp import Stamp


@dataclass(frozen=True)
class Chunk:
    """A few clips, for a worker; small and picklable.

    Attributes:
        path: Its file of rows; its seal itself if it makes none.
        stamp: What it is made of.
        items: What the worker needs to know of each clip.
    """

    path: Path
    stamp: Stamp
    items: tuple[Any, ...]

    @property
    def seal(self) -> Path:
        """The file that is written last."""
        return self.path.with_suffix(".json")

    def result(self) -> Any:
        """What its worker gave; None if it is not there, damaged, or made of something else."""
        try:
            seal = json.loads(self.seal.read_text(encoding="utf-8"))
            fits = seal["stamp"] == asdict(self.stamp) and seal["sha256"] == self._sum()
            return seal["result"] if fits else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def finish(self, result: Any) -> None:
        """Write the seal; whatever the rows are, they are written."""
        seal = {"stamp": asdict(self.stamp), "sha256": self._sum(), "result": result}
        write_text(self.seal, json.dumps(seal))

    def delete(self) -> None:
        """Remove its files, the seal first: rows without one are nothing."""
        self.seal.unlink()
        self.path.unlink(missing_ok=True)

    def _sum(self) -> str | None:
        return None if self.path == self.seal else sha256(self.path)


Work = Callable[[Any], Any]
"""Makes the rows of a chunk, if it has any, and returns its result: JSON values, never None."""
Start = Callable[[], Work]
"""What a worker process does once, before its first chunk. Picklable, unlike what it returns."""
Run = Callable[[Callable[[], Callable[[Chunk], int]], Sequence[Chunk]], Iterator[int]]
"""An engine that knows its workforce."""


def engine(name: str, force: Workforce) -> Run:
    """An engine of `ENGINES` with so many workers."""
    return partial(ENGINES.get(name), force=force)


def missing(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Those that are still to be made."""
    return [chunk for chunk in chunks if chunk.result() is None]


def make(todo: list[Chunk], start: Start, run: Run, clips: int, progress: Progress | None) -> int:
    """Make chunks and seal them; returns of how many clips they are.

    Args:
        todo: The chunks.
        start: What makes them.
        run: Hands them to workers.
        clips: Clips in all, with those that need not be made.
        progress: Called with clips done and clips in all.
    """
    for workshop in {chunk.path.parent for chunk in todo}:
        remove_temporaries(workshop)
    made = sum(len(chunk.items) for chunk in todo)
    done = clips - made
    if progress:
        progress(done, clips)
    for size in run(partial(_sealing, start), todo):
        done += size
        if progress:
            progress(done, clips)
    return made


def _sealing(start: Start) -> Callable[[Chunk], int]:
    work = start()

    def make_and_seal(chunk: Chunk) -> int:
        chunk.finish(work(chunk))
        return len(chunk.items)

    return make_and_seal
