"""Measuring: time, waits, memory, pixels, and what it was measured on."""

from __future__ import annotations

import json
import re
import resource
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.common import machine

Interval = tuple[float, float]
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
_KERNELS = ("kernel", "gpu_memcpy", "gpu_memset")
_PACKAGES = ("torch", "triton", "diffusers", "transformers", "accelerate", "safetensors", "av")


def covered(intervals: Iterable[Interval]) -> float:
    """Length of the union of intervals."""
    total, reached = 0.0, float("-inf")
    for start, stop in sorted(intervals):
        total += max(0.0, stop - max(start, reached))
        reached = max(reached, stop)
    return total


def matrix_tflops() -> float:
    """10¹² operations a second of one large matrix product, the median of 20 after 10.

    On a GPU 8192³ in bfloat16, on a CPU 512³ in float32, of random numbers: zeros are faster.
    """
    size, dtype = (8192, torch.bfloat16) if DEVICE == "cuda" else (512, torch.float32)
    left, right = (torch.randn(size, size, device=DEVICE, dtype=dtype) for _ in range(2))
    for _ in range(10):
        left @ right
    seconds = statistics.median(_seconds(lambda: left @ right) for _ in range(20))
    return float(2 * size**3 / seconds / 1e12)


def _seconds(work: Callable[[], Any]) -> float:
    _, (start, stop), moments = watched(work)
    return gpu_seconds(moments) if moments else stop - start


def watched(work: Callable[[], Any]) -> tuple[Any, Interval, list[Any]]:
    """What some work gives, when it begins and ends, and both as moments in the GPU's work."""
    moment: Any = torch.cuda.Event
    moments = [moment(enable_timing=True) for _ in range(2)] if DEVICE == "cuda" else []
    for each in moments[:1]:
        each.record()
    start = time.perf_counter()
    result = work()
    stop = time.perf_counter()
    for each in moments[1:]:
        each.record()
    return result, (start, stop), moments


def gpu_seconds(moments: Sequence[Any]) -> float:
    """Seconds between two moments in the GPU's work, which is waited for."""
    moments[1].synchronize()
    return float(moments[0].elapsed_time(moments[1])) / 1000


def forget_peak() -> None:
    """Begin to watch memory anew."""
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()


def peak_gib() -> float:
    """Most memory that tensors took on the GPU; without one, that the process took."""
    if DEVICE == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def profile(work: Callable[[], object]) -> dict[str, Any]:
    """Share of the time in which the GPU ran no kernel, and its longest kernels.

    Null without a GPU.
    """
    if DEVICE == "cpu":
        return {"kernel_gap_share": None, "kernels": None}
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiled

    with tempfile.TemporaryDirectory() as folder:
        with profiled(activities=[ProfilerActivity.CUDA]) as found:
            work()
            torch.cuda.synchronize()
        path = Path(folder) / "trace.json"
        found.export_chrome_trace(str(path))
        return kernels(json.loads(path.read_text())["traceEvents"])


def kernels(trace: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """`profile` of the events of a trace, times in microseconds."""
    ran = [one for one in trace if one.get("cat") in _KERNELS and one.get("ph") == "X"]
    if not ran:
        return {"kernel_gap_share": None, "kernels": None}
    spans = [(one["ts"], one["ts"] + one["dur"]) for one in ran]
    whole = max(stop for _, stop in spans) - min(start for start, _ in spans)
    took: Counter[str] = Counter()
    for one in ran:
        took[one["name"][:80]] += one["dur"]
    total = sum(took.values())
    return {
        "kernel_gap_share": 1 - covered(spans) / whole,
        "kernels": {name: time / total for name, time in took.most_common(12)},
    }


def difference(
    first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]
) -> dict[str, float | int]:
    """How far two stacks of clips, N×T×H×W×3, lie apart; the longer one is cut."""
    pairs = list(zip(first, second, strict=False))
    apart = [np.abs(a.astype(np.int16) - b) for a, b in pairs]
    return {
        "clips": len(pairs),
        "share": float(np.mean([one.any(axis=-1).mean() for one in apart])),
        "max": int(max(one.max() for one in apart)),
        "mean": float(np.mean([one.mean() for one in apart])),
    }


def environment() -> dict[str, Any]:
    """Machine, GPU and versions."""
    found = machine(*_PACKAGES)
    if DEVICE == "cpu":
        return {**found, "gpu": None}
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    name, driver, memory = answer.splitlines()[0].split(", ")
    gpu = {"gpu": name, "driver": driver, "gpu_memory": memory, "cuda": torch.version.cuda}
    return found | gpu


def without_paths(text: str) -> str:
    """A message without the folders of this machine: only the last name of a path is left."""
    return re.sub(r"(?<![\w/.:~])(?:~|/[\w.@+-]+)(?:/[\w.@+-]+)*/([\w.@+-]+)", r"\1", text)
