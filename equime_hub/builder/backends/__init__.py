"""Backends by name: each is a frozen dataclass and a `builder.spec.Backend`."""

from __future__ import annotations

from equime_hub.registry import Registry

BACKENDS = Registry(
    "backend",
    {
        "warp": "equime_hub.builder.backends.warp:WarpBackend",
        "ltx": "equime_hub.builder.backends.ltx.backend:LtxBackend",
    },
    group="equime_hub.backends",
)
