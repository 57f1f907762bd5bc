from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from datasets import Dataset
from numpy.testing import assert_allclose

import equime_hub
from equime_hub.errors import DatasetError, ModelError
from equime_hub.models import saved as saved_model
from equime_hub.models.saved import SavedModel
from equime_hub.prediction import clips as predicting
from equime_hub.schema.taxonomy import EMOTIONS
from tests.support import tiny_classifier as tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    return saved_model.load(str(tiny_model.save(tmp_path_factory.mktemp("model"))), "cpu")


@pytest.fixture
def clips(built: Path) -> Dataset:
    """Seven clips of two people."""
    return opened(built).select(range(7))


def opened(folder: Path) -> Dataset:
    data = equime_hub.load(folder, split="train")
    assert isinstance(data, Dataset)
    return data


def changed(data: Dataset, row: int, **values: Any) -> Dataset:
    """Other values in one row."""
    encoded = data.cast_column("video", type(data.features["video"])(decode=False))

    def other(example: dict[str, Any], index: int) -> dict[str, Any]:
        return values if index == row else {name: example[name] for name in values}

    mapped = encoded.map(other, with_indices=True, features=encoded.features)
    return equime_hub.with_pyav(mapped.cast_column("video", data.features["video"]))


def by_hand(model: SavedModel, data: Dataset, frames: Sequence[int]) -> torch.Tensor:
    """The forward pass written out: normalised frames in, softmax out."""
    mean, std = (
        torch.tensor(values)[:, None, None]
        for values in (model.processor.image_mean, model.processor.image_std)
    )
    found = []
    for row in data:
        middle = row["video"].get_frames_at(frames).data[:, :, 16:48, 16:48]
        pixels = (middle / 255 - mean) / std
        with torch.no_grad():
            found.append(model.model(pixel_values=pixels[None]).logits.softmax(-1)[0])
    return torch.stack(found)


def test_the_log_is_a_forward_pass_written_out(model: SavedModel, clips: Dataset) -> None:
    told: list[tuple[int, int]] = []
    found = predicting.predict(
        model, clips, batch_size=4, progress=lambda done, total: told.append((done, total))
    )
    table = found.log.table
    probabilities = np.array(table["probabilities"].to_pylist())
    # Two of 16 frames: the first, and that in the middle.
    assert_allclose(probabilities, by_hand(model, clips, [0, 8]), atol=1e-6)
    assert np.ptp(probabilities, axis=0).max() > 0.1  # the clips differ
    assert found.log.classes == tiny_model.FIVE
    assert table["prediction"].to_pylist() == [
        tiny_model.FIVE[place] for place in probabilities.argmax(axis=1)
    ]
    assert table["reference"].to_pylist() == [EMOTIONS[code] for code in clips["emotion"]]
    for ours, theirs in {"clip_id": "clip_id", "subject_id": "subject_id"}.items():
        assert table[ours].to_pylist() == clips[theirs][:]
    assert table["dataset"].to_pylist() == table["fold"].to_pylist() == clips["source_dataset"][:]
    assert found.remarks() == []
    assert told == [(0, 7), (4, 7), (7, 7)]


def test_batches_change_nothing(model: SavedModel, clips: Dataset) -> None:
    one, four = (predicting.predict(model, clips, batch_size=size).log.table for size in (1, 4))
    first, second = (table["probabilities"].to_pylist() for table in (one, four))
    assert_allclose(first, second, atol=1e-6)
    assert one.drop_columns("probabilities").equals(four.drop_columns("probabilities"))


def test_only_sampled_frames_are_decoded(
    model: SavedModel, clips: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from equime_hub.video import codec

    asked = []
    decode = codec.decode

    def watched(source: Any, indices: Sequence[int] | None = None) -> Any:
        asked.append(indices)
        return decode(source, indices)

    monkeypatch.setattr(codec, "decode", watched)
    predicting.predict(model, clips)
    assert asked == [[0, 8]] * 7


def test_broken_clips_are_listed_and_the_others_scored(model: SavedModel, clips: Dataset) -> None:
    whole = predicting.predict(model, clips).log.table
    data = changed(clips, 3, video={"bytes": b"\0no video", "path": None})
    found = predicting.predict(model, data, batch_size=2)
    names = clips["clip_id"][:]
    assert list(found.broken) == [names[3]]
    assert found.log.table["clip_id"].to_pylist() == names[:3] + names[4:]
    kept = whole.take([0, 1, 2, 4, 5, 6])["probabilities"].to_pylist()
    assert_allclose(found.log.table["probabilities"].to_pylist(), kept, atol=1e-6)
    (remark,) = found.remarks()
    assert f"they cannot be decoded: 1 clips: {names[3]} (" in remark


def test_rows_without_a_label_of_the_model_are_counted(model: SavedModel, clips: Dataset) -> None:
    data = changed(changed(clips, 0, emotion=None), 2, emotion=EMOTIONS.index("contempt"))
    data = changed(data, 5, emotion=-1)
    found = predicting.predict(model, data)
    assert (found.unlabelled, found.unknown, len(found.log)) == (2, {"contempt": 1}, 4)
    first, second = found.remarks()
    assert "no label: 2 clips" in first and "no such class: contempt 1 clips" in second
    with pytest.raises(DatasetError, match="no clip: 1 have no emotion, 0 a label"):
        predicting.predict(model, data.select([0]))


def test_three_classes_take_the_other_column(tmp_path: Path, clips: Dataset) -> None:
    folder = tiny_model.save(tmp_path, ["positive", "negative", "surprise"])
    found = predicting.predict(saved_model.load(str(folder), "cpu"), clips)
    said = set(found.log.table["reference"].to_pylist())
    assert said == {"positive", "negative", "surprise"}


def test_short_clips_repeat_frames(tmp_path: Path, clips: Dataset) -> None:
    folder = tiny_model.save(tmp_path, num_frames=32)
    found = predicting.predict(saved_model.load(str(folder), "cpu"), clips.select(range(2)))
    assert found.short == len(found.log) == 2
    assert "fewer frames than the model takes, which repeat: 2" in found.remarks()[0]


def test_a_processor_that_does_not_fit_the_model(tmp_path: Path, clips: Dataset) -> None:
    folder = tiny_model.save(tmp_path)
    size = {"height": 48, "width": 48}
    transformers.VideoMAEVideoProcessor(size=size, crop_size=size).save_pretrained(folder)
    with pytest.raises(ModelError, match=r"refuses clips .*\(1, 2, 3, 48, 48\)"):
        predicting.predict(saved_model.load(str(folder), "cpu"), clips)
