"""Clips that stay in the lab's folder: a path that `datasets` opens, and what opens it.

`fsspec`, through which `datasets` opens paths that are no local files, gets a file system whose
files are clips: opening one reads its frames and encodes them, to the bytes that an import embeds.
"""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fsspec.implementations.memory import MemoryFile
from fsspec.spec import AbstractFileSystem

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real.clip import RealClip
from equime_hub.loading_script.real.pixels import encoded

PROTOCOL = "equime-real"

_NEEDED = ("dataset", "part", "subject", "name", "frames", "fps", "window", "gray")


def address(root: Path, clip: RealClip) -> str:
    """A path that says all that it takes to read the clip's frames.

    The root is absolute: a folder that has moved is loaded again.
    """
    said = {name: getattr(clip, name) for name in _NEEDED}
    packed = zlib.compress(json.dumps([str(root.resolve()), said]).encode(), 9)
    return f"{PROTOCOL}://{base64.urlsafe_b64encode(packed).decode()}/{clip.clip_id}.mp4"


def resolve(path: str) -> tuple[Path, RealClip]:
    """Inverse of `address`, as far as frames go; labels are left out.

    Raises:
        DatasetError: No such path.
    """
    try:
        packed = base64.urlsafe_b64decode(urlsplit(path).netloc)
        root, said = json.loads(zlib.decompress(packed))
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in said.items()
        }
        return Path(root), RealClip(licence="", **values)
    except (ValueError, TypeError, zlib.error) as error:
        raise DatasetError(f"{path[:80]} is no clip of a licensed folder ({error}).") from error


class RealFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Reads `address`es; there is nothing to list or to write."""

    protocol = PROTOCOL
    cachable = False

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path  # the whole of it is the address

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """A clip is a file, whose size is known only when it is encoded."""
        return {"name": path, "size": len(encoded(*resolve(path))), "type": "file"}

    def _open(self, path: str, mode: str = "rb", **_: Any) -> MemoryFile:
        if mode != "rb":
            raise OSError(f"Clips of licensed folders are only read, got mode {mode!r}")
        return MemoryFile(self, path, encoded(*resolve(path)))
