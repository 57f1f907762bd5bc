"""Metrics: plain functions, and a folder a metric that `evaluate` loads.

The functions are in `scores`, `calibration`, `report`, `groups` and `spread`. A folder is complete
by itself, so that it can be loaded from a path or a Space where this package is not: it holds the
metric's own file, its card, the Space's files, and links to the files that it needs from here.
Copy it with `cp -rL`; a wheel and `huggingface_hub.upload_folder` hold the files themselves.
"""

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
