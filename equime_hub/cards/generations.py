"""The generations of a dataset: the first build, and those that were appended to it."""

from __future__ import annotations

import json
from pathlib import Path

from equime_hub.errors import DatasetError
from equime_hub.schema.stamp import ORIGIN, Origin

_FILES = f"{ORIGIN.removesuffix('.json')}*.json"


def read_origins(folder: Path) -> dict[str, Origin]:
    """Fingerprint → origin of every generation, the first one first.

    Raises:
        DatasetError: One of `build.json` and `build-g….json` is damaged.
    """
    found: dict[str, Origin] = {}
    for path in sorted(folder.glob(_FILES), key=lambda path: (path.name != ORIGIN, path.name)):
        try:
            origin = Origin(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError, AttributeError) as error:
            raise DatasetError(f"{path} is damaged ({error}).") from error
        found[origin.fingerprint] = origin
    return found
