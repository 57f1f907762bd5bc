from __future__ import annotations

from pathlib import Path

import pytest
from datasets import Dataset

from tests.support.hub_server.hub import Hub
from tests.support.hub_server.steps import DATASET, api, upload


@pytest.fixture
def lab(hub: Hub) -> Hub:
    """An organisation of a keeper, who is signed in, and a reader from elsewhere."""
    hub.user("keeper")
    hub.user("reader")
    hub.organisation("lab", "keeper")
    hub.sign_in("keeper")
    return hub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset of two shards of three rows."""
    for index in range(2):
        rows = Dataset.from_dict({"number": [3 * index + row for row in range(3)]})
        rows.to_parquet(tmp_path / f"made/data/train-{index:05}-of-00002.parquet")
    (tmp_path / "made/README.md").write_text("---\nlicense: cc-by-4.0\n---\n# Numbers\n")
    (tmp_path / "made/notes.txt").write_text("regular")
    return tmp_path / "made"


@pytest.fixture
def published(lab: Hub, folder: Path) -> Hub:
    """A private dataset, tagged v1."""
    api.create_repo(**DATASET, private=True)
    upload(folder)
    api.create_tag(**DATASET, tag="v1")
    return lab
