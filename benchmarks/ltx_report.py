"""Figures that need more than one arm, and the table."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.ltx_arms import BY_NAME, Arm, Run
from benchmarks.ltx_measure import difference

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


def complete(results: dict[str, Any], run: Run) -> None:
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


_ASKED = {
    "times_reference": "1.8 or more",
    "clips_per_s": "0.5 or more",
    "share_of_peak": "0.5 or more",
    "gpu_waits_share": "under 0.03",
    "distilled times_reference": "8 or more",
}


def print_report(results: dict[str, Any]) -> None:
    """The table, for people."""
    run, machine = results["run"], results["machine"]
    print(f"{run['clip']}, {run['steps']} steps{', toy models' if run['tiny'] else ''}")
    print(f"on {machine['gpu'] or machine.get('processor', 'a CPU')}\n")
    heads = ["arm", *_COLUMNS, "pixels differing from the reference"]
    rows = [_row(name, one) for name, one in results["arms"].items()]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads) - 1)]
    for row in [heads, *rows]:
        cells = [text.rjust(width) for text, width in zip(row, widths, strict=False)]
        print("  ".join([row[0].ljust(widths[0]), *cells[1:], row[-1]]))
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
        asked = name in _ASKED and machine["gpu"] and not run["tiny"]
        print(f"{name}: {number}{f' (asked: {_ASKED[name]})' if asked else ''}")


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
