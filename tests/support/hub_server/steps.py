"""What the tests of the Hub do again and again, with the real clients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError

api: Any = HfApi()
DATASET: Any = {"repo_id": "lab/equime", "repo_type": "dataset"}


def upload(folder: Path, **options: str) -> str:
    """Commit every file of a folder at once."""
    adds = [
        CommitOperationAdd(path.relative_to(folder).as_posix(), path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    done = api.create_commit(**DATASET, operations=adds, commit_message="all", **options)
    oid: str = done.oid
    return oid


def refused(action: Callable[[], object], kind: type[Exception] = HfHubHTTPError) -> Any:
    """What the client raised."""
    with pytest.raises(kind) as caught:
        action()
    return caught.value


def download(path: str = "notes.txt", **options: Any) -> bytes:
    return Path(hf_hub_download(**DATASET, filename=path, **options)).read_bytes()


def note(text: str, path: str = "notes.txt") -> list[CommitOperationAdd]:
    return [CommitOperationAdd(path, text.encode())]


def commit(text: str = "new", **options: Any) -> Any:
    return api.create_commit(**DATASET, operations=note(text), commit_message="m", **options)
