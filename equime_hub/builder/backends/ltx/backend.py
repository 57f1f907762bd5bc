"""The backend: refuses what the model cannot make, and makes the rest batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from equime_hub._version import __version__
from equime_hub.builder.backends.ltx import embeddings, pipeline
from equime_hub.builder.backends.ltx.config import PRESETS, LtxConfig
from equime_hub.builder.backends.ltx.embeddings import EmbeddingOrigin, EmbeddingStore, TextEncoder
from equime_hub.builder.backends.ltx.sampling import generate
from equime_hub.builder.spec import Backend, RenderJob
from equime_hub.errors import BackendError, EquimeError
from equime_hub.progress import Progress
from equime_hub.schema.records import ClipSpec, Generation
from equime_hub.schema.taxonomy import rise
from equime_hub.video.clip import Clip
from equime_hub.video.codec import EncoderConfig


@dataclass(frozen=True)
class LtxBackend(Backend):
    """Clips by LTX-Video; see `Backend`.

    The same job has the same pixels on the same model of GPU with the same versions and batch
    size, whatever its neighbours, its place in the batch and the padding of a short one.

    Attributes:
        config: Settings. Nothing is loaded before the first clip.
    """

    config: LtxConfig = field(default_factory=LtxConfig)

    presets: ClassVar = PRESETS
    encoder: ClassVar = EncoderConfig()
    """Generated clips shimmer like a noisy photograph, for which crf 26 was chosen
    (`benchmarks/codec.py`)."""
    bytes_per_pixel: ClassVar = 0.01

    def __reduce__(self) -> tuple[type[LtxBackend], tuple[LtxConfig]]:
        return LtxBackend, (self.config,)  # never with a loaded model

    @property
    def batch_size(self) -> int:
        """Clips at a time."""
        return self.config.batch_size

    @property
    def wants_gpu(self) -> bool:
        """Whether it will run on one here."""
        return pipeline.device(self.config, self._model).startswith("cuda")

    @cached_property
    def generation(self) -> Generation:
        """What the rows say; looks the model up, but does not load it."""
        config = self.config
        words = ", ".join(config.lossy)
        return Generation(
            generator=f"ltx ({config.preset}: {words})" if words else "ltx",
            software=self._software,
            model_id=self._model.name,
            model_revision=self._model.revision,
            steps=config.steps,
            guidance_scale=config.guidance_scale,
            batch_size=config.batch_size,
        )

    def check(self, spec: ClipSpec) -> None:
        """Refuse a clip that the model cannot make, or would silently make otherwise.

        Raises:
            BackendError: Length or size that diffusers would round, no action unit, no embedding
                of the prompt, no model, no GPU.
        """
        _check_shape(spec)
        if not any(rise(spec.au_onset, spec.au_apex)):
            raise BackendError(
                f"The prompt of clip {spec.clip_id} names no action unit, so nothing would move; "
                "give its emotion at least one."
            )
        pipeline.device(self.config, self._model)
        if self.config.timesteps and not self._model.takes_timesteps:
            raise BackendError(
                f"{self._model.name} runs in {self._model.pipeline}, which takes no timesteps: "
                "they are for the distilled models, 0.9.7 and later."
            )
        if self.config.steps == 1 and not self._model.takes_timesteps:
            raise BackendError(
                f"{self._model.pipeline} cannot do a single step: its scheduler needs at least 2."
            )
        if self._store:
            for prompt in self.prompts(spec):
                self._store.demand(prompt)

    def warm_up(self) -> None:
        """Load the model in the background, where it is what comes first.

        Without a file of embeddings T5 comes first, and there may not be room for both.
        """
        if self.config.embeddings:
            background = ThreadPoolExecutor(1)
            vars(self)["_loading"] = background.submit(
                pipeline.load_video, self.config, self._model
            )
            background.shutdown(wait=False)

    def fitted(self, spec: ClipSpec) -> LtxBackend:
        """With the largest batch size that the free memory has room for; see `auto_batch_size`.

        Raises:
            BackendError: No model, no device, or not even one clip fits.
        """
        size = pipeline.auto_batch_size(self.config, spec.width, spec.height, spec.num_frames)
        return LtxBackend(replace(self.config, batch_size=size))

    def encode_prompts(
        self, specs: Sequence[ClipSpec], out: Path, progress: Progress | None = None
    ) -> int:
        """Encode all that the model will be told, into a file for `config.embeddings`.

        Raises:
            BackendError: A prompt is too long, or T5 cannot be loaded.
        """
        prompts = (prompt for spec in specs for prompt in self.prompts(spec))
        return embeddings.encode_prompts(self.config, prompts, out, progress)

    def prepared(
        self, specs: Sequence[ClipSpec], folder: Path, progress: Progress | None = None
    ) -> LtxBackend:
        """With the embeddings of all prompts in a file; T5 is gone from memory afterwards.

        Raises:
            BackendError: A prompt is too long, or T5 cannot be loaded.
        """
        if self.config.embeddings:
            return self
        out = folder / "prompts.safetensors"
        if not self._are_in(out, specs):
            self.encode_prompts(specs, out, progress)
        return LtxBackend(replace(self.config, embeddings=out))

    def _are_in(self, path: Path, specs: Sequence[ClipSpec]) -> bool:
        try:
            store = EmbeddingStore(path)
        except EquimeError:
            return False
        # A build that was stopped left them here; another model or package may have made them.
        known = store.origin == EmbeddingOrigin.of(self.config, self._model)
        return known and all(store.holds(text) for spec in specs for text in self.prompts(spec))

    def render(self, jobs: Sequence[RenderJob]) -> list[Clip]:
        """One clip a job, in order; a `BrokenClip` where the numbers went bad.

        Raises:
            BackendError: `check` refuses a job, an image does not have the size of its clip, a
                prompt is too long, the model cannot be loaded, or memory is short.
        """
        for job in jobs:
            self.check(job.spec)
            job.check()
        clips: dict[int, Clip] = {}
        for numbers in _batches(jobs, self.batch_size):
            batch = [jobs[number] for number in numbers]
            clips.update(zip(numbers, self._render(batch), strict=True))
        return [clips[number] for number in range(len(jobs))]

    def _render(self, jobs: Sequence[RenderJob]) -> list[Clip]:
        import torch

        try:
            return generate(self._pipe, jobs, (self._store or self._encoder).get, self.config)
        except torch.OutOfMemoryError as error:
            spec, size = jobs[0].spec, self.batch_size
            advice = f"try --batch-size {size // 2}" if size > 1 else "use a GPU with more memory"
            if not self._store:
                advice += ", and give --embeddings so that T5 does not stay loaded"
            raise BackendError(
                f"The GPU has too little memory for {size} clips of {spec.width}×{spec.height}×"
                f"{spec.num_frames} at a time: {advice}. Another batch size may change the "
                "last bits of the pixels."
            ) from error
        except (RuntimeError, ValueError) as error:
            if not self.config.attention:
                raise
            raise BackendError(
                f"The attention backend {self.config.attention!r} cannot be used here: {error}"
            ) from error

    @cached_property
    def _software(self) -> str:
        """All that the pixels depend on and that has no column of its own."""
        config = self.config
        here = pipeline.versions(pipeline.device(config, self._model))
        parts = [
            f"preset {config.preset}",
            f"equime_hub {__version__}",
            here,
            config.dtype,
            f"attention {config.attention or 'native'}",
            "compiled" if config.compile else "eager",
            *config.lossy,
        ]
        if self._store and self._store.origin.software != here:
            parts.append(f"prompts encoded by {self._store.origin.software}")
        return "; ".join(parts)

    def prompts(self, spec: ClipSpec) -> tuple[str, ...]:
        """What the model is told for a clip; the negative prompt only if it is guided."""
        if self.config.guidance_scale > 1:
            return spec.prompt, spec.negative_prompt
        return (spec.prompt,)

    @cached_property
    def _model(self) -> pipeline.LtxModel:
        return pipeline.find(self.config)

    @cached_property
    def _pipe(self) -> Any:
        loading: Future[Any] | None = vars(self).pop("_loading", None)
        return loading.result() if loading else pipeline.load_video(self.config, self._model)

    @cached_property
    def _encoder(self) -> TextEncoder:
        return TextEncoder(self.config, self._model)

    @cached_property
    def _store(self) -> EmbeddingStore | None:
        if self.config.embeddings is None:
            return None
        store = EmbeddingStore(self.config.embeddings)
        store.demand_origin(EmbeddingOrigin.of(self.config, self._model))
        return store


def _check_shape(spec: ClipSpec) -> None:
    if spec.num_frames % 8 != 1:
        made = (spec.num_frames - 1) // 8 * 8 + 1
        raise BackendError(
            f"LTX-Video makes 8k + 1 frames, got {spec.num_frames}: it would silently make {made}. "
            f"Ask for {made} or {made + 8}."
        )
    for name, side in (("width", spec.width), ("height", spec.height)):
        if side < 32 or side % 32:
            raise BackendError(
                f"LTX-Video makes sides that are multiples of 32, got {name} {side}. Ask for "
                f"{max(32, round(side / 32) * 32)}."
            )


def _batches(jobs: Sequence[RenderJob], size: int) -> Iterator[list[int]]:
    """Numbers of jobs that can go together: one size and length, at most `size`."""
    alike: dict[tuple[int, int, int], list[int]] = {}
    for number, job in enumerate(jobs):
        shape = (job.spec.num_frames, job.spec.height, job.spec.width)
        alike.setdefault(shape, []).append(number)
    for numbers in alike.values():
        for start in range(0, len(numbers), size):
            yield numbers[start : start + size]
