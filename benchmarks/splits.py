"""CPU time and memory of splits, folds and audits by the number of people, and how they grow.

    python -m benchmarks.splits --out benchmarks/results/splits-MACHINE.json

Made-up people in 72 strata with five clips each. Every step is measured in a process of its own:
memory is how far its peak resident set lies above its input (Linux only). The slope is the power
of the number of people with which a figure grows, by least squares over the sizes: 1 is linear.
The audit compares no images; comparing their sketches is measured apart, by number of
photographs, and grows with the square.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.common import apart, quickest, run, slope
from equime_hub import seeds
from equime_hub.schema.taxonomy import AGE_GROUPS, EMOTION_PRESETS, GENDERS, RACES
from equime_hub.splits import lookalikes
from equime_hub.splits.assign import Stratum, assign
from equime_hub.splits.audit import audit
from equime_hub.splits.folds import k_folds

EMOTIONS = EMOTION_PRESETS["equime-paper"]


def made_up(people: int) -> list[tuple[str, Stratum]]:
    rng = seeds.generator("benchmark", people)
    drawn = (rng.integers(0, len(names), people) for names in (GENDERS, RACES, AGE_GROUPS))
    columns = zip(*(numbers.tolist() for numbers in drawn), strict=True)
    return [
        (f"made-up-{i:06}", (GENDERS[g], RACES[r], AGE_GROUPS[a]))
        for i, (g, r, a) in enumerate(columns)
    ]


def assigning(people: int) -> Callable[[], Any]:
    listed = made_up(people)
    return lambda: assign(listed)


def growing(people: int) -> Callable[[], Any]:
    """A tenth more people, everybody else where they were."""
    listed = made_up(people)
    before = assign(listed[: people * 10 // 11])

    def grow() -> None:
        after = assign(listed, previous=before)
        moved = sum(after[subject] != split for subject, split in before.items())
        if moved:
            raise SystemExit(f"{moved} people have moved.")

    return grow


def folding(people: int) -> Callable[[], Any]:
    subjects = [name for name, _ in made_up(people) for _ in EMOTIONS]
    strata = [stratum for _, stratum in made_up(people) for _ in EMOTIONS]
    return lambda: list(k_folds(subjects, 5, strata))


def auditing(people: int) -> Callable[[], Any]:
    listed = made_up(people)
    splits = assign(listed)
    clips = [(who, stratum, emotion) for who, stratum in listed for emotion in EMOTIONS]
    names = [who for who, _, _ in clips]
    table = pa.table(
        {
            "clip_id": [f"{who}-{emotion}" for who, _, emotion in clips],
            "split": [splits[who] for who in names],
            "subject_id": names,
            "source_dataset": ["made up"] * len(clips),
            "source_image": [f"{who}.png" for who in names],
            "source_sha256": [f"{who:0>64}" for who in names],
            "au_source_subject": [f"casme2/sub{i % 26:02}" for i in range(len(clips))],
            "counterfactual_of": [f"{who}-{EMOTIONS[0]}" for who in names],
            "gender": [stratum[0] for _, stratum, _ in clips],
            "race": [stratum[1] for _, stratum, _ in clips],
            "age_group": [stratum[2] for _, stratum, _ in clips],
        }
    )

    def run() -> None:
        if findings := audit(table).findings:
            raise SystemExit(f"A clean table has findings: {findings[0].sentence}")

    return run


def comparing(photographs: int) -> Callable[[], Any]:
    rng = seeds.generator("benchmark", "photographs")
    sketches = np.zeros(photographs, lookalikes.SKETCH)
    sketches["hash"] = rng.integers(0, 2**64, photographs, dtype=np.uint64)
    sketches["thumbnail"] = rng.integers(0, 256, (photographs, 16, 16, 3), dtype=np.uint8)
    return lambda: list(lookalikes.pairs(sketches))


STEPS = {
    "assign": assigning,
    "assign a tenth more": growing,
    "five folds of five clips a person": folding,
    "audit of five clips a person": auditing,
}


def measure(prepare: Callable[[int], Callable[[], Any]], size: int) -> tuple[float, float]:
    """CPU seconds of the quickest of three runs, and megabytes of the first above its input."""
    work = prepare(size)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = memory("VmHWM")
    first = quickest(work, 1, process_time)
    peak = memory("VmHWM")
    return min(first, quickest(work, 2, process_time)), (peak - before) / 1024


def memory(name: str) -> int:
    """A line of the kernel's account of this process, in kilobytes."""
    (line,) = (x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(name))
    return int(line.split()[1])


def rows(
    prepare: Callable[[int], Callable[[], Any]], sizes: list[int], unit: str
) -> dict[str, Any]:
    found = {size: apart(measure, prepare, size) for size in sizes}
    return {
        unit: [
            {unit: size, "cpu_seconds": round(seconds, 2), "megabytes": round(megabytes)}
            for size, (seconds, megabytes) in found.items()
        ],
        "slope_of_cpu_seconds": slope(sizes, [found[size][0] for size in sizes]),
        "slope_of_megabytes": slope(sizes, [found[size][1] for size in sizes]),
    }


def main(options: Any) -> dict[str, Any]:
    result: dict[str, Any] = {
        name: rows(prepare, options.people, "people") for name, prepare in STEPS.items()
    }
    result["compare sketches"] = rows(comparing, options.photographs, "photographs")
    return result


if __name__ == "__main__":
    run(
        __doc__,
        main,
        people=[25_000, 50_000, 100_000, 200_000],
        photographs=[7_500, 15_000, 30_000],
    )
