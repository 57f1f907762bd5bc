"""Quality of clips: this package beside the published script, frame by frame, in one run.

    python -m benchmarks.quality --out benchmarks/results/quality-MACHINE.json

Both run on one thread of one core, in turn, on the same decoded clips. The peer is written from
the description of EquiME's script: scikit-image and piq for one grey frame at a time, PSNR in
8-bit arithmetic, and a CLIP-IQA model built anew for every frame. As that takes minutes a clip,
a few frames are timed and scaled to all. The weights are random numbers of the published sizes,
made here: the time is right and the scores mean nothing.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import piq  # type: ignore[import-untyped]
import torch
from piq.feature_extractors import clip  # type: ignore[import-untyped]
from skimage.metrics import structural_similarity

from benchmarks.common import asked, drawn, finish, jobs
from equime_hub import seeds
from equime_hub.builder.backends.warp import WarpBackend
from equime_hub.builder.measure import pixels
from equime_hub.builder.measure.quality import Scorers, measure_quality
from equime_hub.builder.plan import PlanConfig
from equime_hub.video import codec, sampling


@dataclass(frozen=True)
class ClipSize:
    """Sizes of a CLIP with a ResNet; the defaults are those of RN50."""

    embedding: int = 1024
    image: int = 224
    layers: tuple[int, ...] = (3, 4, 6, 3)
    width: int = 64
    context: int = 77
    words: int = 49408
    text_width: int = 512
    text_layers: int = 12


def write_weights(folder: Path, size: ClipSize | None = None, vectors: int = 774) -> None:
    """Write the three files of piq with random numbers in them, the same at every call."""
    size = size or ClipSize()
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.derive("stand-in weights"))
        regression = 5 * torch.randn(vectors) - 0.5, 2 * torch.rand(vectors, 36) - 1
        torch.save(regression, folder / "brisque_svm_weights.pt")
        tokens = torch.randint(1, size.words - 1, (size.context,)).repeat(2, 1)
        tokens[1, 0] = 0  # "Bad" for "Good", and the rest the same
        tokens[:, -1] = size.words - 1  # the highest is the end
        torch.save(tokens, folder / "clipiqa_tokens.pt")
        model = clip.CLIP(
            size.embedding,
            size.image,
            size.layers,
            size.width,
            None,  # no patches: a ResNet
            size.context,
            size.words,
            size.text_width,
            max(size.text_width // 64, 1),
            size.text_layers,
        )
        for name, weight in model.named_parameters():
            if name.endswith("bn3.weight"):  # 0 at first, which would switch the blocks off
                torch.nn.init.uniform_(weight)
        torch.nn.init.constant_(model.logit_scale, np.log(100))  # as trained
        clip.convert_weights(model)
        torch.jit.script(_holder(model.state_dict())).save(str(folder / "RN50.pt"))


def _holder(state: dict[str, Any]) -> Any:
    """Module that has these weights under these names, and does nothing."""
    root = torch.nn.Module()
    for name, weight in state.items():
        *path, last = name.split(".")
        module = root
        for part in path:
            if part not in dict(module.named_children()):
                module.add_module(part, torch.nn.Module())
            module = module.get_submodule(part)
        module.register_buffer(last, weight)
    return root


@contextmanager
def piq_finds(folder: Path) -> Iterator[None]:
    """Let piq take its weights from a folder, without a download."""
    names = ("HOME", "TORCH_HOME")
    before = {name: os.environ[name] for name in names if name in os.environ}
    with tempfile.TemporaryDirectory() as name:
        for path in (Path(name, ".cache", "clip"), Path(name, "hub", "checkpoints")):
            path.parent.mkdir(exist_ok=True)
            path.symlink_to(folder.resolve(), target_is_directory=True)
        os.environ.update(dict.fromkeys(names, name))
        try:
            yield
        finally:
            for each in names:
                del os.environ[each]
            os.environ.update(before)


def published_psnr(first: Any, second: Any) -> float:
    error = np.mean((first - second) ** 2)
    return 100.0 if error == 0 else float(20 * np.log10(255.0 / np.sqrt(error)))


def published_ssim(first: Any, second: Any) -> float:
    return float(structural_similarity(first, second))


def published_tv(gray: Any) -> float:
    return float(piq.total_variation(_tensor(gray)).item())


def published_brisque(gray: Any) -> float:
    return float(piq.brisque(_tensor(gray)).item())


def published_clip_iqa(gray: Any) -> float:
    return float(piq.CLIPIQA()(_tensor(gray)).item())


def _tensor(gray: Any) -> Any:
    return torch.from_numpy(gray)[None, None].float() / 255.0


def grays(frames: Any) -> Any:
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])


PUBLISHED: dict[str, Callable[[Any], float]] = {
    "psnr": lambda gray: float(np.mean([published_psnr(*pair) for pair in pairwise(gray)])),
    "ssim": lambda gray: float(np.mean([published_ssim(*pair) for pair in pairwise(gray)])),
    "tv": lambda gray: float(np.mean([published_tv(one) for one in gray])),
    "brisque": lambda gray: float(np.mean([published_brisque(one) for one in gray])),
}
"""Mean over a grey clip by column, one frame or pair at a time."""


def published_columns(frames: Any) -> dict[str, float]:
    """All but CLIP-IQA."""
    gray = grays(frames)
    return {name: mean(gray) for name, mean in PUBLISHED.items()}


def main() -> None:
    options = asked(
        __doc__, clips=5, frames=161, size=256, clip_iqa_frames=(2, "timed of each clip")
    )

    core = _one_core()
    clips = _clips(options.clips, options.frames, options.size)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_weights(folder)
        with piq_finds(folder):
            result = _compare(clips, Scorers.load(folder), options.clip_iqa_frames)
    result |= {
        "clips": len(clips),
        "clip": f"{options.frames} frames of {options.size} x {options.size}, decoded",
        "cores": f"one thread, pinned to core {core}",
        "weights": "random, of the published sizes",
        "not_run": "CUDA",
        "other_packages": {name: version(name) for name in ("piq", "scikit-image", "torch")},
    }
    finish(result, options.out)


def _one_core() -> int:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def _clips(count: int, frames: int, size: int) -> list[Any]:
    """Decoded clips of different drawn people."""
    plan = drawn(count, PlanConfig(width=size, height=size, num_frames=frames))
    backend = WarpBackend()
    specs = {spec.face.subject_id: spec for spec in plan.specs}
    clips = backend.render(list(jobs(plan, list(specs.values()))))
    return [codec.decode(codec.encode(clip, backend.encoder)).frames for clip in clips]


Times = defaultdict[str, list[tuple[float, float]]]
"""What was timed → wall clock and processor time of each clip, seconds."""


def _compare(clips: list[Any], scorers: Scorers, few: int) -> dict[str, Any]:
    assert scorers.brisque and scorers.clip_iqa, scorers.missing
    brisque, clip_iqa = scorers.brisque, scorers.clip_iqa
    four = Scorers(brisque=brisque)
    here: dict[str, Callable[[Any], Any]] = {
        "psnr": pixels.psnr,
        "ssim": pixels.ssim,
        "tv": pixels.total_variation,
        "brisque": lambda gray: float(brisque.scores(gray).mean()),
    }
    measure_quality(clips[0][:32], scorers)  # imports and tables
    theirs, ours = Times(list), Times(list)
    apart: dict[str, list[float]] = defaultdict(list)
    for frames in clips:
        gray = grays(frames)
        for name, work in PUBLISHED.items():
            published = _timed(theirs[name], work, gray)
            found = _timed(ours[name], here[name], gray)
            apart[name].append(published - found)
            if name == "psnr":
                apart["psnr, wrapped"].append(published - pixels.psnr(gray, wrapped=True))
        _timed(theirs["all four"], published_columns, frames)
        _timed(ours["all four"], lambda clip: measure_quality(clip, four), frames)
        some = gray[sampling.uniform(len(gray), few)]
        single = [_timed(theirs["clip_iqa, a frame"], published_clip_iqa, one) for one in some]
        apart["clip_iqa of the same frames"] += list(single - clip_iqa.scores(some))
        sixteen = gray[sampling.uniform(len(gray), 16)]
        _timed(ours["clip_iqa"], clip_iqa.scores, sixteen)
        _timed(ours["clip_iqa, a frame"], clip_iqa.scores, sixteen[:1])
    length = len(clips[0])
    theirs["clip_iqa"] = [
        (wall * length, used * length) for wall, used in theirs["clip_iqa, a frame"]
    ]
    return {
        "a_clip": {name: _row(theirs[name], ours[name]) for name in ours},
        "clip_iqa": (
            f"published: {few} frames of each clip timed and scaled to {length}; here: 16 frames "
            f"of a clip, {'bfloat16' if clip_iqa.reduced else 'float32'}"
        ),
        "largest_difference": {
            name: float(f"{np.abs(values).max():.2g}") for name, values in apart.items()
        },
    }


def _timed(times: list[tuple[float, float]], work: Callable[[Any], Any], argument: Any) -> Any:
    wall, used = time.perf_counter(), time.process_time()
    result = work(argument)
    times.append((time.perf_counter() - wall, time.process_time() - used))
    return result


def _row(theirs: list[tuple[float, float]], ours: list[tuple[float, float]]) -> dict[str, float]:
    """Medians; processor time is what others on the same core do not disturb."""
    (wall, used), (our_wall, our_used) = (np.median(times, axis=0) for times in (theirs, ours))
    return {
        "published_ms": round(1000 * used, 1),
        "here_ms": round(1000 * our_used, 1),
        "here_per_second": round(1 / our_used, 2),
        "times_faster": round(used / our_used, 1),
        "times_faster_by_wall_clock": round(wall / our_wall, 1),
    }


if __name__ == "__main__":
    main()
