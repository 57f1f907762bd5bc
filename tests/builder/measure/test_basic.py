from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from equime_hub import seeds
from equime_hub.builder.measure.basic import measure, psnr
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


@pytest.mark.parametrize(("frames", "reason"), [(15, "wrong frame count"), (16, "blank")])
def test_a_broken_clip_is_kept_and_marked(job: RenderJob, frames: int, reason: str) -> None:
    quality = measure(job, b"x", Clip(np.full((frames, 64, 64, 3), 7, np.uint8), 50.0))
    assert not quality.accepted
    assert quality.rejection_reason == reason
