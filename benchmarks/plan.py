"""Seconds and memory of a plan as it grows.

    python -m benchmarks.plan --out benchmarks/results/plan-MACHINE.json

Every size runs in a process of its own: made-up people with landmarks, demographics and five
emotions each; the plan is made, written and read. Seconds are of processor time on all cores
together, so that other work on the machine does not count. Memory is the highest resident size of
the process less that before, when all modules were loaded. The slope is the power of the number
of clips with which a figure grows, by least squares over the sizes: 1 is linear. Very many people
with one clip each are measured apart; `benchmarks.splits` measures their splits alone.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from benchmarks.common import apart, run, slope, timed
from equime_hub.builder import plan as plans
from equime_hub.builder.faces.drawn import DrawnFaces, person_of
from equime_hub.builder.plan import PlanConfig
from equime_hub.schema.records import Face, Landmarks
from equime_hub.schema.taxonomy import age_group


def people(count: int) -> list[Face]:
    """Faces as they come out of a large folder; nothing is drawn."""
    places = np.random.default_rng(0).uniform(0, 512, (count, 22)).tolist()
    faces = []
    for index in range(count):
        person = person_of(0, index)
        faces.append(
            Face(
                subject_id=f"person-{index:07d}",
                source_dataset="made up",
                source_image=f"images/{index:07d}.jpg",
                source_sha256=f"{index:064x}",
                landmarks=Landmarks.from_flat(tuple(places[index])),
                gender=person.gender,
                age=person.age,
                age_group=age_group(person.age),
                race=person.race,
            )
        )
    return faces


def peak() -> float:
    """Highest resident size of this process so far, megabytes."""
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def of_size(count: int, emotions: int) -> dict[str, float]:
    """Seconds and megabytes of one plan; runs in a process of its own."""
    faces, source = people(count), DrawnFaces(1)
    config = replace(PlanConfig(), emotions=PlanConfig().emotions[:emotions])
    with tempfile.TemporaryDirectory() as folder:  # loads what is loaded on first use
        plans.write(plans.make(faces[:1], source, config), Path(folder) / "plan.parquet")
        plans.read(Path(folder) / "plan.parquet")
    before = peak()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.parquet"
        make, plan = timed(lambda: plans.make(faces, source, config), process_time)
        write, _ = timed(partial(plans.write, plan, path), process_time)
        fingerprint, clips = plan.fingerprint, len(plan.table)
        del plan
        read, again = timed(lambda: plans.read(path), process_time)
        megabytes = path.stat().st_size / 1e6
    assert again.fingerprint == fingerprint
    return {
        "people": count,
        "clips": clips,
        "make_seconds": round(make, 2),
        "write_seconds": round(write, 2),
        "read_seconds": round(read, 2),
        "seconds": round(make + write + read, 2),
        "file_megabytes": round(megabytes, 1),
        "memory_megabytes": round(peak() - before),
    }


def main(options: Any) -> dict[str, Any]:
    rows = [apart(of_size, count, 5) for count in options.people]
    clips = [row["clips"] for row in rows]
    return {
        "plans": rows,
        "slope_of_seconds": slope(clips, [row["seconds"] for row in rows]),
        "slope_of_megabytes": slope(clips, [row["memory_megabytes"] for row in rows]),
        "many_people_one_clip_each": apart(of_size, options.many, 1),
    }


if __name__ == "__main__":
    run(__doc__, main, people=[5_000, 15_000, 45_000], many=200_000)
