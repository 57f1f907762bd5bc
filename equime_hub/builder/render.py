"""The worker: specs in, records out. Every engine uses this one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from equime_hub import seeds
from equime_hub.builder import pairs
from equime_hub.builder.faces.align import align
from equime_hub.builder.measure.basic import BROKEN, measure
from equime_hub.builder.measure.gates import Gates, planned_ms
from equime_hub.builder.measure.meter import Measures, Meter
from equime_hub.builder.spec import Backend, BrokenClip, FaceSource, Image, RenderJob
from equime_hub.schema.records import ClipRecord, ClipSpec, Face, Landmarks
from equime_hub.video import codec
from equime_hub.video.clip import Clip


@dataclass(frozen=True)
class RenderConfig:
    """How clips are made from a plan.

    Attributes:
        backend: What makes the frames.
        encoder: Settings of the video encoder; None takes those of the backend.
        retry: Make a broken clip (`measure.basic.BROKEN`) once more, with a seed derived from its
            own. The row then tells of both tries.
        measures: What is measured besides.
        gates: What is rejected besides broken clips.
        pairs: Keep onset and apex of every clip as images, too (config `onset_apex`).
    """

    backend: Backend
    encoder: codec.EncoderConfig | None = None
    retry: bool = False
    measures: Measures = field(default_factory=Measures)
    gates: Gates = field(default_factory=Gates)
    pairs: bool = True

    @property
    def settings(self) -> codec.EncoderConfig:
        """The settings it encodes with."""
        return self.encoder or self.backend.encoder

    @property
    def configs(self) -> tuple[str, ...]:
        """Configs of the dataset that hold pixels."""
        return ("default", "onset_apex") if self.pairs else ("default",)


class Worker:
    """Loads its backend once and then renders any number of clips.

    Several threads may call `render`: one at a time has the backend, while the others align,
    encode and measure. So a GPU does not wait for the processor.

    Args:
        config: How to render.
        source: Where the faces are from.
    """

    def __init__(self, config: RenderConfig, source: FaceSource) -> None:
        self._config = config
        self._turn = threading.Lock()
        self._meter = Meter(config.measures)

        @lru_cache(maxsize=4)  # the clips of a face follow each other
        def aligned(face: Face, width: int, height: int) -> tuple[Image, Landmarks]:
            return align(source.pixels(face), face.landmarks, width, height)

        self._aligned = aligned

    def check(self, specs: Sequence[ClipSpec]) -> None:
        """Refuse clips that the backend cannot make, before any is made.

        Raises:
            BackendError: The first clip that cannot be made.
        """
        for spec in specs:
            self._config.backend.check(spec)

    def render(self, specs: Sequence[ClipSpec]) -> Iterator[ClipRecord]:
        """Make clips, one record each, in order."""
        size = self._config.backend.batch_size
        for start in range(0, len(specs), size):
            jobs = [
                RenderJob(spec, *self._aligned(spec.face, spec.width, spec.height))
                for spec in specs[start : start + size]
            ]
            for job, clip in zip(jobs, self._clips(jobs), strict=True):
                record = self._record(job, clip)
                broken = record.quality.rejection_reason in BROKEN
                yield self._again(job, record) if broken and self._config.retry else record

    def _clips(self, jobs: Sequence[RenderJob]) -> list[Clip]:
        with self._turn:
            return self._config.backend.render(jobs)

    def _again(self, job: RenderJob, first: ClipRecord) -> ClipRecord:
        seed = seeds.derive(job.spec.seed, "retry")
        (clip,) = self._clips([replace(job, spec=replace(job.spec, seed=seed))])
        return replace(
            self._record(job, clip),
            retry_seed=seed,
            retry_reason=first.quality.rejection_reason,
        )

    def _record(self, job: RenderJob, clip: Clip) -> ClipRecord:
        encoder = self._config.settings
        video = codec.encode(clip, encoder)
        decoded = codec.decode(video)
        fault = clip.reason if isinstance(clip, BrokenClip) else None
        quality = measure(job, video, decoded, fault)
        if quality.accepted:  # what is broken has no motion or quality to speak of
            quality = replace(quality, **self._meter.measure(decoded, lambda: job.landmarks))
        spec, wants_pair = job.spec, self._config.pairs
        wanted = planned_ms(spec.onset_frame, spec.offset_frame, spec.fps)
        return ClipRecord(
            spec=spec,
            video=video,
            encoding=encoder.describe(),
            generation=self._config.backend.generation,
            quality=self._config.gates.judged(quality, wanted),
            pair=pairs.of(decoded, spec.onset_frame, spec.apex_frame) if wants_pair else None,
        )
