"""Clips per second into the training step, with and without the cache, against peers.

    python -m benchmarks.loader --out benchmarks/results/loader-MACHINE.json

What is timed is a `DataLoader` whose batches are float tensors on the CPU, 16 evenly spaced frames
of 112 x 112, all arms on the same clips, in rounds that alternate. The floor is PyAV decoding the
same clips up to the last frame wanted, without converting a pixel. WebDataset may be in another
environment (`--webdataset PYTHON`), which then reads the same clips from a tar file. Torchcodec is
an arm where it can be imported, with FFmpeg's libraries. What was not run is named.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import av
import cv2
import numpy as np
import torch
import transformers
from torch.utils.data import DataLoader

from benchmarks.common import run, timed
from equime_hub import seeds
from equime_hub.models.inputs import Inputs, inputs_of
from equime_hub.models.processing import MicroExpressionVideoProcessor
from equime_hub.training.data.cache import Cache
from equime_hub.training.data.clips import Clips
from equime_hub.training.data.examples import Examples, gather
from equime_hub.training.data.sources import DataSource
from equime_hub.video import codec, sampling
from equime_hub.video.clip import Clip

FRAMES, SIDE, BATCH = 16, 112, 16


class Arm(NamedTuple):
    """One way to read clips: a pass, and how many clips it reads."""

    name: str
    clips: int
    once: Callable[[], int]


def moving(count: int, frames: int, size: int = 256) -> Iterator[Clip]:
    """Distinct clips: a smooth picture that drifts, and a shimmer on it.

    The shimmer is such that 161 frames take about 90 KB at crf 25, like the published clips
    (108 KB on average): how long decoding takes depends on that.
    """
    for number in range(count):
        draw = seeds.generator("loader", number, frames)
        coarse = draw.normal(128, 50, (12, 12, 3)).astype(np.float32)
        picture = cv2.resize(coarse, (size + 16, size + 16), interpolation=cv2.INTER_CUBIC)
        fine = draw.normal(0, 9, (96, 96, 3)).astype(np.float32)
        picture = cv2.add(picture, cv2.resize(fine, picture.shape[:2]))
        shown = []
        for t in range(frames):
            x, y = 8 + 3 * np.sin(t / 17 + number), 8 + 2 * np.cos(t / 11)
            turned = np.array([[1, 0, -x], [0, 1, -y]])
            view = cv2.warpAffine(picture, turned, (size, size))
            shimmer = draw.normal(0, 8, (48, 48)).astype(np.float32)
            grain = np.asarray(cv2.resize(shimmer, (size, size)))[..., None]
            shown.append(np.clip(view + grain, 0, 255).astype(np.uint8))
        yield Clip(np.stack(shown), 100.0)


def floor(videos: Sequence[bytes], last: int) -> int:
    """Decode up to a frame and look at none; gives the number of clips."""
    for video in videos:
        with av.open(io.BytesIO(video), "r") as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            for index, _ in enumerate(container.decode(stream)):
                if index == last:
                    break
    return len(videos)


def passes(rows: Any, collate: Callable[..., Any], workers: int, **more: Any) -> Callable[[], int]:
    """One pass of a loader whose workers live on, so that their start is not timed.

    It gives the number of clips.
    """
    more |= {"num_workers": workers, "persistent_workers": bool(workers)}
    loader: Any = DataLoader(rows, BATCH, collate_fn=collate, **more)

    def once() -> int:
        count = 0
        for batch in loader:
            pixels = batch if isinstance(batch, torch.Tensor) else batch["pixel_values_videos"]
            assert pixels.dtype == torch.float32
            count += len(pixels)
        return count

    return once


def read(clips: Clips, workers: int) -> Callable[[], int]:
    """One pass over our own clips."""
    fork = "fork" if workers else None
    return passes(clips, clips.collate, workers, shuffle=True, multiprocessing_context=fork)


def rates(arms: Sequence[Arm], rounds: int) -> dict[str, Any]:
    """Clips per second of passes, each arm once a round; the first is not counted.

    `of_floor` compares an arm with the first one in the same round; its median is given, as other
    work on the machine changes from round to round.
    """
    seconds: dict[str, list[float]] = {arm.name: [] for arm in arms}
    for turn in range(rounds + 1):
        for arm in arms:
            took, clips = timed(arm.once)
            assert clips == arm.clips, (arm.name, clips)
            if turn:
                seconds[arm.name].append(took)
    rate = {arm.name: arm.clips / np.array(seconds[arm.name]) for arm in arms}
    of_floor = {name: np.median(each / rate[arms[0].name]) for name, each in rate.items()}
    return {
        arm.name: spread(arm.clips, seconds[arm.name])
        | {"of_floor": round(float(of_floor[arm.name]), 3)}
        for arm in arms
    }


def spread(clips: int, seconds: Sequence[float]) -> dict[str, float]:
    """Median, slowest and fastest pass, in clips per second."""
    each = [clips / one for one in seconds]
    return {
        "median": round(statistics.median(each), 1),
        "slowest": round(min(each), 1),
        "fastest": round(max(each), 1),
    }


def inputs(channels: int, crop: str, **settings: Any) -> Inputs:
    """What a model of 16 frames of 112 x 112 is shown."""
    given = {"num_frames": FRAMES, "size": SIDE, **settings}
    processor = MicroExpressionVideoProcessor(num_channels=channels, face_crop=crop, **given)
    return inputs_of(processor, transformers.PreTrainedConfig())


WEBDATASET = """
import io, json, sys, time
import av, numpy as np, torch, webdataset
torch.set_num_threads(1)
tar, frames, side, batch, rounds, clips = sys.argv[1], *map(int, sys.argv[2:])
def decoded(data):
    found = []
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        wanted = set(np.linspace(0, stream.frames - 1, frames).round().astype(int).tolist())
        shape = None
        for index, frame in enumerate(container.decode(stream)):
            if index in wanted:
                found.append(frame.reformat(side, side, "gray", threads=1).to_ndarray())
    return torch.from_numpy(np.stack(found)[:, None]).float() / 255
for workers in (0, 1, 2):
    data = webdataset.WebDataset(tar, shardshuffle=False, empty_check=False,
        nodesplitter=None, workersplitter=webdataset.split_by_worker)
    data = data.to_tuple("mp4").map_tuple(decoded).batched(batch)
    loader = webdataset.WebLoader(data, batch_size=None, num_workers=workers,
        persistent_workers=bool(workers))
    seconds = []
    for turn in range(rounds + 1):
        start = time.perf_counter()
        count = sum(len(batch[0]) for batch in loader)
        assert count == clips, count
        seconds.append(time.perf_counter() - start)
    print(json.dumps([workers, seconds[1:]]), flush=True)
"""


def webdataset(python: str, videos: Sequence[bytes], folder: Path, rounds: int) -> dict[str, Any]:
    """The same clips out of tar files, one a worker, gray, by WebDataset in its environment."""
    for shard in range(2):
        with tarfile.open(folder / f"clips-{shard}.tar", "w") as tar:
            for number, video in list(enumerate(videos))[shard::2]:
                entry = tarfile.TarInfo(f"{number:05}.mp4")
                entry.size = len(video)
                tar.addfile(entry, io.BytesIO(video))
    numbers = [FRAMES, SIDE, BATCH, rounds, len(videos)]
    command = [python, "-W", "ignore", "-c", WEBDATASET, str(folder / "clips-{0..1}.tar")]
    made = subprocess.run(
        [*command, *map(str, numbers)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        return {"error": made.stderr.strip().splitlines()[-1]}
    found = [json.loads(line) for line in made.stdout.splitlines()]
    return {f"webdataset gray, {n} workers": spread(len(videos), seconds) for n, seconds in found}


def torchcodec_arms(folder: Path, clips: int, workers: Sequence[int]) -> tuple[list[Arm], str]:
    """The way of the documentation of `datasets`: its own `Video`, decoded by torchcodec.

    Returns:
        Arms and a version, or no arms and the reason.
    """
    import datasets
    from torch.nn.functional import interpolate

    try:
        import torchcodec
    except (ImportError, RuntimeError, OSError) as error:
        return [], f"not usable here: {str(error).strip().splitlines()[0]}"
    rows = datasets.load_dataset(str(folder), split="train", columns=["video"])
    rows = rows.cast_column("video", datasets.Video())

    def batched(items: list[dict[str, Any]]) -> torch.Tensor:
        made = []
        for item in items:
            video = item["video"]
            shown = sampling.uniform(video.metadata.num_frames, FRAMES).tolist()
            frames = video.get_frames_at(shown).data
            made.append(interpolate(frames.float(), (SIDE, SIDE), mode="area") / 255)
        return torch.stack(made)

    arms = [
        Arm(f"datasets + torchcodec RGB, {n} workers", clips, passes(rows, batched, n))
        for n in workers
    ]
    return arms, torchcodec.__version__


def measured(
    examples: Examples,
    folder: Path,
    rounds: int,
    dataset: Path,
    workers: Sequence[int] = (0, 1, 2),
) -> dict[str, Any]:
    """All arms on some clips."""
    videos = [examples.video(i).encoded for i in range(len(examples))]
    count, bare = len(examples), [video for video in videos if isinstance(video, bytes)]
    length = examples.table["num_frames"][0].as_py()
    apex = max(examples.table["apex_frame"].to_pylist())
    arms = [
        Arm("floor", count, lambda: floor(bare, length - 1)),
        Arm("floor, to the apex", count, lambda: floor(bare, apex)),
    ]
    for name, channels, crop in (("gray", 1, "none"), ("RGB", 3, "none"), ("gray face", 1, "face")):
        shown = inputs(channels, crop)
        cache = Cache.make(folder / "cache", examples, shown)
        for size in workers:
            plain = read(Clips(examples, shown), size)
            arms.append(Arm(f"decoded {name}, {size} workers", count, plain))
            many = examples.take(np.tile(np.arange(count), 10))
            kept = read(Clips(many, shown, cache), size)
            arms.append(Arm(f"cached {name}, {size} workers", len(many), kept))
    onset = Clips(examples, inputs(1, "none", sampling="onset_apex", num_frames=2))
    arms.append(Arm("decoded onset and apex, 0 workers", count, read(onset, 0)))
    theirs, torchcodec_is = torchcodec_arms(dataset, count, workers)
    found = rates([*arms, *theirs], rounds)
    return {"clips": count, "frames": length, "torchcodec": torchcodec_is, "clips_per_s": found}


def built(folder: Path, clips: int, frames: int, crf: int) -> Path:
    """A dataset folder in our schema."""
    import datasets

    from equime_hub.schema.features import features

    columns = features("default")
    rows = []
    for number, clip in enumerate(moving(clips, frames)):
        video = codec.encode(clip, codec.EncoderConfig(crf=crf))
        known = {"clip_id": f"clip-{number}", "subject_id": str(number), "num_frames": frames}
        times = {"onset_frame": 4, "apex_frame": frames // 2, "offset_frame": frames - 4}
        labels = {"emotion": number % 5, "emotion_raw": "made", "size_bytes": len(video)}
        encoded = {"video": {"bytes": video, "path": None}}
        rows.append({**dict.fromkeys(columns), **known, **times, **labels, **encoded})
    (folder / "data").mkdir(parents=True)
    data = datasets.Dataset.from_list(rows, features=columns)
    data.to_parquet(folder / "data" / "train-00000-of-00001.parquet", batch_size=64)
    (folder / "README.md").write_text("# Clips of a benchmark\n")
    return folder


def main(options: Any) -> dict[str, Any]:
    torch.set_num_threads(1)
    result: dict[str, Any] = {"batch": f"{BATCH} clips of {FRAMES} x {SIDE} x {SIDE}, float32"}
    with tempfile.TemporaryDirectory() as place:
        for count, frames, crf in ((options.clips, 64, 26), (options.long, 161, 25)):
            if not count:
                continue
            name, folder = f"{frames} frames", Path(place, str(frames))
            dataset = built(folder / "set", count, frames, crf)
            examples = gather([DataSource(str(dataset))])
            result[name] = measured(examples, folder, options.rounds, dataset)
            if options.webdataset:
                videos = [bytes(examples.video(i).encoded) for i in range(count)]  # type: ignore[arg-type]
                found = webdataset(options.webdataset, videos, folder, options.rounds)
                result[name]["clips_per_s"] |= found
            else:
                result[name]["webdataset"] = "not run: no interpreter was named"
    result["load_average"] = [round(load, 1) for load in os.getloadavg()]
    return result


if __name__ == "__main__":
    run(
        __doc__,
        main,
        clips=200,
        long=(24, "clips of 161 frames at crf 25"),
        rounds=5,
        webdataset=("", "Python where WebDataset is installed"),
    )
