"""What was measured on the clips, and which gates they went through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from equime_hub.cards.statistics import MEASURED, Distribution, Statistics
from equime_hub.cards.text import cross_table, joined, listed
from equime_hub.schema.stamp import Origin
from equime_hub.tables import compact

REJECTS: Mapping[str, str] = {
    "static": "no expression is found and `head_motion` < {head:g}",
    "head only": "no expression is found and `head_motion` ≥ {head:g}",
    "exaggerated": "`motion_amplitude` > {exaggerated:g}",
    "wrong duration": (
        "twice `motion_fwhm_ms` is not within {shortest:g} to {longest:g} of the planned duration"
    ),
    "low quality": "`psnr` < {psnr:g}, `brisque` > {brisque:g} or `clip_iqa` < {clip_iqa:g}",
    "first frame differs": "`first_frame_psnr` < {first_frame_psnr:g}",
}
"""Gate → when it rejects a clip, with its thresholds."""

LIMITS: Mapping[str, tuple[str, str]] = {
    "psnr": ("psnr", "≥"),
    "brisque": ("brisque", "≤"),
    "clip_iqa": ("clip_iqa", "≥"),
    "exaggerated": ("motion_amplitude", "≤"),
    "first_frame_psnr": ("first_frame_psnr", "≥"),
}
"""Threshold → column that it bounds by itself, and how."""

Gates = Mapping[str, Mapping[str, float]]
"""Gate that is on → its thresholds."""


def values(statistics: Statistics) -> dict[str, object]:
    """What the card says about quality."""
    gates = {
        build: found
        for build, generation in statistics.generations.items()
        if generation.origin and (found := _gates_of(generation.origin)) is not None
    }
    rejected = sum(size.rejected for size in statistics.splits.values())
    return {
        "measured": _measured(statistics.measured, gates),
        "measures": _tools(statistics),
        "gates": _gates(gates),
        "no_gates": gates and not any(gates.values()),
        "rejections": cross_table("clips rejected", statistics.rejections),
        "none_rejected": not rejected and not statistics.rejections,
    }


def _gates_of(origin: Origin) -> Gates | None:
    """Gates of a build, or those of the last `equime measure`; None if it does not say."""
    last = origin.made_with.get("measured", origin.made_with)
    gates: Gates | None = last.get("gates")
    return gates


def _measured(measured: dict[str, Distribution], gates: Mapping[str, Gates]) -> str:
    if not measured:
        return ""
    rows = []
    for name, spread in measured.items():
        digits = MEASURED[name]
        mean, least, largest = (
            f"{value:,.{digits}f}" for value in (spread.mean, spread.least, spread.largest)
        )
        sd = "" if spread.sd is None else f" ± {spread.sd:,.{digits}f}"
        rows.append((f"`{name}`", f"{spread.n:,}", mean + sd, least, largest, _limit(name, gates)))
    header = ("measured", "clips", "mean ± sd", "smallest", "largest", "gate")
    return compact(header, rows)


def _limit(column: str, gates: Mapping[str, Gates]) -> str:
    """Bounds of a column in all builds, such as "≥ 25"."""
    found = {
        f"{LIMITS[threshold][1]} {value:g}"
        for of_build in gates.values()
        for thresholds in of_build.values()
        for threshold, value in thresholds.items()
        if threshold in LIMITS and LIMITS[threshold][0] == column
    }
    return " or ".join(sorted(found))


def _tools(statistics: Statistics) -> str:
    tools: dict[str, None] = {}
    for generation in statistics.generations.values():
        if generation.origin:
            made: Mapping[str, Any] = generation.origin.made_with
            named = {**made.get("measures", {}), **made.get("measured", {}).get("tools", {})}
            tools |= dict.fromkeys(f"{tool}: {about}" for tool, about in sorted(named.items()))
    return listed(tools)


def _gates(gates: Mapping[str, Gates]) -> str:
    lines: dict[str, list[str]] = {}
    for build, of_build in gates.items():
        for gate, thresholds in of_build.items():
            line = f"`{gate}`, if {_when(gate, thresholds)}"
            lines.setdefault(line, []).append(f"`{build}`")
    return listed(
        line if len(builds) == len(gates) else f"{line} (build {joined(builds)})"
        for line, builds in lines.items()
    )


def _when(gate: str, thresholds: Mapping[str, float]) -> str:
    try:
        return REJECTS[gate].format(**thresholds)
    except KeyError:  # of another version of this package
        return ", ".join(f"{name} {value:g}" for name, value in thresholds.items())
