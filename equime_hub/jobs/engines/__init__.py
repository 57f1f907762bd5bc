"""Engines by name: each hands parts of shards to workers and yields what they report.

An engine is a function `run(start, tasks, force: Workforce) -> Iterator[result]`. In each worker it
calls `start` once and what that gives once a task, in as many threads at a time as the worker has
lanes: a GPU is to render one part while others are encoded, measured and written. What an engine
promises is the same for all of them:

- Tasks are done in any order, no more than `size` × `lanes` at a time, and no other is begun once
  the iterator is closed or interrupted. It waits for those that are running, unless it is
  interrupted again.
- A task that fails is set aside and the others go on; when they are done, `given_up` says which
  failed and why. An engine may try a task again before it sets it aside, but then alone in its
  worker, so that none is set aside for what its neighbour did.
- An `OSError`, such as a full disk, would befall every task: it is raised at once. So is any
  error of `start`, without which no task can be done.
- Whatever is raised, the tasks that were done are done, and the same call without them goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from equime_hub.errors import BuildError, EquimeError
from equime_hub.registry import Registry

ENGINES = Registry(
    "engine",
    {
        "local": "equime_hub.jobs.engines.local:run",
        "ray": "equime_hub.jobs.engines.ray:run",
    },
    group="equime_hub.engines",
)

_LISTED = 10


class Job(Protocol):
    """What an engine needs to know of a task."""

    @property
    def path(self) -> Path:
        """The file it makes; names it in messages."""


@dataclass(frozen=True)
class Workforce:
    """Who does the work.

    Attributes:
        size: Workers, each a process with a GPU or a core of its own.
        lanes: Tasks that a worker is at at a time, each in a thread; with more than one its work
            must be safe to call from several threads.
        gpu: Whether a worker needs a GPU of its own.
        address: Of a running cluster, for an engine that joins one; None leaves it to the engine.

    Raises:
        BuildError: No worker, or none of its lanes.
    """

    size: int = 1
    lanes: int = 1
    gpu: bool = False
    address: str | None = None

    def __post_init__(self) -> None:
        if self.size < 1:
            raise BuildError(f"A build needs a worker, got {self.size}. Use --workers 1 or more.")
        if self.lanes < 1:
            raise BuildError(f"A worker needs a lane, got lanes={self.lanes}. Give it 1 or more.")


def given_up(failed: Sequence[tuple[Job, Exception]]) -> BuildError:
    """The error that ends a run in which tasks failed: each with its last error."""
    lines = [f"{job.path.name}: {_said(error)}" for job, error in failed[:_LISTED]]
    if len(failed) > _LISTED:
        lines.append(f"and {len(failed) - _LISTED} more")
    return BuildError(
        f"{len(failed)} part{'s' * (len(failed) > 1)} of the dataset could not be made; all "
        "others are kept. Mend the cause and run the same command again:\n  " + "\n  ".join(lines)
    )


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, EquimeError) else f"{type(error).__name__}: {error}"
