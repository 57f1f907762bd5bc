"""What `datasets` opens offline: the cache of a Hub dataset that was loaded before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, Features, Video, load_dataset

from equime_hub.video.decoder import AvDecoder
from equime_hub.video.feature import AvVideo

COLUMNS = ["clip_id", "video"]


def cached(folder: Path, cache: Path, builder: str, **options: Any) -> None:
    """Load a folder, and rename its cache as if it had come from the Hub as org/equime."""
    load_dataset(str(folder), cache_dir=str(cache), **options)
    for path in cache.glob("equime/*/*/*/dataset_info.json"):
        info = json.loads(path.read_text())
        path.write_text(json.dumps(info | {"builder_name": builder}))
    (cache / "equime").rename(cache / "org___equime")


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("builder", "options"),
    [("reader", {}), ("parquet", {}), ("reader", {"columns": COLUMNS})],
)
def test_our_videos_decode_with_pyav(
    built: Path, tmp_path: Path, builder: str, options: dict[str, Any], streaming: bool
) -> None:
    cached(built, tmp_path, builder, **options)
    rows = load_dataset(
        "org/equime", split="train", cache_dir=str(tmp_path), streaming=streaming, **options
    )
    row = next(iter(rows))
    assert isinstance(row["video"], AvDecoder) and row["video"][0].shape == (3, 64, 64)
    assert set(row) == set(COLUMNS) or not options


def test_the_metadata_have_no_video(built: Path, tmp_path: Path) -> None:
    cached(built, tmp_path, "reader", name="metadata")
    rows = load_dataset("org/equime", "metadata", split="validation", cache_dir=str(tmp_path))
    assert len(rows) == 5 and "video" not in rows.features


def test_the_pairs_are_images(built: Path, tmp_path: Path) -> None:
    cached(built, tmp_path, "reader", name="onset_apex")
    rows = load_dataset("org/equime", "onset_apex", split="validation", cache_dir=str(tmp_path))
    assert [row["apex"].size for row in rows] == [(64, 64)] * 5


def test_other_datasets_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "equime/data").mkdir(parents=True)
    videos = Dataset.from_dict({"video": [b"\0"]}, features=Features({"video": Video()}))
    videos.to_parquet(tmp_path / "equime/data/train.parquet")
    cached(tmp_path / "equime", tmp_path / "cache", "parquet")
    rows = load_dataset("org/equime", split="train", cache_dir=str(tmp_path / "cache"))
    assert type(rows.features["video"]) is not AvVideo
