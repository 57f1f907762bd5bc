"""Clips per second of an import, and where the time goes.

    python -m benchmarks.importing --clips 16 --out benchmarks/results/importing-MACHINE.json

A made-up folder of drawn faces, gray or not, with the noise of a sensor, is read, encoded and
written, timed apart in one process on one core; then whole imports are timed with one worker and
with one worker a core. What the whole takes above the sum of its parts is overhead.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks import machine
from benchmarks.build import timed
from equime_hub import seeds
from equime_hub.builder import importing, shards
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.import_parts import Source
from equime_hub.cards import dataset_card
from equime_hub.loading_script.real import pixels
from equime_hub.loading_script.real.clip import RealClip
from equime_hub.schema.stamp import Stamp
from equime_hub.video import codec

FPS = 200.0


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


def encoded(root: Path, clips: list[RealClip]) -> tuple[float, list[bytes]]:
    """Seconds that encoding takes when the frames are in memory, and what it gives."""
    seconds, videos = 0.0, []
    for clip in clips:
        frames = list(pixels.images(root, clip))
        taken, video = timed(partial(codec.encode_frames, frames, FPS, pixels.ENCODER))
        seconds += taken
        videos.append(video)
    return seconds, videos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--noise", type=float, default=2.0, help="Grey levels.")
    parser.add_argument("--gray", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    seconds: dict[str, float] = {}
    cores = os.cpu_count() or 1

    def whole(root: Path, folder: Path, clips: list[RealClip], workers: int) -> float:
        source = Source("samm", "Drawn", "none: drawn", "", clips, partial(pixels.read, root), {})
        taken, _ = timed(
            lambda: importing.run(source, folder, card=dataset_card.write, workers=workers)
        )
        return taken

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        clips = made_up(root, options)
        source_bytes = sum((root / name).stat().st_size for c in clips for name in c.frames)
        seconds["read"], _ = timed(lambda: [sum(1 for _ in pixels.images(root, c)) for c in clips])
        seconds["encode"], videos = encoded(root, clips)
        rows = [
            pixels.labels(clip) | {"video": {"bytes": video, "path": None}}
            for clip, video in zip(clips, videos, strict=True)
        ]
        path = Path(folder) / "shard.parquet"
        shards.table_of_rows(rows[:1])  # imports datasets
        seconds["write"], _ = timed(
            lambda: shards.write(path, iter([shards.table_of_rows(rows)]), Stamp("", "", ""))
        )
        one = whole(root, Path(folder) / "one", clips, 1)
        many = whole(root, Path(folder) / "many", clips, cores)
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
        | {"whole import": round(count / one, 2)},
        "share_of_time": {name: round(value / parts, 3) for name, value in seconds.items()},
        "whole_import_over_sum_of_parts": round(one / parts, 3),
        f"clips_per_second_{cores}_workers": round(count / many, 2),
        "speedup_with_workers": round(one / many, 2),
        "machine": machine.describe(),
    }
    print(json.dumps(result, indent=2))
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
