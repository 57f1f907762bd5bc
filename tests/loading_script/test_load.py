from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict, Video, concatenate_datasets, load_dataset, load_from_disk

import equime_hub
from equime_hub.errors import DatasetError
from equime_hub.video.decoder import AvDecoder
from tests.loading_script.test_names import run


def decodes(rows: Any) -> bool:
    video = next(iter(rows))["video"]
    return isinstance(video, AvDecoder) and video[0].shape == (3, 64, 64)


def test_importing_is_light(tmp_path: Path) -> None:
    code = "import equime_hub, sys; print({'datasets', 'torch', 'evaluate'} & {*sys.modules})"
    assert run(code, tmp_path) == "set()\n"


@pytest.mark.parametrize("path", ["/no/such/place", "./gone", "../gone", "~/gone", Path("/gone")])
def test_a_folder_that_is_not_there_is_refused(path: str | Path) -> None:
    with pytest.raises(DatasetError, match="holds no dataset"):
        equime_hub.load(path)


def test_load_refuses_what_it_cannot_open(built: Path, tmp_path: Path) -> None:
    assert len(equime_hub.load(built, split="validation")) == 5
    with pytest.raises(DatasetError, match="no config 'videos'"):
        equime_hub.load(built, config="videos")
    with pytest.raises(DatasetError, match="holds no dataset"):
        equime_hub.load(tmp_path)
    with pytest.raises(DatasetError, match=r"Cannot open .*nosuch"):
        equime_hub.load(built, split="nosuch")


def test_a_config_that_the_dataset_lacks(dataset: Path) -> None:
    shutil.rmtree(dataset / "metadata")
    card = (dataset / "README.md").read_text()
    head, tail = card.split("- config_name: metadata", 1)
    (dataset / "README.md").write_text(head + tail[tail.index("dataset_info:") :])
    assert len(equime_hub.load(dataset, split="validation")) == 5
    with pytest.raises(DatasetError, match=r"Cannot open .*'metadata' not found"):
        equime_hub.load(dataset, config="metadata")


def test_a_dataset_without_a_card(dataset: Path) -> None:
    (dataset / "README.md").write_text("no card")
    shutil.rmtree(dataset / "metadata")
    assert len(equime_hub.load(dataset, split="validation")) == 5


@pytest.mark.parametrize("streaming", [False, True])
def test_load_reads_some_columns(built: Path, streaming: bool) -> None:
    columns = ("emotion", "video")
    rows = equime_hub.load(built, split="validation", columns=columns, streaming=streaming)
    assert set(rows.features) == set(columns) and decodes(rows)
    with pytest.raises(DatasetError, match=r"'metadata' has no columns video\. Choose from: clip"):
        equime_hub.load(built, config="metadata", columns=columns)


def test_with_pyav_after_a_disk(built: Path, tmp_path: Path) -> None:
    splits = equime_hub.load(built)
    splits.save_to_disk(tmp_path / "saved")
    lost = load_from_disk(tmp_path / "saved")
    assert type(lost["validation"].features["video"]) is Video
    found = equime_hub.with_pyav(lost)
    assert type(found) is DatasetDict and found.keys() == lost.keys()
    assert all(decodes(rows) for rows in found.values())
    assert decodes(equime_hub.with_pyav(lost["validation"]))
    assert type(lost["validation"].features["video"]) is Video


def test_with_pyav_of_parquet_files(built: Path, tmp_path: Path) -> None:
    (file,) = map(str, built.glob("data/validation-*"))
    rows = Dataset.from_parquet(file, cache_dir=str(tmp_path))
    assert decodes(equime_hub.with_pyav(rows))
    splits = load_dataset("parquet", data_files={"validation": file}, streaming=True)
    found = equime_hub.with_pyav(splits)
    assert type(found) is type(splits)
    # To the end: the stock reader must not be left early.
    assert [row["video"][0].shape for row in found["validation"]] == [(3, 64, 64)] * 5
    with pytest.raises(DatasetError, match="before map"):
        equime_hub.with_pyav(splits["validation"].map(lambda row: row))


def test_with_pyav_leaves_the_rest_as_it_is(built: Path) -> None:
    for rows in (Dataset.from_dict({"a": [1]}), equime_hub.load(built, split="validation")):
        assert equime_hub.with_pyav(rows) is rows


def test_ours_concatenates_with_plain_videos(built: Path, tmp_path: Path) -> None:
    ours = equime_hub.load(built, split="validation")
    ours.save_to_disk(tmp_path / "saved")
    plain = load_from_disk(tmp_path / "saved")
    for order in ([ours, plain], [plain, ours]):
        both = concatenate_datasets(order)
        assert len(both) == 10
        assert decodes(equime_hub.with_pyav(both))
    assert decodes(concatenate_datasets([ours, plain]))
    streams = [rows.to_iterable_dataset() for rows in (ours, plain)]
    assert all(isinstance(row["video"], AvDecoder) for row in concatenate_datasets(streams))
