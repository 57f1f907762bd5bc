"""Face sources by name: each is a frozen dataclass that implements `FaceSource`."""

from __future__ import annotations

from equime_hub.registry import Registry

SOURCES = Registry(
    "face source",
    {
        "celebahq": "equime_hub.builder.faces.celebahq:CelebAHQFaces",
        "drawn": "equime_hub.builder.faces.drawn:DrawnFaces",
        "folder": "equime_hub.builder.faces.folder:FolderFaces",
    },
    group="equime_hub.faces",
)
