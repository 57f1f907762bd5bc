"""What all benchmarks share: options, clocks, drawn clips, and writing down the result."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from equime_hub.builder import plan as plans
from equime_hub.builder.faces.align import align
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.plan import Plan, PlanConfig
from equime_hub.builder.spec import RenderJob
from equime_hub.schema.records import Face

_PACKAGES = ("av", "datasets", "numpy", "opencv-contrib-python-headless", "pyarrow")


def asked(about: str | None, **defaults: Any) -> argparse.Namespace:
    """Options of a command line, and `--out`, the JSON file of the result.

    Args:
        about: Docstring of the benchmark.
        **defaults: Option → its default, whose type is the option's: a list takes several
            numbers, False is a flag, and a type stands for no default. With a tuple, the second
            is the help.

    Returns:
        The options, and as `error` what ends the program with a message about them.
    """
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, given in {**defaults, "out": (Path, "JSON file")}.items():
        default, explained = given if isinstance(given, tuple) else (given, None)
        how: dict[str, Any] = {"type": type(default), "default": default}
        if isinstance(default, type):
            how = {"type": default}
        elif default is False:
            how = {"action": "store_true"}
        elif isinstance(default, list):
            how |= {"type": type(default[0]), "nargs": "+"}
        parser.add_argument(f"--{name.replace('_', '-')}", help=explained, **how)
    parser.set_defaults(error=parser.error)
    return parser.parse_args()


def run(
    about: str | None, measure: Callable[[argparse.Namespace], dict[str, Any]], **defaults: Any
) -> None:
    """Ask for options as `asked`, print what comes of them and the machine, and write it."""
    options = asked(about, **defaults)
    text = json.dumps({**measure(options), "machine": machine()}, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


def clocks() -> npt.NDArray[np.float64]:
    """Two clocks: the wall's, and the processor time of this process and its finished children."""
    return np.array([time.perf_counter(), time.process_time() + sum(os.times()[2:4])])


def timed(work: Callable[[], Any], clock: Callable[[], Any] = time.perf_counter) -> tuple[Any, Any]:
    """Seconds of a piece of work by a clock, or by each of `clocks`, and what it gave."""
    start = clock()
    result = work()
    return clock() - start, result


def quickest(
    work: Callable[[], Any], times: int = 3, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Seconds of the quickest of several times."""
    return min(float(timed(work, clock)[0]) for _ in range(times))


def apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """Result of a function in a fresh process: the highest memory of a process never falls."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Power of the size with which a figure grows, by least squares: 1 is linear."""
    points = np.log(sizes), np.log(np.maximum(values, 1e-3))
    return round(float(np.polyfit(*points, 1)[0]), 2)


def drawn(people: int, config: PlanConfig | None = None, seed: int = 0, **more: Any) -> Plan:
    """A plan of drawn people; `more` is for `plan.make`."""
    source = DrawnFaces(people, seed)
    return plans.make(source.scan().faces, source, config or PlanConfig(), **more)


def jobs(plan: Plan, specs: Sequence[Any] | None = None) -> Iterator[RenderJob]:
    """Clips of a plan, or some of them, with their faces aligned as a worker does."""

    @lru_cache(maxsize=1)  # the clips of a face follow each other
    def aligned(face: Face, width: int, height: int) -> Any:
        return align(plan.source.pixels(face), face.landmarks, width, height)

    for spec in plan.specs if specs is None else specs:
        yield RenderJob(spec, *aligned(spec.face, spec.width, spec.height))


def in_steps(job: str, clips: int, seconds: dict[str, float], whole: float) -> dict[str, Any]:
    """Clips per second of the steps of a job, which were timed apart, and of the whole job.

    What the job takes over the sum of its steps is its own overhead.
    """
    parts = sum(seconds.values())
    each = {**seconds, f"whole {job}": whole}
    return {
        "clips_per_second_one_core": {name: round(clips / one, 2) for name, one in each.items()},
        "share_of_time": {name: round(one / parts, 3) for name, one in seconds.items()},
        f"whole_{job}_over_sum_of_parts": round(whole / parts, 3),
    }


def machine(*packages: str) -> dict[str, Any]:
    """Processor, cores and versions, of further packages too; stored with every result."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    versions = {each.metadata["Name"]: each.version for each in importlib.metadata.distributions()}
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: versions.get(name) for name in (*_PACKAGES, *packages)},
    }
