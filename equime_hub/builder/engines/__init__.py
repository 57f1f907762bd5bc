"""Engines by name: each hands parts of shards to workers and yields what they report.

An engine is a function `run(start, tasks, workers, *, gpu=False) -> Iterator[result]`. What it
promises when things go wrong is the same for all of them:

- A task that fails is set aside and the others go on; when they are done, `given_up` says which
  failed and why. An engine may try a task again before it sets it aside.
- An `OSError`, such as a full disk, would befall every task: it is raised at once. So is any
  error of `start`, without which no task can be done.
- Whatever is raised, the tasks that were done are done, and the same call without them goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from equime_hub.errors import BuildError, EquimeError
from equime_hub.registry import Registry

ENGINES = Registry(
    "engine",
    {
        "local": "equime_hub.builder.engines.local:run",
        "ray": "equime_hub.builder.engines.ray:run",
    },
    group="equime_hub.engines",
)

_LISTED = 10


class Job(Protocol):
    """What an engine needs to know of a task."""

    @property
    def path(self) -> Path:
        """The file it makes; names it in messages."""


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
