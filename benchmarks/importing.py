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

import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import cv2
import numpy as np

from benchmarks.common import clocks, drawn, in_steps, jobs, quickest, run, timed
from equime_hub import seeds
from equime_hub.builder import shards
from equime_hub.builder.backends.warp import WarpBackend, WarpConfig
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.plan import PlanConfig
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


def made_up(root: Path, options: Any) -> list[RealClip]:
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


def encoded(root: Path, clips: list[RealClip], repeats: int) -> tuple[float, list[bytes]]:
    """Processor seconds of encoding when the frames are in memory, and what it gives."""
    seconds, videos = 0.0, []
    for clip in clips:
        frames = list(pixels.images(root, clip))
        work = partial(codec.encode_frames, frames, FPS, pixels.ENCODER)
        seconds += quickest(work, repeats, process_time)
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
            encoding, video = timed(
                partial(codec.encode_frames, frames, FPS, setting), process_time
            )
            decoding, clip = timed(partial(codec.decode, video), process_time)
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
    config = PlanConfig(width=640, height=480, limit_clips=people)
    backend = WarpBackend(WarpConfig(noise=0, gain=0.5))
    for job in jobs(drawn(people, config)):
        frames = backend.render([job])[0].frames
        gray = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])
        yield gray, job.spec.onset_frame, job.spec.apex_frame


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


def main(options: Any) -> dict[str, Any]:
    seconds: dict[str, float] = {}
    cores = os.cpu_count() or 1

    def whole(root: Path, folder: Path, clips: list[RealClip], workers: int) -> Any:
        """Seconds by the clock, and those of the processor."""
        read = partial(pixels.read, root)
        source = ImportSource("samm", "Drawn", "none: drawn", "", clips, read, {})

        def work() -> None:
            shutil.rmtree(folder, ignore_errors=True)
            import_.import_clips(source, folder, card=dataset_card.write, workers=workers)

        return np.min([timed(work, clocks)[0] for _ in range(options.repeats)], axis=0)

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        clips = made_up(root, options)
        source_bytes = sum((root / name).stat().st_size for c in clips for name in c.frames)
        seconds["read"] = quickest(
            lambda: [sum(1 for _ in pixels.images(root, clip)) for clip in clips],
            options.repeats,
            process_time,
        )
        seconds["encode"], videos = encoded(root, clips, options.repeats)
        rows = [
            pixels.labels(clip) | {"video": {"bytes": video, "path": None}}
            for clip, video in zip(clips, videos, strict=True)
        ]
        path = Path(folder) / "shard.parquet"
        shards.table_of_rows(rows[:1])  # imports datasets
        seconds["write"] = quickest(
            lambda: shards.write(path, iter([shards.table_of_rows(rows)]), Stamp("", "", "")),
            options.repeats,
            process_time,
        )
        one, used = whole(root, Path(folder) / "one", clips, 1)
        many, _ = whole(root, Path(folder) / "many", clips, cores)
    count = len(clips)
    kind = "gray" if options.gray else "colour"
    return {
        "clips": count,
        "clip": f"{options.frames} {kind} frames of {options.width} x {options.height}, noise "
        f"{options.noise:g}",
        "bytes_per_clip": {
            "JPEG files": round(source_bytes / count),
            "encoded": round(sum(map(len, videos)) / count),
        },
        **in_steps("import", count, seconds, used),
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
    }


if __name__ == "__main__":
    run(
        __doc__,
        main,
        clips=16,
        frames=64,
        width=640,
        height=480,
        noise=(2.0, "grey levels"),
        gray=False,
        repeats=3,
        people=(6, "to compare settings on; 0 is not"),
    )
