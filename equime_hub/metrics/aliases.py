"""Make `evaluate.load("uf1")` find by their bare names the metrics that `metrics.names` knows.

`evaluate` looks a bare name up in the working directory, then on the Hub. We answer between the
two: a folder `./uf1` that holds `uf1.py` still wins, and the network is not asked. Every other
name, and every path, goes through untouched.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from equime_hub import hooks, metrics


def install() -> None:
    """Teach `evaluate` our names, now or when somebody imports it; calling again does nothing."""
    # Ours only: asking what other packages add takes longer than all else of `import equime_hub`.
    purpose = " and ".join(f'evaluate.load("{name}")' for name in metrics.OURS)
    hooks.wrap("evaluate.loading", "evaluation_module_factory", _factory, purpose)


def _factory(
    wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    def call(path: str, *rest: Any, **named: Any) -> Any:
        return wrapped(_ours(path), *rest, **named)

    return call(*args, **kwargs)


def _ours(path: str) -> str:
    if path in metrics.names() and not os.path.isfile(os.path.join(path, f"{path}.py")):
        return metrics.path(path)
    return path
