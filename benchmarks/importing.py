"""Clips per second of an import, where the time goes, and what other encoder settings would give.

    python -m benchmarks.importing --gray --out benchmarks/results/importing-MACHINE.json

A made-up folder of drawn faces, gray or not, with the noise of a sensor, is read, encoded and
written, timed apart in one process on one core, and so is a whole import: what that takes above
the sum of its parts is overhead. These are seconds of processor time, which leaves out what else
runs on the machine, and waiting for the disk. By the clock, whole imports are timed with one
worker and with one worker a core. Each is done several times, of which the fastest counts.

Settings are compared on gray drawn faces with an expression of half the usual strength, kept as
JPEG, clip by clip one setting after the other, in processor time. PSNR is luma against the JPEG
pixels. Kept: the share of what changes between onset and apex in the clip rendered without noise,
where that is 1 to 4 grey levels, that is found again after decoding (regression coefficient);
"JPEG files" has what was there before encoding.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks import machine
from benchmarks.build import timed
from equime_hub import seeds
from equime_hub.builder import plan as plans
from equime_hub.builder import shards
from equime_hub.builder.backends.warp import WarpBackend, WarpConfig
from equime_hub.builder.faces.align import align
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.plan import PlanConfig
from equime_hub.builder.spec import RenderJob
from equime_hub.cards import dataset_card
from equime_hub.jobs import import_
from equime_hub.jobs.import_ import ImportSource
from equime_hub.loading_script.real import pixels
from equime_hub.loading_script.real.clip import RealClip
from equime_hub.schema.stamp import Stamp
from equime_hub.video import codec

FPS = 200.0
CRFS = (2, 4, 6, 8, 10, 12)
SETTINGS = [
    *(codec.EncoderConfig(preset=name, crf=crf, tune="psnr")
      for name in ("ultrafast", "superfast", "veryfast") for crf in CRFS),
    codec.EncoderConfig(preset="ultrafast", crf=6, tune="zerolatency"),
    codec.EncoderConfig(preset="ultrafast", crf=6, tune="grain"),
    codec.EncoderConfig(preset="medium", crf=4, tune="psnr"),
]  # fmt: skip
"""psnr turns off adaptive quantisation and all that x264 does for the eye alone."""


def made_up(root: Path, options: argparse.Namespace) -> list[RealClip]:
    """Draw the folder: one drawn face a clip, which moves by a quarter of a pixel a frame."""
    source = DrawnFaces(options.clips, 0)
    clips = []
    for number, face in enumerate(source.scan().faces):
        random = seeds.generator("importing", number)
        still = cv2.resize(source.pixels(face), (options.width, options.height))
        names = tuple(f"{number}/img{n:03}.jpg" for n in range(options.frames))
        (root / str(number)).mkdir(parents=True)
        for n, name in enumerate(names):
            moved = cv2.warpAffine(
                still, np.array([[1, 0, 0], [0, 1, n / 4]], np.float32), still.shape[1::-1]
            )
            frame = moved if not options.gray else cv2.cvtColor(moved, cv2.COLOR_RGB2GRAY)
            noisy = np.clip(frame + random.normal(0, options.noise, frame.shape), 0, 255)
            cv2.imwrite(str(root / name), noisy.round().astype(np.uint8))
        clips.append(
            RealClip("samm", f"{number:03}", "1", names, FPS, "none: drawn", gray=options.gray)
        )
    return clips


def fastest(repeats: int, work: Callable[[], object]) -> float:
    """Processor seconds of the fastest of several times."""
    return min(cpu(work)[0] for _ in range(repeats))


def encoded(root: Path, clips: list[RealClip], repeats: int) -> tuple[float, list[bytes]]:
    """Processor seconds of encoding when the frames are in memory, and what it gives."""
    seconds, videos = 0.0, []
    for clip in clips:
        frames = list(pixels.images(root, clip))
        work = partial(codec.encode_frames, frames, FPS, pixels.ENCODER)
        seconds += fastest(repeats, work)
        videos.append(work())
    return seconds, videos


def compared(people: int, noise: float) -> dict[str, dict[str, float]]:
    """Every setting, and the files it starts from: what it costs, and what it keeps."""
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for clean, onset, apex in subtle(people):
        random = seeds.generator("importing", "noise", len(found["JPEG files"]))
        noisy = np.clip(clean + random.normal(0, noise, clean.shape), 0, 255).round()
        files = [cv2.imencode(".jpg", frame)[1] for frame in noisy.astype(np.uint8)]
        source = np.stack([np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)) for file in files])
        size = sum(file.size for file in files) / 1000
        found["JPEG files"].append({"kilobytes": size, **kept(clean, source, onset, apex)})
        frames = [cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB) for frame in source]
        for setting in SETTINGS:
            encoding, video = cpu(partial(codec.encode_frames, frames, FPS, setting))
            decoding, clip = cpu(partial(codec.decode, video))
            gray = clip.frames[..., 0]
            error = np.square(gray.astype(np.float64) - source).mean()
            found[f"{setting.preset} crf {setting.crf} {setting.tune}"].append({
                "kilobytes": len(video) / 1000,
                "seconds": encoding,
                "decoding seconds": decoding,
                "psnr": 10 * np.log10(255**2 / error),
                **kept(clean, gray, onset, apex),
            })  # fmt: skip
    return {name: summary(scores) for name, scores in found.items()}


def subtle(people: int) -> Iterator[tuple[Any, int, int]]:
    """Gray clips without noise, 64 frames of 640×480, each with its onset and apex."""
    source = DrawnFaces(people, 0)
    config = PlanConfig(width=640, height=480, limit_clips=people)
    backend = WarpBackend(WarpConfig(noise=0, gain=0.5))
    for spec in plans.make(source.scan().faces, source, config).specs:
        face = spec.face
        job = RenderJob(spec, *align(source.pixels(face), face.landmarks, spec.width, spec.height))
        frames = backend.render([job])[0].frames
        gray = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])
        yield gray, spec.onset_frame, spec.apex_frame


def kept(clean: Any, found: Any, onset: int, apex: int) -> dict[str, float]:
    signal, change = (x[apex].astype(np.float64) - x[onset] for x in (clean, found))
    small = (abs(signal) >= 1) & (abs(signal) <= 4)
    return {"kept": float((change * signal)[small].sum() / (signal**2)[small].sum())}


def summary(scores: list[dict[str, float]]) -> dict[str, float]:
    mean = {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
    result = {"kilobytes": float(round(mean["kilobytes"]))}
    if "seconds" in mean:
        result["clips_per_second"] = round(1 / mean["seconds"], 2)
        result["decoded_clips_per_second"] = round(1 / mean["decoding seconds"], 2)
        result["psnr"] = round(mean["psnr"], 1)
    worst = min(score["kept"] for score in scores)
    return result | {"kept_mean": round(mean["kept"], 3), "kept_worst": round(worst, 3)}


def cpu(work: Any) -> tuple[float, Any]:
    start = time.process_time()
    done = work()
    return time.process_time() - start, done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--noise", type=float, default=2.0, help="Grey levels.")
    parser.add_argument("--gray", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--people", type=int, default=6, help="To compare settings on; 0 is not.")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    seconds: dict[str, float] = {}
    cores = os.cpu_count() or 1

    def whole(root: Path, folder: Path, clips: list[RealClip], workers: int) -> tuple[float, float]:
        """Processor seconds of this process, and seconds by the clock."""
        read = partial(pixels.read, root)
        source = ImportSource("samm", "Drawn", "none: drawn", "", clips, read, {})

        def work() -> None:
            shutil.rmtree(folder, ignore_errors=True)
            import_.import_clips(source, folder, card=dataset_card.write, workers=workers)

        times = [timed(partial(cpu, work)) for _ in range(options.repeats)]
        return min(used for _, (used, _) in times), min(taken for taken, _ in times)

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        clips = made_up(root, options)
        source_bytes = sum((root / name).stat().st_size for c in clips for name in c.frames)
        seconds["read"] = fastest(
            options.repeats, lambda: [sum(1 for _ in pixels.images(root, clip)) for clip in clips]
        )
        seconds["encode"], videos = encoded(root, clips, options.repeats)
        rows = [
            pixels.labels(clip) | {"video": {"bytes": video, "path": None}}
            for clip, video in zip(clips, videos, strict=True)
        ]
        path = Path(folder) / "shard.parquet"
        shards.table_of_rows(rows[:1])  # imports datasets
        seconds["write"] = fastest(
            options.repeats,
            lambda: shards.write(path, iter([shards.table_of_rows(rows)]), Stamp("", "", "")),
        )
        used, one = whole(root, Path(folder) / "one", clips, 1)
        _, many = whole(root, Path(folder) / "many", clips, cores)
    parts, count = sum(seconds.values()), len(clips)
    kind = "gray" if options.gray else "colour"
    result = {
        "clips": count,
        "clip": f"{options.frames} {kind} frames of {options.width} x {options.height}, noise "
        f"{options.noise:g}",
        "bytes_per_clip": {
            "JPEG files": round(source_bytes / count),
            "encoded": round(sum(map(len, videos)) / count),
        },
        "clips_per_second_one_core": {
            name: round(count / value, 2) for name, value in seconds.items()
        }
        | {"whole import": round(count / used, 2)},
        "share_of_time": {name: round(value / parts, 3) for name, value in seconds.items()},
        "whole_import_over_sum_of_parts": round(used / parts, 3),
        "clips_per_second_by_the_clock": {
            "1 worker": round(count / one, 2),
            f"{cores} workers": round(count / many, 2),
        },
        "encoder": pixels.ENCODER.describe(),
        "settings": {
            f"noise {noise:g}": compared(options.people, noise)
            for noise in (0.0, 2.0)
            if options.people
        },
        "machine": machine.describe(),
    }
    print(json.dumps(result, indent=2))
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
