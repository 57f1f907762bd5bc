"""LTX-Video: clips per second of the published loop, and of builds in every setting.

    python -m benchmarks.ltx --out benchmarks/results/ltx-MACHINE.json
    python -m benchmarks.ltx --tiny

Models of full size are made with random weights. Every arm has a process of its own, makes one
batch to load, compile and tune, and is then timed over whole clips, from the face to the MP4 in
memory. An arm that fails is recorded with its error, and the others go on.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import asked, timed
from benchmarks.ltx_arms import ARMS, BY_NAME, Arm, Run
from benchmarks.ltx_measure import difference, environment, without_paths
from equime_hub.files import write_text
from equime_hub.tables import markdown

_MARK = "figures:"
_PAIRS = {
    "batch 1 and batch 8": ("batch-1", "batch-8"),
    "batch 8 in two processes": ("batch-8", "batch-8-again"),
}
_COLUMNS = {
    "s/clip": ("s_per_clip", "{:.3f}"),
    "clips/s": ("clips_per_s", "{:.3f}"),
    "x ref": ("times_reference", "{:.2f}"),
    "x same enc": ("times_reference_same_encoder", "{:.2f}"),
    "TFLOP/s": ("tflops", "{:.4g}"),
    "of peak": ("share_of_peak", "{:.1%}"),
    "GiB": ("peak_gib", "{:.1f}"),
    "waits": ("gpu_waits_share", "{:.1%}"),
    "between": ("gpu_waits_share_between", "{:.1%}"),
    "gaps": ("kernel_gap_share", "{:.1%}"),
    "load s": ("load_s", "{:.1f}"),
}
_ASKED = {
    "times_reference": "1.8 or more",
    "clips_per_s": "0.5 or more",
    "share_of_peak": "0.5 or more",
    "gpu_waits_share": "under 0.03",
    "distilled times_reference": "8 or more",
}
Figures = dict[str, Any]


def main() -> None:
    options = asked(
        __doc__,
        arms=(",".join(BY_NAME), f"of {', '.join(BY_NAME)}"),
        clips=(8, "an arm, rounded up to whole batches"),
        steps=(int, "in place of the published 80"),
        tiny=(False, "toy models, also without a GPU"),
        models=(Path, "folder of the models; kept (17 GB)"),
        timeout=(300.0, "seconds an arm may take"),
        arm=(str, argparse.SUPPRESS),  # a child is told its one task, and where
        scratch=(Path, argparse.SUPPRESS),
    )
    how = options.clips, options.steps, options.tiny
    if options.arm:
        _child(Run(options.models, options.scratch, *how), options.arm)
        return
    names = options.arms.split(",")
    if unknown := [name for name in names if name not in BY_NAME]:
        options.error(f"there is no arm {', '.join(unknown)}; choose from {', '.join(BY_NAME)}")
    if options.clips < 1 or (options.steps or 2) < 2:
        options.error(
            "clips must be at least 1 and steps at least 2, "
            f"got {options.clips} and {options.steps}"
        )
    with tempfile.TemporaryDirectory(prefix="benchmark-ltx-") as folder:
        models = (options.models or Path(folder, "models")).resolve()
        run = Run(models / ("toy" if options.tiny else "2b"), Path(folder), *how)
        arms = tuple(arm for arm in ARMS if arm.name in names)
        sys.exit(_parent(run, arms, options.timeout, options.out))


def _parent(run: Run, arms: Sequence[Arm], timeout: float, out: Path | None) -> int:
    """Run every task in a process of its own; 0 unless interrupted."""
    from benchmarks.ltx_models import tflop

    models = list(dict.fromkeys(arm.model for arm in arms))
    results: Figures = {
        "run": {
            "tiny": run.tiny,
            "clip": f"{run.clip.num_frames} frames of {run.clip.width} x {run.clip.height}",
            "clips": run.clips,
            "steps": run.published_steps,
        },
        "machine": environment(),
        **{name: {} for name in ("models", "prompts", "tflop", "arms", "pixels", "targets")},
    }
    code = 0
    try:
        results["models"] = _spawn(run, "models", 3 * timeout)
        if results["models"]["status"] == "done":
            for model in models:
                results["prompts"][model] = _spawn(run, f"prompts {model}", timeout)
                guided, tokens = (True, 128) if model == "paper" else (False, 256)
                results["tflop"][model] = tflop(run.models / model, run.clip, guided, tokens)
            for arm in arms:
                results["arms"][arm.name] = _spawn(run, arm.name, timeout)
                _save(run, results, out)
    except KeyboardInterrupt:
        code = 130
    for arm in arms:
        why = "interrupted" if code else "no models"
        results["arms"].setdefault(arm.name, {"status": why})
    _save(run, results, out)
    _print_report(results)
    return code


def _save(run: Run, results: Figures, out: Path | None) -> None:
    _complete(results, run)
    if out:
        write_text(out, json.dumps(results, indent=2) + "\n")


def _spawn(run: Run, task: str, timeout: float) -> Figures:
    """Figures of a task, or what became of it."""
    command = [sys.executable, "-m", "benchmarks.ltx", "--arm", task, "--clips", str(run.clips)]
    command += ["--models", str(run.models), "--scratch", str(run.scratch)]
    command += ["--steps", str(run.steps)] if run.steps else []
    # Toy matrices are slower on two threads than on one.
    environment = {**os.environ, **({"OMP_NUM_THREADS": "1"} if run.tiny else {})}
    command += ["--tiny"] if run.tiny else []
    print(f"{task} …", file=sys.stderr, flush=True)
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,  # so that its own children can be ended with it
    )
    try:
        said, complained = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        return {"status": "timed out", "error": f"not done after {timeout:g} s"}
    except KeyboardInterrupt:
        _end(process)
        raise
    lines = [line for line in said.splitlines() if line.startswith(_MARK)]
    if lines:
        figures: Figures = json.loads(lines[-1].removeprefix(_MARK))
    else:
        last = (complained.strip().splitlines() or ["nothing was said"])[-1]
        figures = {"status": "died", "error": f"exit code {process.returncode}: {last}"}
    if "error" in figures:
        print(complained, file=sys.stderr)
        figures["error"] = without_paths(figures["error"])
    return figures


def _end(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _child(run: Run, task: str) -> None:
    """Do one task and print its figures as the last line."""
    try:
        figures = {"status": "done", **_work(run, task)}
    except Exception as error:
        # An attention backend is asked for without knowing whether it is there.
        missing = task in BY_NAME and BY_NAME[task].attention
        if not missing:
            traceback.print_exc()
        status = "not available here" if missing else "failed"
        message = f"{type(error).__name__}: {error}".splitlines()[0]
        figures = {"status": status, "error": message[:500]}
    print(_MARK + json.dumps(figures), flush=True)


def _work(run: Run, task: str) -> Figures:
    from benchmarks import ltx_loops, ltx_models

    if task == "models":
        seconds, _ = timed(lambda: ltx_models.build(run.models, run.tiny))
        counts = {name: known["parameters"] for name, known in ltx_models.NETWORKS.items()}
        return {"seconds": seconds, **({} if run.tiny else {"parameters": counts})}
    if task.startswith("prompts "):
        return ltx_loops.prompts(run, task.removeprefix("prompts "))
    arm = BY_NAME[task]
    loop: Callable[[Run, Arm], Figures] = ltx_loops.reference if arm.published else ltx_loops.ours
    return loop(run, arm)


# --- figures that need more than one arm, and the table ------------------------------------------


def _complete(results: dict[str, Any], run: Run) -> None:
    """Add what follows from the figures of the arms that are done, in place."""
    arms = {name: one for name, one in results["arms"].items() if one["status"] == "done"}
    reference, pixels = arms.get("reference"), results["pixels"]
    for name, figures in arms.items():
        arm = BY_NAME[name]
        if arm.timed:
            _derive(figures, results["tflop"][arm.model], reference)
        compared = "differs_from_reference" in figures or arm.published or arm.model != "paper"
        if reference and not compared:
            figures["differs_from_reference"] = _compare(run, arm, BY_NAME["reference"])
        if "other_neighbours" in figures:
            pixels[f"{name} among other clips"] = figures["other_neighbours"]
    for words, (first, second) in _PAIRS.items():
        if words not in pixels and first in arms and second in arms:
            pixels[words] = _compare(run, BY_NAME[first], BY_NAME[second])
    results["targets"] = _targets(arms)


def _derive(
    figures: dict[str, Any], tflop: dict[str, float], reference: dict[str, Any] | None
) -> None:
    # What a cache leaves out was counted while it worked.
    figures.setdefault(
        "tflop_per_clip", figures["steps"] * tflop["step"] + tflop["encode"] + tflop["decode"]
    )
    figures["tflops"] = figures["tflop_per_clip"] / figures["s_per_clip"]
    figures["share_of_peak"] = figures["tflops"] / figures["matrix_tflops"]
    if reference:
        own = figures["s_per_clip"]
        figures["times_reference"] = reference["s_per_clip"] / own
        same = figures.get("s_per_clip_same_encoder", own)
        figures["times_reference_same_encoder"] = reference["s_per_clip_same_encoder"] / same


def _compare(run: Run, first: Arm, second: Arm) -> dict[str, float | int]:
    one, other = (np.load(run.frames(arm), mmap_mode="r") for arm in (first, second))
    return difference(one, other)


def _targets(arms: dict[str, Any]) -> dict[str, Any]:
    """The figures that were asked for, of the fastest arm without a loss and of `distilled`."""
    own = [name for name in arms if BY_NAME[name].lossless and BY_NAME[name].timed]
    own = [name for name in own if not BY_NAME[name].published]
    if not own:
        return {}
    best = max(own, key=lambda name: float(arms[name]["clips_per_s"]))
    names = [
        "times_reference",
        "times_reference_same_encoder",
        "clips_per_s",
        "share_of_peak",
        "gpu_waits_share",
        "gpu_waits_share_between",
    ]
    found: dict[str, Any] = {"fastest lossless arm": best}
    found |= {name: arms[best].get(name) for name in names}
    if "distilled" in arms:
        found["distilled times_reference"] = arms["distilled"].get("times_reference")
    return found


def _print_report(results: dict[str, Any]) -> None:
    """The table, for people."""
    run, machine = results["run"], results["machine"]
    print(f"{run['clip']}, {run['steps']} steps{', toy models' if run['tiny'] else ''}")
    print(f"on {machine['gpu'] or machine.get('processor', 'a CPU')}\n")
    heads = ["arm", *_COLUMNS, "pixels differing from the reference"]
    print(markdown(heads, [_row(name, one) for name, one in results["arms"].items()]))
    for name, one in results["models"].items():
        if name in ("seconds", "error"):
            print(f"\nmodels, {name}: {one}")
    for model, one in results["prompts"].items():
        if one["status"] == "done":
            print(f"prompts of {model}: {one['prompts']} encoded in {one['seconds']:.1f} s")
        else:
            print(f"prompts of {model}: {one['status']}: {one['error']}")
    for words, apart in results["pixels"].items():
        print(f"{words}: {_apart(apart)}")
    print()
    for name, value in results["targets"].items():
        number = f"{value:.3f}" if isinstance(value, float) else value or "–"
        # Only a GPU and models of full size can be held to them.
        wanted = name in _ASKED and machine["gpu"] and not run["tiny"]
        print(f"{name}: {number}{f' (asked: {_ASKED[name]})' if wanted else ''}")


def _row(name: str, figures: dict[str, Any]) -> list[str]:
    cells = [name]
    for key, form in _COLUMNS.values():
        value = figures.get(key)
        cells.append("–" if value is None else form.format(value))
    if figures["status"] != "done":
        return [*cells, f"{figures['status']}: {figures.get('error', '')}"[:100].rstrip(": ")]
    apart = figures.get("differs_from_reference")
    return [*cells, _apart(apart) if apart else ""]


def _apart(apart: dict[str, float | int]) -> str:
    return (
        f"{apart['share']:.4%} of {apart['clips']} clips, by at most {apart['max']}, "
        f"mean {apart['mean']:.2g}"
    )


if __name__ == "__main__":
    main()
