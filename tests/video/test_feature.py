from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import (
    ClassLabel,
    Dataset,
    DatasetInfo,
    Features,
    IterableDataset,
    LargeList,
    List,
    Value,
    Video,
    concatenate_datasets,
    load_dataset,
)
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCardData
from torch.utils.data import DataLoader

from equime_hub.errors import VideoError
from equime_hub.video.clip import Clip
from equime_hub.video.codec import encode
from equime_hub.video.decoder import AvDecoder
from equime_hub.video.feature import AvVideo, pyav_features
from tests.video.test_codec import CLIP, plain_pyav

DATA = encode(Clip(CLIP.frames[:6], 24))
FRAMES = torch.from_numpy(plain_pyav(DATA)).permute(0, 3, 1, 2)
BROKEN = b"\0 this is no video"
FEATURES = Features({"video": Video(), "emotion": ClassLabel(names=["joy", "fear"])})


@pytest.fixture
def rows(tmp_path: Path) -> Dataset:
    """An embedded clip, a file, no clip, and a broken one."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(DATA)
    videos = [
        {"bytes": DATA, "path": "a.mp4"},
        {"bytes": None, "path": str(path)},
        None,
        {"bytes": BROKEN, "path": None},
    ]
    plain = Dataset.from_dict({"video": videos, "emotion": [0, 1, 0, 1]}, features=FEATURES)
    return plain.cast_column("video", AvVideo())


def same(decoder: Any) -> bool:
    assert isinstance(decoder, AvDecoder)
    return torch.equal(decoder[:], FRAMES)


def test_rows_give_decoders(rows: Dataset) -> None:
    assert same(rows[0]["video"]) and same(rows[1]["video"])
    assert rows[2]["video"] is None
    assert all(same(decoder) for decoder in rows[:2]["video"])
    assert same(rows["video"][0])


def test_a_label_is_read_without_opening_the_video(rows: Dataset) -> None:
    row = rows[3]
    assert row["emotion"] == 1
    with pytest.raises(VideoError, match="Expected a video file"):
        row["video"][0]


def test_a_lost_file_is_noticed_when_a_frame_is_read(rows: Dataset, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").unlink()
    assert rows[1]["emotion"] == 1
    with pytest.raises(VideoError, match=r"clip\.mp4"):
        rows[1]["video"][0]


@pytest.mark.parametrize("name", [None, "torch", "numpy"])
def test_formats_pass_decoders_on_undecoded(rows: Dataset, name: str | None) -> None:
    formatted = rows.with_format(name)
    assert same(formatted[0]["video"])
    assert int(formatted[3]["emotion"]) == 1
    batch = formatted[0:2]
    assert len(batch["video"]) == 2 and all(same(decoder) for decoder in batch["video"])
    streamed = next(iter(rows.to_iterable_dataset().with_format(name)))
    assert same(streamed["video"])


def test_iterable_dataset(rows: Dataset) -> None:
    plain = rows.cast_column("video", Video(decode=False)).to_iterable_dataset(num_shards=2)
    stream = plain.cast_column("video", AvVideo())
    assert isinstance(stream, IterableDataset)
    first, second = list(stream.take(2))
    assert same(first["video"]) and same(second["video"])
    counted = stream.take(2).map(lambda row: {"frames": len(row["video"])})
    assert [row["frames"] for row in counted] == [6, 6]


def brightness(row: dict[str, Any]) -> dict[str, Any]:
    return {"brightness": row["video"][0].float().mean().item()}


def count_in_place(row: dict[str, Any]) -> dict[str, Any]:
    row["frames"] = len(row["video"])
    return row


@pytest.mark.parametrize("num_proc", [None, 2])
def test_map(rows: Dataset, num_proc: int | None) -> None:
    mapped = rows.select([0, 1]).map(brightness, num_proc=num_proc)
    assert mapped["brightness"] == pytest.approx([FRAMES[0].float().mean().item()] * 2)
    assert same(mapped[0]["video"])


def test_map_may_return_the_decoders(rows: Dataset, tmp_path: Path) -> None:
    mapped = rows.select([0, 1]).map(count_in_place)
    assert mapped["frames"] == [6, 6]
    stored = mapped.cast_column("video", Video(decode=False))["video"]
    assert stored[0] == {"bytes": DATA, "path": None}
    assert stored[1] == {"bytes": None, "path": str(tmp_path / "clip.mp4")}
    assert same(mapped[0]["video"]) and same(mapped[1]["video"])


def test_data_loader_with_workers_and_its_own_collate(rows: Dataset) -> None:
    chosen = rows.select([0, 1, 0, 1])
    batches = list(DataLoader(chosen, batch_size=2, num_workers=2))
    assert [batch["emotion"].tolist() for batch in batches] == [[0, 1], [0, 1]]
    assert all(same(decoder) for batch in batches for decoder in batch["video"])


def test_pickle(rows: Dataset) -> None:
    again = pickle.loads(pickle.dumps(rows))
    assert isinstance(again.features["video"], AvVideo)
    assert same(again[1]["video"])
    assert same(pickle.loads(pickle.dumps(rows[1]["video"])))


def test_files_know_a_plain_video(rows: Dataset, tmp_path: Path) -> None:
    assert rows.features.to_dict() == FEATURES.to_dict()
    ours, theirs = DatasetCardData(), DatasetCardData()
    DatasetInfosDict(default=DatasetInfo(features=rows.features)).to_dataset_card_data(ours)
    DatasetInfosDict(default=DatasetInfo(features=FEATURES)).to_dataset_card_data(theirs)
    assert str(ours) == str(theirs)
    rows.to_parquet(tmp_path / "rows.parquet")
    loaded = load_dataset(
        "parquet",
        data_files=str(tmp_path / "rows.parquet"),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    assert loaded.features == FEATURES
    assert type(loaded.features["video"]) is Video
    again = loaded.cast(pyav_features(loaded.features))
    assert same(again[0]["video"]) and same(again[1]["video"]) and again[2]["video"] is None


def test_pyav_features_replaces_every_video() -> None:
    features = Features(
        {
            "one": Video(decode=False),
            "many": List(Video(), length=2),
            "large": LargeList(Video()),
            "deep": {"views": List({"video": Video(dimension_order="NHWC")}), "n": Value("int64")},
            "label": ClassLabel(names=["joy"]),
        }
    )
    replaced = pyav_features(features)
    assert repr(replaced["one"]) == repr(AvVideo(decode=False))
    assert repr(replaced["many"]) == repr(List(AvVideo(), length=2))
    assert repr(replaced["large"]) == repr(LargeList(AvVideo()))
    deep = replaced["deep"]["views"].feature["video"]
    assert repr(deep) == repr(AvVideo(dimension_order="NHWC"))
    assert replaced["label"] is features["label"]
    assert replaced.to_dict() == features.to_dict()
    assert repr(pyav_features(replaced)) == repr(replaced)


def test_it_equals_a_video_with_the_same_fields(rows: Dataset) -> None:
    assert AvVideo() == Video() and Video() == AvVideo() and AvVideo() == AvVideo()
    assert List(AvVideo()) == List(Video())
    for other in (Video(decode=False), AvVideo(dimension_order="NHWC"), Value("int64"), None):
        assert AvVideo() != other and other != AvVideo()
    plain = rows.cast_column("video", Video())
    both = [concatenate_datasets(order) for order in ([rows, plain], [plain, rows])]
    assert all(len(data) == 8 and data.features == FEATURES for data in both)
    assert same(both[0][0]["video"]) and same(both[0][4]["video"])


def test_nested_videos_are_decoded() -> None:
    features = pyav_features(Features({"views": List(Video()), "pair": {"left": Video()}}))
    rows = Dataset.from_dict(
        {"views": [[DATA, DATA], []], "pair": [{"left": DATA}, {"left": None}]}, features=features
    )
    assert all(same(view) for view in rows[0]["views"]) and len(rows[0]["views"]) == 2
    assert same(rows[0]["pair"]["left"])
    assert (rows[1]["views"], rows[1]["pair"]["left"]) == ([], None)


def test_encode_example_takes_clips_and_decoders(tmp_path: Path) -> None:
    clip = Clip(CLIP.frames[:6], 24)
    feature = AvVideo()
    assert feature.encode_example(clip) == {"bytes": DATA, "path": None}
    encoded = feature.encode_example(AvDecoder(DATA))
    assert encoded == {"bytes": DATA, "path": None} and type(encoded["bytes"]) is bytes
    path = tmp_path / "clip.mp4"
    assert feature.encode_example(AvDecoder(path)) == {"bytes": None, "path": str(path)}
    assert feature.encode_example(path) == Video().encode_example(path)
    rows = Dataset.from_list([{"video": clip}], features=Features({"video": AvVideo()}))
    assert same(rows[0]["video"])


def test_dimension_order_reaches_the_decoder() -> None:
    decoder = AvVideo(dimension_order="NHWC").decode_example({"bytes": DATA, "path": None})
    assert decoder is not None and decoder[0].shape == (64, 64, 3)


def test_remote_files_are_fetched_when_needed(tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/clips/a.mp4", DATA)
    try:
        assert same(AvVideo().decode_example("memory://clips/a.mp4"))
    finally:
        memory.rm("/clips", recursive=True)
    lost = AvVideo().decode_example("memory://clips/b.mp4")
    with pytest.raises(VideoError, match=r"memory://clips/b\.mp4"):
        len(lost or "")


def test_refusals() -> None:
    with pytest.raises(VideoError, match="decode=True"):
        AvVideo(decode=False).decode_example({"bytes": DATA, "path": None})
    with pytest.raises(VideoError, match="neither"):
        AvVideo().decode_example({"bytes": None, "path": None})


def test_without_decoding_rows_give_the_encoded_video(rows: Dataset) -> None:
    plain = rows.cast_column("video", AvVideo(decode=False))
    assert plain[0]["video"] == {"bytes": DATA, "path": "a.mp4"}
    assert np.array_equal(AvDecoder(plain[0]["video"]["bytes"]).clip().frames, plain_pyav(DATA))
