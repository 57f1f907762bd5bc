"""Engines by name: each hands parts of shards to workers and yields what they report."""

from __future__ import annotations

from equime_hub.registry import Registry

ENGINES = Registry(
    "engine",
    {"local": "equime_hub.builder.engines.local:run"},
    group="equime_hub.engines",
)
