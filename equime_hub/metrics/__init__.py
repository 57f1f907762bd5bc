"""Metrics: plain functions in `scores`, and a folder a metric that `evaluate` loads."""

from __future__ import annotations

from pathlib import Path

from equime_hub.errors import MetricError

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Metrics that `path` knows, sorted."""
    return sorted(file.stem for file in _FOLDER.glob("*/*.py") if file.stem == file.parent.name)


def path(name: str) -> str:
    """Folder of a metric, as `evaluate.load(...)` takes it.

    Raises:
        MetricError: There is none of that name; the message lists those there are.
    """
    if name not in names():
        raise MetricError(f"There is no metric {name!r}. Choose one of: {', '.join(names())}.")
    return str(_FOLDER / name)
