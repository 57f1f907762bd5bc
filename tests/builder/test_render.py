"""The worker: what it does with broken clips, and with several threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from equime_hub.builder.backends.warp import WarpBackend
from equime_hub.builder.plan import Plan
from equime_hub.builder.render import RenderConfig, Worker
from equime_hub.builder.spec import BrokenClip, RenderJob
from equime_hub.schema.records import ClipRecord
from equime_hub.video import codec
from equime_hub.video.clip import Clip


@dataclass(frozen=True)
class _Faulty(WarpBackend):
    """Breaks the clips of some seeds."""

    seeds: frozenset[int] = frozenset()
    reason: str = "not finite"

    def render(self, jobs: Sequence[RenderJob]) -> list[Clip]:
        made = super().render(jobs)
        return [
            BrokenClip.of(job.spec, self.reason) if job.spec.seed in self.seeds else clip
            for job, clip in zip(jobs, made, strict=True)
        ]


def made(plan: Plan, backend: WarpBackend, retry: bool) -> list[ClipRecord]:
    return list(Worker(RenderConfig(backend, retry=retry), plan.source).render(plan.specs[:3]))


def test_a_broken_clip_is_kept_and_rejected(plan: Plan) -> None:
    broken = _Faulty(seeds=frozenset({plan.specs[1].seed}))
    records = made(plan, broken, retry=False)
    assert [r.quality.rejection_reason for r in records] == [None, "not finite", None]
    assert {r.retry_seed for r in records} == {None}


def test_with_retry_both_tries_are_told(plan: Plan) -> None:
    spec = plan.specs[1]
    first, second, third = made(plan, _Faulty(seeds=frozenset({spec.seed})), retry=True)
    assert second.quality.accepted
    assert second.spec == spec
    assert second.retry_reason == "not finite"
    assert second.retry_seed not in (None, spec.seed)
    assert {first.retry_seed, third.retry_seed} == {None}
    plain = made(plan, WarpBackend(), retry=False)
    assert (first.video, third.video) == (plain[0].video, plain[2].video)
    assert second.video != plain[1].video  # other noise


def test_a_retry_that_fails_too_is_rejected(plan: Plan) -> None:
    spec = plan.specs[1]
    seed = made(plan, _Faulty(seeds=frozenset({spec.seed})), retry=True)[1].retry_seed
    assert seed is not None
    twice = made(plan, _Faulty(seeds=frozenset({spec.seed, seed}), reason="black"), retry=True)[1]
    assert not twice.quality.accepted
    assert (twice.retry_seed, twice.retry_reason) == (seed, "black")
    assert twice.quality.rejection_reason == "black"


@dataclass(frozen=True)
class _OneAtATime(WarpBackend):
    """Fails if two threads are in it."""

    entered = threading.Semaphore(1)

    def render(self, jobs: Sequence[RenderJob]) -> list[Clip]:
        assert self.entered.acquire(blocking=False), "two threads had the backend"
        time.sleep(0.01)
        clips = super().render(jobs)
        self.entered.release()
        return clips


def test_threads_take_turns_at_the_backend_and_make_the_same(plan: Plan) -> None:
    worker = Worker(RenderConfig(_OneAtATime()), plan.source)
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda spec: next(iter(worker.render([spec]))), plan.specs[:6]))
    alone = list(Worker(RenderConfig(WarpBackend()), plan.source).render(plan.specs[:6]))
    assert [r.video for r in together] == [r.video for r in alone]


def test_encoding_overlaps_with_rendering(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread renders while another encodes: neither could go on without the other."""
    meeting = threading.Barrier(2, timeout=20)
    encode = codec.encode
    first = threading.Event()

    def encode_with_a_renderer(clip: Clip, config: codec.EncoderConfig) -> bytes:
        if not first.is_set():
            first.set()
            meeting.wait()
        return encode(clip, config)

    class Meets(WarpBackend):
        def render(self, jobs: Sequence[RenderJob]) -> list[Clip]:
            if first.is_set():
                meeting.wait()
            return super().render(jobs)

    monkeypatch.setattr(codec, "encode", encode_with_a_renderer)
    worker = Worker(RenderConfig(Meets()), plan.source)

    def one(number: int) -> ClipRecord:
        if number:
            first.wait(20)
        return next(iter(worker.render([plan.specs[number]])))

    with ThreadPoolExecutor(2) as pool:
        records = list(pool.map(one, (0, 1)))
    assert all(record.quality.accepted for record in records)
