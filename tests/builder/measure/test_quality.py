"""The columns against the published script, which is in `benchmarks.quality`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from benchmarks.quality import (
    PUBLISHED,
    grays,
    piq_finds,
    published_clip_iqa,
    write_weights,
)
from equime_hub import seeds
from equime_hub.builder.backends.warp import WarpBackend
from equime_hub.builder.faces.align import align
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.measure import pixels
from equime_hub.builder.measure.quality import QualityScores, Scorers, measure_quality
from equime_hub.builder.plan import Plan
from equime_hub.builder.spec import RenderJob
from equime_hub.errors import VideoError
from equime_hub.schema.records import Quality
from equime_hub.video import codec, sampling

Frames = npt.NDArray[np.uint8]

TINY_CLIP: dict[str, Any] = {
    "embed_dim": 32, "image_resolution": 64, "vision_layers": (1, 1, 1, 1), "vision_width": 8,
    "context_length": 8, "vocab_size": 64, "transformer_width": 64, "transformer_heads": 1,
    "transformer_layers": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def scorers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scorers]:
    """Random weights through the real loading path; piq finds the same ones."""
    folder = tmp_path_factory.mktemp("weights")
    write_weights(folder, **TINY_CLIP)
    loaded = Scorers.load(folder)
    assert not loaded.missing
    with piq_finds(folder):
        yield loaded


def shaken(frames: int = 4, height: int = 97, width: int = 131, noise: float = 8) -> Frames:
    """A textured picture that drifts under noise; some differences are beyond 16 levels."""
    rng = seeds.generator("shaken", frames, height, width)
    picture = cv2.GaussianBlur(rng.normal(128, 400, (height, width, 3)), (0, 0), 2.5)
    moved = [np.roll(picture, step // 2, axis=1) for step in range(frames)]
    noisy = np.stack(moved) + rng.normal(0, noise, (frames, height, width, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def drawn(plan: Plan) -> Frames:
    """A clip of a build, decoded: flat where nothing is drawn."""
    source, spec, backend = DrawnFaces(8, 0, 128), plan.specs[0], WarpBackend()
    image, landmarks = align(source.pixels(spec.face), spec.face.landmarks, 64, 64)
    (clip,) = backend.render([RenderJob(spec, image, landmarks)])
    return codec.decode(codec.encode(clip, backend.encoder)).frames[::4]


@pytest.fixture(params=["shaken", "drawn"])
def frames(request: pytest.FixtureRequest, drawn: Frames) -> Frames:
    return drawn if request.param == "drawn" else shaken()


def test_columns_are_those_of_the_published_script(frames: Frames, scorers: Scorers) -> None:
    found = measure_quality(frames, scorers, wrapped=True)
    published = {name: mean(grays(frames)) for name, mean in PUBLISHED.items()}
    assert found.psnr == published["psnr"]  # to the last digit
    assert found.ssim == pytest.approx(published["ssim"], abs=1e-7)
    assert found.tv == pytest.approx(published["tv"], abs=1e-5)
    assert found.brisque == pytest.approx(published["brisque"], abs=5e-3)


def test_psnr_is_right_unless_the_published_one_is_wanted() -> None:
    gray = grays(shaken())
    expected = np.mean([peak_signal_noise_ratio(*pair) for pair in pairwise(gray)])
    assert pixels.psnr(gray) == pytest.approx(expected, abs=1e-9)
    assert pixels.psnr(gray, wrapped=True) > pixels.psnr(gray) + 1


def test_clip_iqa_is_that_of_piq(scorers: Scorers) -> None:
    frames = shaken(3, 64, 64)
    expected = np.mean([published_clip_iqa(gray) for gray in grays(frames)])
    found = measure_quality(frames, scorers).clip_iqa
    assert scorers.clip_iqa
    assert found == pytest.approx(expected, abs=2e-2 if scorers.clip_iqa.reduced else 1e-5)


@pytest.mark.gpu
def test_clip_iqa_on_a_gpu_too(tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        assert "EQUIME_REQUIRE_GPU" not in os.environ, "there is no CUDA device"
        pytest.skip("needs a CUDA device")
    write_weights(tmp_path, **TINY_CLIP)
    gray = grays(shaken(3, 64, 64))
    here, there = (Scorers.load(tmp_path, device=name).clip_iqa for name in ("cpu", "cuda"))
    assert here and there
    assert there.scores(gray) == pytest.approx(here.scores(gray), abs=2e-2)


def test_clip_iqa_takes_frames_evenly_spaced(scorers: Scorers) -> None:
    assert scorers.clip_iqa
    frames = shaken(9, 64, 64)
    scores = scorers.clip_iqa.scores(grays(frames))
    assert len(set(scores)) == 9 and (scores > 0).all() and (scores < 1).all()
    for count in (1, 4, 9, 16):
        expected = scores[sampling.uniform(9, min(count, 9))].mean()
        found = measure_quality(frames, scorers, clip_frames=count).clip_iqa
        assert found == pytest.approx(expected, abs=1e-6)


@settings(max_examples=15)
@given(
    count=st.integers(2, 4),
    height=st.integers(32, 60),
    width=st.integers(32, 60),
    levels=st.integers(1, 255),
)
def test_any_clip(count: int, height: int, width: int, levels: int) -> None:
    rng = seeds.generator(count, height, width, levels)
    gray = rng.integers(0, levels + 1, (count, height, width), dtype=np.uint8)
    pairs = list(pairwise(gray))
    similar = np.mean([structural_similarity(*pair) for pair in pairs])
    assert pixels.ssim(gray) == pytest.approx(similar, abs=1e-6)
    assert pixels.total_variation(gray) == pytest.approx(PUBLISHED["tv"](gray), abs=1e-4)
    assert pixels.psnr(gray, wrapped=True) == PUBLISHED["psnr"](gray)


def test_two_equal_frames_count_100_db() -> None:
    gray = grays(shaken(2))
    moving = pixels.psnr(gray)
    for wrapped in (False, True):
        assert pixels.psnr(np.stack([gray[0]] * 3), wrapped=wrapped) == 100
    assert pixels.psnr(gray[[0, 0, 1]]) == pytest.approx((100 + moving) / 2)
    # What wraps looks equal to 8-bit arithmetic.
    steps = np.stack([gray[0] // 2, gray[0] // 2 + np.uint8(16)])
    assert pixels.psnr(steps, wrapped=True) == 100
    assert pixels.psnr(steps) == pytest.approx(20 * np.log10(255 / 16))


def test_frames_of_one_grey_level_have_no_brisque(scorers: Scorers) -> None:
    frames = shaken(4, 64, 64)
    assert scorers.brisque
    apart = scorers.brisque.scores(grays(frames))
    frames[1] = 90
    frames[2] = 0
    assert measure_quality(frames, scorers).brisque == pytest.approx(apart[[0, 3]].mean())
    frames[:] = 90
    assert measure_quality(frames, scorers) == QualityScores(
        100.0, 1.0, 0.0, None, measure_quality(frames, scorers).clip_iqa
    )


def test_one_frame_has_nothing_between_frames(scorers: Scorers) -> None:
    scores = measure_quality(shaken(1), scorers)
    assert scores.psnr is None and scores.ssim is None
    assert scores.tv > 0 and scores.brisque is not None and scores.clip_iqa is not None


def test_the_names_are_those_of_the_columns(scorers: Scorers) -> None:
    scores = measure_quality(shaken(2), scorers)
    quality = replace(Quality(1000, 20.0), **asdict(scores))
    assert (quality.size_bytes, quality.psnr, quality.tv) == (1000, scores.psnr, scores.tv)
    assert None not in asdict(scores).values()


def test_without_models_their_columns_are_empty() -> None:
    scores = measure_quality(shaken(2))
    assert scores.brisque is None and scores.clip_iqa is None and scores.ssim is not None


def test_order_of_measuring_changes_nothing(scorers: Scorers) -> None:
    first, other = shaken(3, 64, 64), shaken(3, 80, 64)
    before = measure_quality(first, scorers)
    measure_quality(other, scorers)
    assert measure_quality(first[:, :, ::-1], scorers) != before
    assert measure_quality(first, scorers) == before


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        (np.zeros((2, 64, 64), np.uint8), r"\(2, 64, 64\)"),
        (np.zeros((2, 64, 64, 1), np.uint8), r"\(2, 64, 64, 1\)"),
        (np.zeros((0, 64, 64, 3), np.uint8), r"\(0, 64, 64, 3\)"),
        (np.zeros((2, 64, 64, 3), np.float32), "float32"),
        (np.zeros((2, 31, 64, 3), np.uint8), "64×31"),
    ],
)
def test_what_is_no_clip_is_refused(frames: Frames, says: str) -> None:
    with pytest.raises(VideoError, match=says):
        measure_quality(frames)


def test_no_frame_for_clip_iqa_is_refused(scorers: Scorers) -> None:
    with pytest.raises(VideoError, match="0"):
        measure_quality(shaken(2, 64, 64), scorers, clip_frames=0)
