from __future__ import annotations

import pickle
import time
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import transformers

from equime_hub.errors import DatasetError, VideoError
from equime_hub.models.inputs import Inputs, inputs_of
from equime_hub.models.processing import MicroExpressionVideoProcessor
from equime_hub.training.data.augment import Augment
from equime_hub.training.data.cache import Cache, size_bytes, unreadable
from equime_hub.training.data.clips import Clips
from equime_hub.training.data.examples import Examples, gather
from equime_hub.training.data.sources import DataSource
from tests.support import forks
from tests.training.data.test_examples import rewritten


@pytest.fixture(scope="module")
def examples(built: Path) -> Examples:
    return gather([DataSource(str(built), split="train")])


def inputs(**settings: Any) -> Inputs:
    base: dict[str, Any] = {"num_frames": 4, "num_channels": 1, "size": 16, "face_crop": "none"}
    processor = MicroExpressionVideoProcessor(**{**base, **settings})
    return inputs_of(processor, transformers.PreTrainedConfig())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 8 clips, so that 30 clips are four."""
    monkeypatch.setattr("equime_hub.training.data.cache.PIECE", 8)


def test_a_cache_holds_what_prepare_gives(small: None, tmp_path: Path, examples: Examples) -> None:
    shown = inputs()
    told: list[tuple[int, int]] = []
    cache = Cache.make(tmp_path, examples, shown, progress=lambda *at: told.append(at))
    assert told == [(0, 30), (8, 30), (16, 30), (24, 30), (30, 30)]
    assert len(cache) == 30 and cache.dtype == np.uint8 and not cache.broken
    for index in (0, 9, 29):
        expected = shown.prepare(examples.video(index), examples.moments(index)).values
        np.testing.assert_array_equal(cache[index], expected)
    assert not cache[0].flags.writeable
    cache.verify()
    size = sum(file.stat().st_size for file in cache.folder.glob("*.values"))
    assert size == size_bytes(examples, shown) == 30 * 4 * 16 * 16
    assert sorted(p.name for p in cache.folder.iterdir()) == [
        "00000.values", "00001.values", "00002.values", "00003.values", "index.parquet",
    ]  # fmt: skip
    again = Cache.make(tmp_path, examples, inputs(pad="zero"), progress=lambda *at: told.append(at))
    assert len(told) == 5 and again.folder == cache.folder
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(cache))[3], cache[3])


def test_lengths_and_types_differ_as_they_are(tmp_path: Path, examples: Examples) -> None:
    shown = inputs(num_frames=None, sampling="around_apex", input_kind="flow", num_channels=3)
    few = examples.take([0, 1, 2])
    cache = Cache.make(tmp_path, few, shown)
    for index in range(3):
        moments = few.moments(index)
        assert moments.onset is not None and moments.offset is not None
        assert len(cache[index]) == moments.offset - moments.onset + 1
        assert cache[index].dtype == np.float16 and np.abs(cache[index]).max() > 0


def test_folds_read_from_the_cache_of_all(tmp_path: Path, examples: Examples) -> None:
    shown = inputs()
    cache = Cache.make(tmp_path, examples.take(range(10)), shown)
    fold = examples.take([7, 2])
    clips = Clips(fold, shown, cache)
    np.testing.assert_array_equal(clips[0]["values"], cache[7])
    with pytest.raises(DatasetError, match=f"does not hold the clip {examples.names[11]}"):
        Clips(examples.take([2, 11]), shown, cache)


def test_clips_that_cannot_be_decoded_are_listed(dataset: Path, tmp_path: Path) -> None:
    names = gather([DataSource(str(dataset), split="train")]).names
    broken = {names[2]: {"bytes": b"\0none", "path": None}, names[5]: None}
    dataset = rewritten(dataset, "video", broken)
    some = gather([DataSource(str(dataset), split="train")])
    cache = Cache.make(tmp_path / "kept", some, inputs())
    assert list(cache.broken) == [2, 5] and cache.broken[5] == "there is no video"
    assert unreadable(some, inputs()) == cache.broken
    with pytest.raises(VideoError, match="cannot be decoded"):
        cache[2]
    with pytest.raises(DatasetError, match=f"clip {names[2]} cannot be decoded"):
        Clips(some, inputs(), cache)
    left = some.without(cache.broken)
    assert len(Clips(left, inputs(), cache)) == 28
    with pytest.raises(DatasetError, match=r"None of 2 clips"):
        Cache.make(tmp_path / "none", some.take([2, 5]), inputs())


def test_damage_is_found_and_mended(small: None, tmp_path: Path, examples: Examples) -> None:
    cache = Cache.make(tmp_path, examples, inputs())
    whole = [cache[index].copy() for index in range(30)]
    file = cache.folder / "00001.values"
    data = bytearray(file.read_bytes())
    data[5] ^= 1
    file.write_bytes(data)
    with pytest.raises(DatasetError, match="values of 1 clips, the first of them number 8,"):
        Cache.open(tmp_path, examples, inputs()).verify()
    file.write_bytes(data[:-1])
    with pytest.raises(DatasetError, match=r"00001\.values is damaged: expected 8,192 bytes"):
        Cache.open(tmp_path, examples, inputs())
    mended = Cache.make(tmp_path, examples, inputs())
    assert "was made again" in mended.notes[0]
    for index in range(30):
        np.testing.assert_array_equal(mended[index], whole[index])
    (mended.folder / "index.parquet").write_bytes(b"none")
    with pytest.raises(DatasetError, match="is damaged"):
        Cache.open(tmp_path, examples, inputs())


def test_other_clips_or_settings_are_another_cache(tmp_path: Path, examples: Examples) -> None:
    Cache.make(tmp_path, examples.take([0, 1]), inputs())
    for some, shown in ((examples.take([0, 2]), inputs()), (examples.take([0, 1]), inputs(size=8))):
        with pytest.raises(DatasetError, match="make it first"):
            Cache.open(tmp_path, some, shown)


def test_no_room(tmp_path: Path, examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(DatasetError, match=r"will take 0\.0 GB"):
        Cache.make(tmp_path, examples, inputs())


def test_two_at_once_make_one(small: None, tmp_path: Path, examples: Examples) -> None:
    made: list[Cache] = []
    told: list[tuple[int, int]] = []

    def make() -> None:
        progress = lambda *at: told.append(at)  # noqa: E731
        made.append(Cache.make(tmp_path, examples, inputs(), progress=progress))

    threads = [Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 5  # one made it, the other opened it
    np.testing.assert_array_equal(made[0][17], made[1][17])


_SCRIPT = """
import sys, time
import transformers.modeling_utils
from pathlib import Path
import equime_hub.training.data.cache
from equime_hub.training.data.cache import Cache
from equime_hub.training.data.examples import gather
from equime_hub.training.data.sources import DataSource
from tests.training.data.test_cache import inputs
equime_hub.training.data.cache.PIECE = 8
some = gather([DataSource(sys.argv[1], split="train")])
def slow(done, total):
    print(done, flush=True)
    time.sleep(60 if done == 16 else 0)
Cache.make(Path(sys.argv[2]), some, inputs(), progress=slow)
"""


def test_a_killed_process_loses_a_piece_at_most(
    small: None, tmp_path: Path, built: Path, examples: Examples
) -> None:
    command = "-c", _SCRIPT, str(built), str(tmp_path / "kept")
    process = forks.Fork(*command, env=forks.environment())
    while "16\n" not in process.stdout:
        assert process.poll() is None, process.stderr
        time.sleep(0.01)
    process.kill()
    process.wait()
    (making,) = (tmp_path / "kept").glob("*.making")
    (making / "00002.values.99.tmp").write_bytes(b"half")
    with pytest.raises(DatasetError, match="make it first"):
        Cache.open(tmp_path / "kept", examples, inputs())
    before = time.time_ns()
    told: list[tuple[int, int]] = []
    cache = Cache.make(tmp_path / "kept", examples, inputs(), progress=lambda *at: told.append(at))
    assert told == [(16, 30), (24, 30), (30, 30)]
    assert (cache.folder / "00000.values").stat().st_mtime_ns < before
    assert not list(cache.folder.glob("*.tmp"))
    cache.verify()
    fresh = Cache.make(tmp_path / "fresh", examples, inputs())
    np.testing.assert_array_equal(cache.checksums, fresh.checksums)


def test_augmented_epochs_repeat_whatever_the_order(tmp_path: Path, examples: Examples) -> None:
    shown = inputs()
    cache = Cache.make(tmp_path, examples, shown)
    kept, decoded = (
        Clips(examples, shown, cache, Augment()),
        Clips(examples, shown, None, Augment()),
    )
    first = [kept[index]["values"].copy() for index in (4, 2)]
    np.testing.assert_array_equal(first[1], decoded[2]["values"])
    kept.set_epoch(1)
    assert not np.array_equal(kept[4]["values"], first[0])
    kept.set_epoch(0)
    np.testing.assert_array_equal(kept[4]["values"], first[0])


@pytest.mark.parametrize("workers", [0, 2])
def test_clips_feed_a_data_loader(tmp_path: Path, examples: Examples, workers: int) -> None:
    from torch.utils.data import DataLoader

    some, shown = examples.take(range(6)), inputs()
    clips = Clips(some, shown, Cache.make(tmp_path, some, shown), Augment())
    context = "fork" if workers else None
    loader: Any = DataLoader(
        clips, batch_size=4, collate_fn=clips.collate, num_workers=workers,
        multiprocessing_context=context, persistent_workers=bool(workers),
    )  # fmt: skip
    for epoch in range(2):
        clips.set_epoch(epoch)
        batches = list(loader)
        assert [len(batch["labels"]) for batch in batches] == [4, 2]
        labels = [label for batch in batches for label in batch["labels"].tolist()]
        assert labels == some.labels.tolist()
        expected = shown.finish([clips[index]["values"] for index in range(4)])
        assert batches[0]["pixel_values_videos"].equal(expected["pixel_values_videos"])
