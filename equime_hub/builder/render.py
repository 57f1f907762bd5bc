"""The worker: specs in, records out. Every engine uses this one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from equime_hub.builder.faces.align import align
from equime_hub.builder.measure.basic import measure
from equime_hub.builder.spec import Backend, FaceSource, Image, RenderJob
from equime_hub.schema.records import ClipRecord, ClipSpec, Face, Landmarks
from equime_hub.video import codec


@dataclass(frozen=True)
class RenderConfig:
    """How clips are made from a plan.

    Attributes:
        backend: What makes the frames.
        encoder: Settings of the video encoder; None takes those of the backend.
    """

    backend: Backend
    encoder: codec.EncoderConfig | None = None

    @property
    def settings(self) -> codec.EncoderConfig:
        """The settings it encodes with."""
        return self.encoder or self.backend.encoder


class Worker:
    """Loads its backend once and then renders any number of clips.

    Args:
        config: How to render.
        source: Where the faces are from.
    """

    def __init__(self, config: RenderConfig, source: FaceSource) -> None:
        self._backend = config.backend
        self._encoder = config.settings

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
            self._backend.check(spec)

    def render(self, specs: Sequence[ClipSpec]) -> Iterator[ClipRecord]:
        """Make clips, one record each, in order."""
        size = self._backend.batch_size
        for start in range(0, len(specs), size):
            jobs = [
                RenderJob(spec, *self._aligned(spec.face, spec.width, spec.height))
                for spec in specs[start : start + size]
            ]
            for job, clip in zip(jobs, self._backend.render(jobs), strict=True):
                video = codec.encode(clip, self._encoder)
                yield ClipRecord(
                    spec=job.spec,
                    video=video,
                    encoding=self._encoder.describe(),
                    generation=self._backend.generation,
                    quality=measure(job, video, codec.decode(video)),
                )
