"""Make `evaluate.load("uf1")` find this package's metrics by their bare names.

`evaluate` looks a bare name up in the working directory, then on the Hub. We answer between the
two: a folder `./uf1` that holds `uf1.py` still wins, and the network is not asked. Every other
name, and every path, goes through untouched.
"""

from __future__ import annotations

import functools
import os
from types import ModuleType
from typing import Any

import wrapt

from equime_hub import metrics

_installed = False


def install() -> None:
    """Teach `evaluate` our names, now or when somebody imports it; calling again does nothing."""
    global _installed
    if not _installed:
        _installed = True
        wrapt.when_imported("evaluate.loading")(_teach)


def _teach(loading: ModuleType) -> None:
    factory = loading.evaluation_module_factory

    @functools.wraps(factory)
    def resolve(path: str, *args: Any, **kwargs: Any) -> Any:
        return factory(_ours(path), *args, **kwargs)

    loading.evaluation_module_factory = resolve  # type: ignore[attr-defined]


def _ours(path: str) -> str:
    if path in metrics.names() and not os.path.isfile(os.path.join(path, f"{path}.py")):
        return metrics.path(path)
    return path
