from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from equime_hub import seeds
from equime_hub.builder.measure.basic import BROKEN, measure, psnr
from equime_hub.builder.plan import Plan
from equime_hub.builder.spec import RenderJob
from equime_hub.video.clip import Clip


@pytest.fixture
def job(plan: Plan) -> RenderJob:
    image = seeds.generator("image").integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return RenderJob(plan.specs[0], image, plan.specs[0].face.landmarks)


def test_psnr_does_not_wrap() -> None:
    # As uint8, a difference of 16 squares to 0 and the images look equal.
    first = np.full((8, 8, 3), 100, np.uint8)
    second = first + np.uint8(16)
    assert psnr(first, second) == pytest.approx(peak_signal_noise_ratio(first, second))
    assert psnr(first, first) == float("inf")


def test_a_clip_is_measured_on_what_is_decoded(job: RenderJob) -> None:
    quality = measure(job, b"x" * 1000, Clip(np.stack([job.image] * 16), 50.0))
    assert quality.accepted and quality.rejection_reason is None
    assert quality.size_bytes == 1000
    assert quality.bitrate_kbps == pytest.approx(8000 / 320)
    assert quality.first_frame_psnr is None  # infinite: equal to the source


@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize(("level", "reason"), [(7, "black"), (120, "constant")])
def test_frames_that_show_nothing(job: RenderJob, level: int, reason: str, every: bool) -> None:
    frames = np.stack([job.image] * 16)
    frames[slice(None) if every else slice(7, 8)] = level
    quality = measure(job, b"x", Clip(frames, 50.0))
    assert (quality.accepted, quality.rejection_reason) == (False, reason)
    assert reason in BROKEN


def test_frames_that_are_missing(job: RenderJob) -> None:
    quality = measure(job, b"x", Clip(np.stack([job.image] * 15), 50.0))
    assert (quality.accepted, quality.rejection_reason) == (False, "wrong frame count")


def test_what_the_backend_says_itself_comes_first(job: RenderJob) -> None:
    black = Clip(np.zeros((16, 64, 64, 3), np.uint8), 50.0)
    assert measure(job, b"x", black, "not finite").rejection_reason == "not finite"
