from __future__ import annotations

import shutil
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equime_hub.loading_script import names


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache: `datasets` takes two folders of one name and one card for the same."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def elsewhere(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, with `EQUIME_DATASET` set."""
    monkeypatch.setenv(names.VARIABLE, str(built))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


@pytest.fixture
def two_shards(built: Path, tmp_path: Path) -> Path:
    """A copy of `built` whose training clips are 2 shards of 3 row groups each."""
    folder = Path(shutil.copytree(built, tmp_path / "shards" / "equime"))
    table = pa.concat_tables(map(pq.read_table, sorted(folder.glob("data/train-*"))))
    for path in folder.glob("data/train-*"):
        path.unlink()
    half = len(table) // 2
    for index, part in enumerate((table.slice(0, half), table.slice(half))):
        path = folder / f"data/train-{index:05}-of-00002.parquet"
        pq.write_table(part, path, row_group_size=-(-len(part) // 3))
    return folder
