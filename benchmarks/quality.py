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
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import numpy.typing as npt
import piq  # type: ignore[import-untyped]
import torch
from piq.feature_extractors import clip  # type: ignore[import-untyped]
from skimage.metrics import structural_similarity

from benchmarks.common import clocks, drawn, jobs, run, timed
from equime_hub import seeds
from equime_hub.builder.backends.warp import WarpBackend
from equime_hub.builder.measure import pixels
from equime_hub.builder.measure.quality import Scorers, measure_quality
from equime_hub.builder.plan import PlanConfig
from equime_hub.video import codec, sampling

RN50: dict[str, Any] = {
    "embed_dim": 1024,
    "image_resolution": 224,
    "vision_layers": (3, 4, 6, 3),
    "vision_width": 64,
    "vision_patch_size": None,  # no patches: a ResNet
    "context_length": 77,
    "vocab_size": 49408,
    "transformer_width": 512,
    "transformer_heads": 8,
    "transformer_layers": 12,
}
"""Sizes of CLIP's RN50, as piq's class takes them."""


def write_weights(folder: Path, vectors: int = 774, **sizes: Any) -> None:
    """Write the three files of piq with random numbers in them, the same at every call.

    Args:
        folder: Where.
        vectors: Support vectors of BRISQUE.
        **sizes: Of CLIP, where they are not those of `RN50`.
    """
    sizes = {**RN50, **sizes}
    words, context = sizes["vocab_size"], sizes["context_length"]
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.derive("stand-in weights"))
        regression = 5 * torch.randn(vectors) - 0.5, 2 * torch.rand(vectors, 36) - 1
        torch.save(regression, folder / "brisque_svm_weights.pt")
        tokens = torch.randint(1, words - 1, (context,)).repeat(2, 1)
        tokens[1, 0] = 0  # "Bad" for "Good", and the rest the same
        tokens[:, -1] = words - 1  # the highest is the end
        torch.save(tokens, folder / "clipiqa_tokens.pt")
        model = clip.CLIP(**sizes)
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
    with tempfile.TemporaryDirectory() as name:
        for path in (Path(name, ".cache", "clip"), Path(name, "hub", "checkpoints")):
            path.parent.mkdir(exist_ok=True)
            path.symlink_to(folder.resolve(), target_is_directory=True)
        with patch.dict(os.environ, {"HOME": name, "TORCH_HOME": name}):
            yield


def published_psnr(first: Any, second: Any) -> float:
    error = np.mean((first - second) ** 2)
    return 100.0 if error == 0 else float(20 * np.log10(255.0 / np.sqrt(error)))


def published_clip_iqa(gray: Any) -> float:
    return _by_piq(piq.CLIPIQA(), gray)


def _by_piq(score: Callable[[Any], Any], gray: Any) -> float:
    return float(score(torch.from_numpy(gray)[None, None].float() / 255.0).item())


def grays(frames: Any) -> Any:
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])


PUBLISHED: dict[str, Callable[[Any], float]] = {
    "psnr": lambda gray: float(np.mean([published_psnr(*pair) for pair in pairwise(gray)])),
    "ssim": lambda gray: float(np.mean([structural_similarity(*pair) for pair in pairwise(gray)])),
    "tv": lambda gray: float(np.mean([_by_piq(piq.total_variation, one) for one in gray])),
    "brisque": lambda gray: float(np.mean([_by_piq(piq.brisque, one) for one in gray])),
}
"""Mean over a grey clip by column, one frame or pair at a time."""


def published_columns(frames: Any) -> dict[str, float]:
    """All but CLIP-IQA."""
    gray = grays(frames)
    return {name: mean(gray) for name, mean in PUBLISHED.items()}


def main(options: Any) -> dict[str, Any]:
    core = _one_core()
    clips = _clips(options.clips, options.frames, options.size)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_weights(folder)
        with piq_finds(folder):
            result = _compare(clips, Scorers.load(folder), options.clip_iqa_frames)
    return result | {
        "clips": len(clips),
        "clip": f"{options.frames} frames of {options.size} x {options.size}, decoded",
        "cores": f"one thread, pinned to core {core}",
        "weights": "random, of the published sizes",
        "not_run": "CUDA",
        "other_packages": {name: version(name) for name in ("piq", "scikit-image", "torch")},
    }


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


Times = defaultdict[str, list[npt.NDArray[np.float64]]]
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
    theirs["clip_iqa"] = [taken * length for taken in theirs["clip_iqa, a frame"]]
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


def _timed(times: list[Any], work: Callable[[Any], Any], argument: Any) -> Any:
    taken, result = timed(partial(work, argument), clocks)
    times.append(taken)
    return result


def _row(theirs: list[Any], ours: list[Any]) -> dict[str, float]:
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
    run(__doc__, main, clips=5, frames=161, size=256, clip_iqa_frames=(2, "timed of each clip"))
