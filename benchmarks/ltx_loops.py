"""One arm, in a process of its own: loads its model, makes its clips and takes the figures."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import diffusers
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from benchmarks import ltx_measure as measure
from benchmarks.common import jobs, timed
from benchmarks.ltx_arms import FPS, Arm, Run
from benchmarks.ltx_measure import DEVICE
from benchmarks.ltx_models import KINDS, counted
from equime_hub.builder.backends.ltx import LtxBackend, LtxConfig, encode_prompts
from equime_hub.builder.backends.ltx import backend as backend_module
from equime_hub.builder.backends.ltx.sampling import generate
from equime_hub.builder.render import RenderConfig, Worker
from equime_hub.builder.spec import RenderJob
from equime_hub.jobs.build import LANES
from equime_hub.schema.records import ClipRecord, ClipSpec
from equime_hub.video import codec
from equime_hub.video.clip import Clip

KEPT = 4
"""First clips of an arm whose frames are kept to compare."""
_PROFILED_STEPS = 4
_export: Any = getattr(diffusers.utils, "export_to_video")  # noqa: B009 not exported by name


class Watch:
    """Stands before `generate` and notes when it worked, with what, and what came out.

    Attributes:
        intervals: Start and stop of each batch, seconds.
        moments: The same in the work of the GPU, if there is one.
        frames: Of the first clips, by clip id.
        arguments: Of the latest batch.
    """

    def __init__(self, wanted: Sequence[ClipSpec]) -> None:
        self.intervals: list[measure.Interval] = []
        self.moments: list[list[Any]] = []
        self.frames: dict[str, npt.NDArray[np.uint8]] = {}
        self.arguments: tuple[Any, ...] = ()
        self.work: Callable[..., list[Clip]] = generate
        self._wanted = [spec.clip_id for spec in wanted]

    def __call__(self, *arguments: Any) -> list[Clip]:
        """Do what `generate` does."""
        self.arguments = arguments
        clips: list[Clip]
        clips, interval, moments = measure.watched(lambda: self.work(*arguments))
        self.intervals.append(interval)
        self.moments.append(moments)
        jobs: Sequence[RenderJob] = arguments[1]
        for job, clip in zip(jobs, clips, strict=True):
            if job.spec.clip_id in self._wanted:
                self.frames.setdefault(job.spec.clip_id, clip.frames)
        return clips

    def a_few_steps(self) -> None:
        """Make the latest batch again, in few steps."""
        self.work(
            *(_shortened(one) if isinstance(one, LtxConfig) else one for one in self.arguments)
        )


def _shortened(config: LtxConfig) -> LtxConfig:
    return config if config.timesteps else replace(config, steps=min(config.steps, _PROFILED_STEPS))


def prompts(run: Run, model: str) -> dict[str, Any]:
    """Encode the prompts of all clips into the file that the arms read."""
    arm = Arm("prompts", preset="distilled" if model == "distilled" else "equime-paper")
    config = replace(run.config(arm, DEVICE), embeddings=None)
    specs = run.plan.specs
    words = [text for spec in specs for text in (spec.prompt, spec.negative_prompt)]
    measure.forget_peak()
    seconds, count = timed(lambda: encode_prompts(config, words, run.embeddings(model)))
    return {"seconds": seconds, "prompts": count, "peak_gib": measure.peak_gib()}


def _settings(config: LtxConfig, clips: int) -> dict[str, Any]:
    names = ("preset", "batch_size", "steps", "guidance_scale", "dtype", "compile", "attention")
    return {
        "clips": clips,
        **{name: getattr(config, name) for name in names},
        "lossy": list(config.lossy),
        "matrix_tflops": measure.matrix_tflops(),
    }


def _kept(run: Run, arm: Arm, frames: npt.NDArray[np.uint8]) -> dict[str, float]:
    """Keep the first clips of an arm, N×T×H×W×3, to compare; gives how much is in them."""
    np.save(run.frames(arm), frames)
    return {"pixel_std": float(frames.std())}


def ours(run: Run, arm: Arm) -> dict[str, Any]:
    """As a build does it: a worker, and as many threads as a build gives one."""
    specs = run.specs(arm)
    config = run.config(arm, DEVICE)
    backend = LtxBackend(config)
    worker = Worker(RenderConfig(backend), run.plan.source)
    size = arm.batch_size
    parts = [specs[start : start + size] for start in range(0, len(specs), size)]
    figures = _settings(config, len(specs))
    watch = Watch(specs[:KEPT])
    with patch.object(backend_module, "generate", watch):
        measure.forget_peak()
        start = time.perf_counter()
        list(worker.render(parts[0]))  # loads, compiles and tunes
        figures["load_s"] = watch.intervals[0][0] - start
        figures["first_batch_s"] = watch.intervals[0][1] - watch.intervals[0][0]
        if not arm.timed:
            _pass(worker, parts[1 : -(-KEPT // size)])
        else:
            measure.forget_peak()
            figures |= _timed(worker, parts, watch)
            figures["peak_gib"] = measure.peak_gib()
        kept = np.stack([watch.frames[spec.clip_id] for spec in specs[:KEPT]])
        figures |= _kept(run, arm, kept)
        if arm.neighbours:
            own = list(jobs(run.plan, specs[:size]))
            others = [replace(job, spec=replace(job.spec, seed=job.spec.seed + 1)) for job in own]
            again = backend.render([*others[1:], own[0]])[-1]
            figures["other_neighbours"] = measure.difference(kept[:1], again.frames[None])
        if arm.cache:
            made = list(jobs(run.plan, specs[:size]))
            figures["tflop_per_clip"] = counted(lambda: backend.render(made)) / size
        if arm.timed:
            figures |= measure.profile(watch.a_few_steps)
    return figures


def _pass(worker: Worker, parts: Sequence[Sequence[ClipSpec]]) -> list[ClipRecord]:
    with ThreadPoolExecutor(LANES) as pool:
        made = pool.map(lambda part: list(worker.render(part)), parts)
        return [record for records in made for record in records]


def _timed(worker: Worker, parts: Sequence[Sequence[ClipSpec]], watch: Watch) -> dict[str, Any]:
    """The whole pass, and the part of it in which the model had nothing to do.

    "Between" leaves out the first face and the last encoding, which a long build does not feel.
    """
    watch.intervals.clear()
    watch.moments.clear()
    records, (start, stop), moments = measure.watched(lambda: _pass(worker, parts))
    wall, busy = stop - start, measure.covered(watch.intervals)
    waits = None
    if moments:
        on_gpu = sum(map(measure.gpu_seconds, watch.moments))
        waits = 1 - on_gpu / measure.gpu_seconds(moments)
    first, last = watch.intervals[0][0], max(stop for _, stop in watch.intervals)
    clips = len(records)
    return {
        "s_per_clip": wall / clips,
        "clips_per_s": clips / wall,
        "model_s_per_clip": busy / clips,
        "gpu_waits_share": 1 - busy / wall,
        "gpu_waits_share_between": 1 - busy / (last - first),
        "gpu_waits_share_events": waits,
        "mp4_bytes_per_clip": sum(len(record.video) for record in records) / clips,
        "rejected": dict(Counter(filter(None, (r.quality.rejection_reason for r in records)))),
    }


def reference(run: Run, arm: Arm) -> dict[str, Any]:
    """The published loop: one call of the pipeline a clip, PIL images, `export_to_video`."""
    specs = run.specs(arm)
    config = run.config(arm, DEVICE)
    figures = _settings(config, len(specs))
    made = list(jobs(run.plan, specs))
    kind: Any = getattr(diffusers, KINDS[arm.model])
    dtype = getattr(torch, config.dtype)
    figures["load_s"], pipe = timed(
        lambda: kind.from_pretrained(config.model, dtype=dtype).to(DEVICE)
    )
    pipe.set_progress_bar_config(disable=True)
    loop = PublishedLoop(pipe, config, run.scratch / "reference.mp4")
    figures["first_batch_s"], _ = timed(lambda: loop.clip(made[0]))
    loop.seconds.clear()
    measure.forget_peak()
    kept = [loop.clip(job) for job in made[:KEPT]]
    for job in made[KEPT:]:
        loop.clip(job)
    figures |= loop.figures(len(made))
    figures["peak_gib"] = measure.peak_gib()
    figures |= _kept(run, arm, np.stack(kept))
    few = _shortened(config)
    return figures | measure.profile(lambda: loop.sample(made[0], few))


class PublishedLoop:
    """What the published script does for a clip, each step timed.

    Args:
        pipe: The whole pipeline, T5 too.
        config: Settings.
        path: Where clips are exported to, one over the other.

    Attributes:
        seconds: Sums of "model", "pil", "export" and "own encoder".
    """

    def __init__(self, pipe: Any, config: LtxConfig, path: Path) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._pipe, self._config, self._path = pipe, config, path
        self._postprocess: Callable[..., Any] = pipe.video_processor.postprocess_video
        self._model_done = 0.0
        self._no_export = _why_no_export(path)

    def sample(self, job: RenderJob, config: LtxConfig) -> list[Image.Image]:
        """Frames of a clip, as the script gets them."""
        spec = job.spec
        frames: list[Image.Image] = self._pipe(
            image=Image.fromarray(job.image),
            prompt=spec.prompt,
            negative_prompt=spec.negative_prompt,
            width=spec.width,
            height=spec.height,
            num_frames=spec.num_frames,
            num_inference_steps=config.steps,
            guidance_scale=config.guidance_scale,
            generator=torch.Generator().manual_seed(spec.seed),
            output_type="pil",
        ).frames[0]
        return frames

    def clip(self, job: RenderJob) -> npt.NDArray[np.uint8]:
        """Make and write one clip; gives its frames, T×H×W×3."""
        start = time.perf_counter()
        with patch.object(self._pipe.video_processor, "postprocess_video", self._to_pil):
            frames = self.sample(job, self._config)
        sampled = time.perf_counter()
        if not self._no_export:
            _export(frames, str(self._path), fps=int(FPS))
        exported = time.perf_counter()
        pixels = np.stack([np.asarray(frame) for frame in frames])
        codec.encode(Clip(pixels, FPS), LtxBackend.encoder)
        self.seconds["model"] += self._model_done - start
        self.seconds["pil"] += sampled - self._model_done
        self.seconds["export"] += exported - sampled
        self.seconds["own encoder"] += time.perf_counter() - exported
        return pixels

    def figures(self, clips: int) -> dict[str, Any]:
        """What each step took; the loop as published, or with our encoder if it cannot export."""
        took = {name: seconds / clips for name, seconds in self.seconds.items()}
        same_encoder = took["model"] + took["pil"] + took["own encoder"]
        published = took["model"] + took["pil"] + took["export"]
        whole = same_encoder if self._no_export else published
        return {
            "s_per_clip": whole,
            "clips_per_s": 1 / whole,
            "s_per_clip_same_encoder": same_encoder,
            "writer": f"own encoder ({self._no_export})" if self._no_export else "export_to_video",
            "model_s_per_clip": took["model"],
            "pil_s_per_clip": took["pil"],
            "export_s_per_clip": None if self._no_export else took["export"],
            "own_encoder_s_per_clip": took["own encoder"],
            "gpu_waits_share": 1 - took["model"] / whole,
        }

    def _to_pil(self, *arguments: Any, **more: Any) -> Any:
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        self._model_done = time.perf_counter()
        return self._postprocess(*arguments, **more)


def _why_no_export(path: Path) -> str:
    """Empty if diffusers can write videos here."""
    try:
        _export([Image.new("RGB", (64, 64))] * 2, str(path), fps=int(FPS))
    except (AttributeError, ImportError, OSError, RuntimeError) as error:
        return f"export_to_video is not available here: {error}".splitlines()[0]
    return ""
