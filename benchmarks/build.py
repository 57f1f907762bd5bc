"""Clips per second of a build on one core, and where the time goes.

    python -m benchmarks.build --people 8 --out benchmarks/results/build-MACHINE.json

Render, encode, decode with measuring, and Parquet writing are timed apart, one process, one
core; then the whole build is timed with one worker and with one worker a core. The peer of the
whole build is the sum of its parts: what is above 1 is overhead of the build itself.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import in_steps, jobs, run, timed
from equime_hub.builder import plan as plans
from equime_hub.builder import shards
from equime_hub.builder.backends.warp import WarpBackend
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.measure.basic import measure
from equime_hub.builder.plan import PlanConfig
from equime_hub.builder.render import RenderConfig
from equime_hub.jobs import build as builds
from equime_hub.jobs.build import BuildConfig
from equime_hub.schema.records import ClipRecord
from equime_hub.schema.stamp import Stamp
from equime_hub.video import codec


def main(options: Any) -> dict[str, Any]:
    config = PlanConfig(width=options.size, height=options.size, num_frames=options.frames)
    seconds: dict[str, float] = {}
    source = DrawnFaces(options.people, 0)
    drawing, scanned = timed(source.scan)
    plan = plans.make(scanned.faces, source, config)
    backend = WarpBackend()
    encoder = backend.encoder
    build_config = BuildConfig(RenderConfig(backend))

    seconds["load and align faces"], todo = timed(lambda: list(jobs(plan)))
    seconds["render"], clips = timed(lambda: [backend.render([job])[0] for job in todo])
    seconds["encode"], videos = timed(lambda: [codec.encode(clip, encoder) for clip in clips])
    seconds["decode and measure"], qualities = timed(
        lambda: [measure(j, v, codec.decode(v)) for j, v in zip(todo, videos, strict=True)]
    )
    records = [
        ClipRecord(job.spec, video, encoder.describe(), backend.generation, quality)
        for job, video, quality in zip(todo, videos, qualities, strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard.parquet"
        seconds["write Parquet"], _ = timed(
            lambda: shards.write(path, iter([shards.table(records)]), Stamp("", "", ""))
        )
        one, _ = timed(lambda: builds.build(plan, Path(folder) / "one", build_config))
        cores = os.cpu_count() or 1
        many, _ = timed(
            lambda: builds.build(plan, Path(folder) / "many", build_config, workers=cores)
        )
    count = len(plan.specs)
    result: dict[str, Any] = {
        "clips": count,
        "clip": f"{options.frames} frames of {options.size} x {options.size}",
        "bytes_per_clip": round(sum(map(len, videos)) / count),
        **in_steps("build", count, seconds, one),
        f"clips_per_second_{cores}_workers": round(count / many, 2),
        "speedup_with_workers": round(one / many, 2),
    }
    result["clips_per_second_one_core"]["draw faces"] = round(count / drawing, 2)
    return result


if __name__ == "__main__":
    run(__doc__, main, people=8, frames=64, size=256)
