"""What every backend promises, whatever makes its pixels."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from equime_hub.builder.backends import BACKENDS
from equime_hub.builder.backends.ltx import PRESETS, LtxBackend
from equime_hub.builder.backends.warp import WarpBackend
from equime_hub.builder.faces.align import align
from equime_hub.builder.spec import Backend, RenderJob
from equime_hub.errors import BackendError
from tests.conftest import TINY, tiny_plan
from tests.support import tiny_ltx as tiny


@pytest.fixture(scope="module", params=["warp", *tiny.KINDS])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Backend:
    if request.param == "warp":
        return WarpBackend()
    model = tiny.save(tmp_path_factory.mktemp(request.param) / "model", request.param)
    return LtxBackend(replace(PRESETS["tiny"].config, model=str(model)))


@pytest.fixture(scope="module")
def jobs() -> Sequence[RenderJob]:
    """Five clips of one person."""
    plan = tiny_plan(1, replace(TINY, num_frames=17))
    return [
        RenderJob(spec, *align(plan.source.pixels(spec.face), spec.face.landmarks, 64, 64))
        for spec in plan.specs
    ]


def test_every_backend_is_tested_here() -> None:
    assert BACKENDS.names() == ["warp", "ltx"]


def test_a_clip_is_what_was_asked_for(backend: Backend, jobs: Sequence[RenderJob]) -> None:
    clips = backend.render(jobs)
    assert len(clips) == len(jobs)
    for job, clip in zip(jobs, clips, strict=True):
        assert clip.frames.shape == (job.spec.num_frames, job.spec.height, job.spec.width, 3)
        assert clip.fps == job.spec.fps
        assert np.ptp(clip.frames) > 16


def test_neighbours_and_repetition_change_no_pixel(
    backend: Backend, jobs: Sequence[RenderJob]
) -> None:
    together = backend.render(jobs)
    again = backend.render(jobs[::-1])[::-1]
    for one, other in zip(together, again, strict=True):
        assert np.array_equal(one.frames, other.frames)


def test_the_image_it_is_given_stays_as_it_is(backend: Backend, jobs: Sequence[RenderJob]) -> None:
    before = jobs[0].image.copy()
    backend.render(jobs[:1])
    assert np.array_equal(jobs[0].image, before)


def test_it_can_be_sent_to_a_worker_and_described(backend: Backend) -> None:
    assert pickle.loads(pickle.dumps(backend)) == backend
    assert BACKENDS.restore(BACKENDS.describe(backend)) == backend


def test_it_says_who_made_the_pixels(backend: Backend) -> None:
    assert backend.generation.generator and backend.generation.software
    assert backend.batch_size >= 1
    assert backend.bytes_per_pixel > 0


def test_it_refuses_what_it_cannot_make(backend: Backend, jobs: Sequence[RenderJob]) -> None:
    backend.check(jobs[0].spec)
    with pytest.raises(BackendError, match="63"):
        backend.check(replace(jobs[0].spec, width=63))
