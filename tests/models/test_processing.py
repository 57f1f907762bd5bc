from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from equime_hub.errors import VideoError
from equime_hub.models.processing import MicroExpressionVideoProcessor
from equime_hub.video.clip import Clip
from equime_hub.video.flow import flow, strain
from equime_hub.video.locate import largest
from equime_hub.video.moments import Moments
from tests.video.test_codec import textured_clip

Frames = npt.NDArray[np.uint8]

SAMPLINGS = [
    "uniform",
    "first",
    "all",
    "around_apex",
    "onset_apex",
    "onset_apex_offset",
    "apex",
    "middle",
]


def processor(**given: Any) -> MicroExpressionVideoProcessor:
    return MicroExpressionVideoProcessor(**{"face_crop": "none", "size": 16, **given})


def levels(count: int, size: int = 16, step: int = 10) -> Clip:
    """Frame k has the colour (k·step, 20, 200), at 25 fps."""
    frames = np.zeros((count, size, size, 3), np.uint8)
    frames[..., 0] = (np.arange(count) * step)[:, None, None]
    frames[..., 1:] = 20, 200
    return Clip(frames, 25.0)


def shown(video: Any, moments: Moments | None = None, **given: Any) -> tuple[int, ...]:
    return processor(**given).prepare(video, moments).frames


def test_chooses_frames() -> None:
    clip, moments = levels(11), Moments(2, 5, 8)
    assert shown(clip) == tuple(range(11))
    assert shown(clip, num_frames=3) == (0, 5, 10)
    assert shown(clip, num_frames=3, span="expression", moments=moments) == (2, 5, 8)
    assert shown(clip, sampling="first", num_frames=3) == (0, 1, 2)
    assert shown(clip, moments, sampling="first", num_frames=9, span="expression") == (
        *range(2, 9),
    )
    assert shown(clip, sampling="all") == tuple(range(11))
    assert shown(clip, moments, sampling="all", span="expression") == (*range(2, 9),)
    assert shown(clip, moments, sampling="around_apex", num_frames=4) == (2, 5, 6, 8)
    assert shown(clip, moments, sampling="around_apex") == (*range(2, 9),)
    assert shown(clip, moments, sampling="onset_apex") == (2, 5)
    assert shown(clip, moments, sampling="onset_apex_offset") == (2, 5, 8)
    assert shown(clip, moments, sampling="apex") == (5,)
    assert shown(clip, moments, sampling="middle") == (5,)
    assert shown(clip, Moments(2, 3, 4), sampling="middle", span="expression") == (3,)
    assert shown(clip, indices=[-1, 0, 4, 0]) == (10, 0, 4, 0)
    assert shown(clip, times_ms=[0, 39, 40, 400]) == (0, 0, 1, 10)
    assert shown(clip, num_frames=20)[::19] == (0, 10)


def test_a_rate_is_brought_about_first() -> None:
    clip, moments = Clip(levels(20, step=5).frames, 200.0), Moments(2, 7, 14)
    assert shown(clip, normalize_fps=100) == tuple(range(0, 20, 2))
    assert shown(clip, normalize_fps=400) == tuple(i // 2 for i in range(40))
    assert shown(clip, normalize_fps=100, num_frames=2) == (0, 18)
    assert shown(clip, moments, normalize_fps=50, sampling="onset_apex") == (0, 8)
    assert shown(clip, normalize_fps=50, indices=[1, -1]) == (4, 16)
    assert shown(clip, normalize_fps=50, times_ms=[45]) == (8,)


@pytest.mark.parametrize("kind", ["frames", "difference", "flow"])
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_one_frame_is_enough(sampling: str, kind: str) -> None:
    clip = levels(1, 32)
    for span in ("clip", "expression"):
        made = processor(sampling=sampling, input_kind=kind, span=span)(clip)
        assert made["pixel_values_videos"].shape[2:] == (3, 16, 16)
        assert torch.isfinite(made["pixel_values_videos"]).all()
        if kind != "frames":
            assert not made["pixel_values_videos"].any()


def test_missing_moments_are_measured_and_given_ones_win() -> None:
    clip = levels(11, 64)  # nobody is there, so the apex is the middle
    assert shown(clip, sampling="onset_apex_offset") == (0, 5, 10)
    made = processor(sampling="onset_apex_offset").prepare(clip, Moments(apex=8))
    assert made.frames == (0, 8, 10)
    assert made.moments == Moments(0, 8, 10)
    assert processor().prepare(clip, Moments(apex=8)).moments == Moments(apex=8)
    with pytest.raises(VideoError, match="offset < 11"):
        processor().prepare(clip, Moments(3, 20, 22))


def test_no_more_is_measured_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr("equime_hub.models.processing_prepare.estimate", fail)
    assert shown(levels(9), Moments(1, 4), sampling="onset_apex") == (1, 4)
    assert shown(levels(9), num_frames=2) == (0, 8)
    with pytest.raises(AssertionError, match="measured"):
        shown(levels(9), Moments(1, 4), sampling="around_apex")


def test_values_are_the_pixels() -> None:
    clip = textured_clip(6, 40)
    small = np.stack([cv2.resize(f, (16, 16), interpolation=cv2.INTER_AREA) for f in clip.frames])
    made = processor(num_frames=6).prepare(clip)
    assert made.values.dtype == np.uint8
    assert np.array_equal(made.values, small)
    gray = processor(num_frames=6, num_channels=1).prepare(clip).values
    assert gray.shape == (6, 16, 16, 1)
    luma = small @ np.array([0.299, 0.587, 0.114])
    assert np.abs(gray[..., 0] - luma).max() < 1.6
    picked = processor(indices=[5, 1, 5]).prepare(clip).values
    assert np.array_equal(picked, small[[5, 1, 5]])
    for name, number in (("nearest", 0), ("bilinear", 2), ("bicubic", 3)):
        flag = {"nearest": 0, "bilinear": 1, "bicubic": 2}[name]
        large = processor(size=80, resample=number, num_frames=1).prepare(clip).values[0]
        assert np.array_equal(large, cv2.resize(clip.frames[2], (80, 80), interpolation=flag))


def moved_texture(count: int, step: float, size: int = 64) -> Clip:
    still = textured_clip(1, size).frames[0]
    return Clip(
        np.stack(
            [
                cv2.warpAffine(
                    still,
                    np.array([[1, 0, step * k], [0, 1, 0.0]]),
                    (size, size),
                    flags=cv2.INTER_CUBIC,
                    borderMode=cv2.BORDER_REFLECT,
                )
                for k in range(count)
            ]
        ).astype(np.uint8),
        25.0,
    )


def test_flow_is_in_hundredths_of_the_side() -> None:
    clip = moved_texture(4, 0.5)
    made = processor(input_kind="flow", num_frames=4, flow_size=64).prepare(clip)
    assert made.values.dtype == np.float16
    assert made.values.shape == (4, 16, 16, 3)
    u = np.median(made.values[:, 4:-4, 4:-4, 0], axis=(1, 2))
    assert u == pytest.approx([0, 0.5 / 0.64, 1 / 0.64, 1.5 / 0.64], abs=0.2)
    assert not made.values[0].any()
    steps = processor(input_kind="flow", num_frames=4, flow_size=64, flow_from="previous")
    u = np.median(steps.prepare(clip).values[:, 4:-4, 4:-4, 0], axis=(1, 2))
    assert u == pytest.approx([0] + [0.5 / 0.64] * 3, abs=0.2)
    one = processor(input_kind="flow", sampling="onset_apex", flow_size=64)
    field = one.prepare(clip, Moments(1, 3, 3))
    assert field.frames == (1, 3)
    assert field.values.shape == (1, 16, 16, 3)
    gray = [cv2.cvtColor(clip.frames[k], cv2.COLOR_RGB2GRAY) for k in (1, 3)]
    before, after = (np.asarray(frame, np.uint8) for frame in gray)
    whole = flow(before, after)
    full = np.dstack([whole / 64, strain(whole)]) * 100
    expected = cv2.resize(full, (16, 16), interpolation=cv2.INTER_AREA)
    assert np.allclose(field.values[0], expected, atol=0.01)
    assert np.array_equal(
        one(clip, Moments(1, 3, 3))["pixel_values_videos"][0].permute(0, 2, 3, 1), field.values
    )


@pytest.fixture(scope="module")
def portrait() -> Clip:
    import skimage.data

    picture = np.asarray(skimage.data.astronaut(), np.uint8)[:360, 40:400]
    return Clip(np.stack([np.roll(picture, k, axis=1) for k in range(6)]), 25.0)


def test_faces_are_cut_out_alike_in_all_frames(portrait: Clip) -> None:
    ours = processor(face_crop="face", num_frames=3, size=128)
    made = ours.prepare(portrait)
    assert made.face
    first = largest(made.values[0])
    last = largest(made.values[-1])
    assert first is not None
    assert last is not None
    assert np.allclose(first.left_eye, (0.375 * 127, 0.4725 * 127), atol=3)
    assert np.allclose(first.right_eye, (0.625 * 127, 0.4725 * 127), atol=3)
    seen = largest(portrait.frames[0])
    assert seen is not None
    scale = 32 / (seen.right_eye[0] - seen.left_eye[0])
    assert last.left_eye[0] - first.left_eye[0] == pytest.approx(5 * scale, abs=2)
    wide = processor(face_crop="face", num_frames=3, size=128, crop_margin=1.5).prepare(portrait)
    face = largest(wide.values[0])
    assert face is not None
    assert face.right_eye[0] - face.left_eye[0] == pytest.approx(32 / 1.5, abs=2.5)


def test_the_face_is_that_of_the_first_frame_shown(portrait: Clip) -> None:
    black = np.zeros_like(portrait.frames[:1])
    clip = Clip(np.concatenate([black, portrait.frames[:1]]), 25.0)
    assert not processor(face_crop="face", indices=[0, 1]).prepare(clip).face
    assert processor(face_crop="face", indices=[1, 0]).prepare(clip).face


def test_without_a_face_the_centre_is_taken() -> None:
    clip = textured_clip(3, 48)
    made = processor(face_crop="face").prepare(clip)
    assert not made.face
    assert np.array_equal(made.values, processor().prepare(clip).values)
    assert processor().prepare(clip).face
