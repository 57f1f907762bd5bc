"""Metrics: plain functions, and a folder a metric that `evaluate` loads.

The functions are in `scores`, `calibration`, `report`, `groups` and `spread`. A folder is complete
by itself, so that it can be loaded from a path or a Space where this package is not: it holds the
metric's own file, its card, the Space's files, and links to the files that it needs from here.
Copy it with `cp -rL`; a wheel and `huggingface_hub.upload_folder` hold the files themselves.

A folder that lies here is a metric; nothing else needs to name it. Another package adds its own by
an entry point of the group `equime_hub.metrics`, whose value is the folder written as a module:

    [project.entry-points."equime_hub.metrics"]
    steadiness = "their_package.steadiness"     # the folder of steadiness.py, or that very file
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from equime_hub.errors import MetricError
from equime_hub.registry import Registry

FOLDER = Path(__file__).parent
"""Holds ours, and the files that they share."""

OURS = sorted(file.stem for file in FOLDER.glob("*/*.py") if file.stem == file.parent.name)

_REGISTRY = Registry(
    "metric", {name: f"{__name__}.{name}" for name in OURS}, group="equime_hub.metrics"
)


def names() -> list[str]:
    """Metrics that `path` knows, sorted: ours and those of other packages."""
    return sorted(_REGISTRY.names())


def path(name: str) -> str:
    """Folder of a metric, as `evaluate.load(...)` takes it; its file if they differ in name.

    Raises:
        MetricError: There is none of that name (the message lists those there are), or the package
            that registers it does not have its file.
    """
    known = names()
    if name not in known:
        raise MetricError(f"There is no metric {name!r}. Choose one of: {', '.join(known)}.")
    target = _REGISTRY.target(name)
    try:
        # A metric's file imports `evaluate`, which takes seconds; finding it runs nothing of it.
        spec = find_spec(target.replace(":", "."))
    except ImportError:
        spec = None
    places = [*(spec.submodule_search_locations or ())] if spec else []
    if spec and spec.origin:
        places.append(str(Path(spec.origin).parent))
    for place in places:
        file = Path(place) / f"{name}.py"
        if file.is_file():
            # `evaluate` looks in a folder for a file of the folder's name only.
            return str(file.parent if file.parent.name == name else file)
    raise MetricError(
        f"The metric {name!r} is registered as {target}, but no {name}.py is there. Name the "
        "package that holds it in the entry point, and install that package with its files."
    )
