"""Face sources by name, and their form in a file."""

from __future__ import annotations

from typing import Any

from equime_hub import configs
from equime_hub.builder.spec import FaceSource
from equime_hub.errors import FaceError
from equime_hub.registry import Registry

SOURCES = Registry(
    "face source",
    {
        "drawn": "equime_hub.builder.faces.drawn:DrawnFaces",
        "folder": "equime_hub.builder.faces.folder:FolderFaces",
    },
    group="equime_hub.faces",
)
"""Each entry is a frozen dataclass that implements `FaceSource`."""


def describe(source: FaceSource) -> dict[str, Any]:
    """A source as plain JSON values, for `restore`.

    Raises:
        FaceError: The source is not in the registry, so that no worker could find it.
    """
    name = SOURCES.name_of(type(source))
    if name is None:
        raise FaceError(f"{type(source).__name__} is not registered as a face source.")
    return {"source": name, "options": configs.to_json(source)}


def restore(described: dict[str, Any]) -> FaceSource:
    """The source that `describe` described."""
    source: FaceSource = configs.from_json(SOURCES.get(described["source"]), described["options"])
    return source
