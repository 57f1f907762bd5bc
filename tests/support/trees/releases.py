"""`make(name, root)`: a made-up copy of any dataset, in the layout of its official release.

A module here that draws releases has a dictionary `TREES`: name in the registry → function of the
folder and of options of its own.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tests.support.trees as here

TREES: dict[str, Callable[..., Any]] = {}
for _module in pkgutil.iter_modules(here.__path__):
    if _module.name != "releases":
        _found = importlib.import_module(f"{here.__name__}.{_module.name}")
        TREES.update(getattr(_found, "TREES", {}))


def make(name: str, root: Path, **options: Any) -> Path:
    """Draw the tree of a dataset into a folder, and return the folder."""
    root.mkdir(parents=True, exist_ok=True)
    TREES[name](root, **options)
    return root
