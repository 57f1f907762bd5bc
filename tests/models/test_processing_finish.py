from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equime_hub.errors import ModelError
from equime_hub.video.clip import Clip
from equime_hub.video.moments import Moments
from tests.models.test_processing import SAMPLINGS, levels, processor


def test_finishing_is_arithmetic_in_float() -> None:
    clip = levels(3, step=40)
    pixels = clip.frames.transpose(0, 3, 1, 2)[None].astype(np.float64)

    def made(**given: Any) -> npt.NDArray[np.float64]:
        one = processor(num_frames=3, **given)(clip)["pixel_values_videos"]
        assert one.dtype == torch.float32
        assert one.is_contiguous()
        return np.asarray(one, np.float64)

    assert np.allclose(made(), pixels / 255)
    assert np.allclose(made(do_rescale=False), pixels)
    assert np.allclose(made(rescale_factor=2.0), pixels * 2)
    mean, std = [0.5, 0.25, 0.125], [0.5, 2.0, 4.0]
    normal = made(do_normalize=True, image_mean=mean, image_std=std)
    form = (1, 1, 3, 1, 1)
    expected = (pixels / 255 - np.reshape(mean, form)) / np.reshape(std, form)
    assert np.allclose(normal, expected, atol=1e-6)
    one = made(do_normalize=True, image_mean=0.5, image_std=0.5)
    assert np.allclose(one, pixels / 127.5 - 1, atol=1e-6)
    standard = made(standardize=True)
    assert np.allclose(standard, (pixels - pixels.mean()) / pixels.std(), atol=1e-5)
    difference = made(input_kind="difference", do_normalize=True, image_mean=0.5, image_std=0.5)
    assert np.allclose(difference, (pixels - pixels[:, :1]) / 127.5, atol=1e-6)
    moved = pixels - pixels[:, :1]
    relative = made(input_kind="difference", standardize=True)
    assert np.allclose(relative, moved / np.sqrt((moved**2).mean()), atol=1e-5)


def test_a_single_frame_differs_from_the_onset() -> None:
    clip = levels(5, step=40)
    pixels = clip.frames.transpose(0, 3, 1, 2).astype(np.float64)
    when = Moments(1, 3, 4)
    for sampling, (before, shown) in {"apex": (1, 3), "middle": (0, 2)}.items():
        ours = processor(sampling=sampling, input_kind="difference")
        prepared = ours.prepare(clip, when)
        assert prepared.frames == (before, shown)
        made = ours.finish([prepared.values])["pixel_values_videos"]
        assert made.shape[:2] == (1, 1)
        assert np.allclose(made[0, 0], (pixels[shown] - pixels[before]) / 255, atol=1e-6)
        assert ours.key() != processor(sampling=sampling).key()
        with pytest.raises(ModelError, match="prepare them with these settings"):
            ours.finish([prepared.values[1:]])


def test_a_clip_that_is_one_colour_stays_finite() -> None:
    clip = Clip(np.full((3, 16, 16, 3), 7, np.uint8), 25.0)
    for kind in ("frames", "difference", "flow"):
        made = processor(input_kind=kind, standardize=True)(clip)["pixel_values_videos"]
        assert made.abs().max() < 0.01


def test_masked_clips_of_several_lengths_are_what_each_is_alone() -> None:
    clips = [levels(2), levels(5), levels(1)]
    ours = processor(standardize=True)
    batch = ours(clips)
    assert batch["pixel_values_videos"].shape == (3, 5, 3, 16, 16)
    assert batch["frame_mask"].dtype == torch.bool
    assert batch["frame_mask"].sum(1).tolist() == [2, 5, 1]
    for row, clip in enumerate(clips):
        alone = ours(clip)
        assert torch.equal(
            batch["pixel_values_videos"][row, : len(clip)], alone["pixel_values_videos"][0]
        )
        assert not batch["pixel_values_videos"][row, len(clip) :].any()
        assert alone["frame_mask"].all()


def test_too_few_frames() -> None:
    clip = levels(2, step=100)
    kept: dict[str, Any] = {"sampling": "first", "num_frames": 4, "do_rescale": False}

    def first(video: Any, **given: Any) -> list[float]:
        made = processor(**kept, **given)(video)["pixel_values_videos"]
        return [round(value, 3) for value in made[0, :, 0, 0, 0].tolist()]

    assert first(clip, pad="zero") == [0, 100, 0, 0]
    assert "frame_mask" not in processor(**kept, pad="zero")(clip)
    assert first(clip, pad="repeat") == [0, 0, 100, 100]
    assert first(clip, pad="mask") == [0, 100, 0, 0]
    assert processor(**kept)(clip)["frame_mask"].tolist() == [[True, True, False, False]]
    # As in the paper's code, black frames are frames: they shift the clip's mean.
    black = np.zeros((4, 3, 16, 16))
    black[:2] = clip.frames.transpose(0, 3, 1, 2)
    expected = (black - black.mean()) / black.std()
    made = processor(**kept, pad="zero", standardize=True)(clip)["pixel_values_videos"]
    assert np.allclose(made[0], expected, atol=1e-5)
    assert "frame_mask" not in processor(num_frames=4)(clip)


@settings(max_examples=25)
@given(st.sampled_from(SAMPLINGS), st.integers(1, 12), st.integers(1, 9), st.data())
def test_memory_mapped_values_are_finished_alike(
    sampling: str, count: int, wanted: int, data: st.DataObject
) -> None:
    onset, apex, offset = sorted(
        data.draw(st.lists(st.integers(0, count - 1), min_size=3, max_size=3))
    )
    length = wanted if sampling in ("uniform", "first", "around_apex") else None
    ours = processor(sampling=sampling, num_frames=length, size=4)
    made = ours.prepare(levels(count, 8), Moments(onset, apex, offset))
    assert all(0 <= frame < count for frame in made.frames)
    assert len(made.values) == len(made.frames)
    frozen = made.values.copy()
    frozen.flags.writeable = False
    batch = ours.finish([frozen, frozen])
    assert torch.equal(batch["pixel_values_videos"][0], batch["pixel_values_videos"][1])
    assert ("frame_mask" in batch) == (ours.num_frames is None or sampling == "first")


def test_finish_refuses_what_it_did_not_prepare() -> None:
    ours = processor(num_frames=2)
    for wrong in (
        np.zeros((2, 16, 16, 1), np.uint8),
        np.zeros((2, 15, 16, 3), np.uint8),
        np.zeros((3, 16, 16, 3), np.uint8),
        np.zeros((0, 16, 16, 3), np.uint8),
        np.zeros((2, 16, 16, 3), np.float16),
    ):
        with pytest.raises(ModelError, match="prepare them with these settings"):
            ours.finish([wrong])
