"""How the clips of a dataset were made, and from what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from equime_hub.cards.statistics import LONGEST_MS, SETTINGS, Statistics
from equime_hub.cards.text import listed, share
from equime_hub.schema.stamp import Origin
from equime_hub.tables import compact, counted
from equime_hub.video.timing import milliseconds

_NAMES = {
    "generator": "backend",
    "model_id": "model",
    "model_revision": "revision",
    "guidance_scale": "guidance",
    "batch_size": "batch",
}
DRAWN = "drawn"
"""`source_dataset` of faces that a program drew."""


def values(statistics: Statistics) -> dict[str, object]:
    """What the card says about clips and how they came to be."""
    timed, too_long = statistics.durations, statistics.too_long
    return {
        "frames": _frames(statistics),
        "durations": _durations(statistics),
        "timed": f"{timed.n:,}" if timed else "",
        "too_long": f"{too_long:,}" if too_long else "",
        "slow": share(too_long, timed.n) if timed and too_long else "",
        "in_time": timed and not too_long,
        "longest_ms": f"{LONGEST_MS:.0f}",
        "settings": _settings(statistics),
        "retried": counted(statistics.retried, "clip was", "clips were")
        if statistics.retried
        else "",
        "builds": "\n\n".join(
            _build(fingerprint, generation.origin)
            for fingerprint, generation in statistics.generations.items()
            if generation.origin and generation.origin.made_with
        ),
        "encodings": listed(f"`{encoding}`" for encoding in statistics.encodings if encoding),
        "sources": listed(
            f"{source}: {counted(clips, 'clip', 'clips')}, licence of the images: "
            f"{licence or 'unknown'}"
            for (source, licence), clips in statistics.sources.items()
        ),
    }


def _frames(statistics: Statistics) -> str:
    """One row a size and rate: recordings differ in length."""
    lengths: dict[tuple[int, int, float | None], dict[int, int]] = {}
    for (frames, width, height, fps), n in statistics.frames.items():
        lengths.setdefault((width, height, fps), {})[frames] = n
    rows = [
        (
            _range(f"{frames}" for frames in found),
            f"{width} × {height}",
            "unknown" if fps is None else f"{fps:g}",
            "unknown" if fps is None else _range(f"{milliseconds(n, fps):,.0f}" for n in found),
            f"{sum(found.values()):,}",
        )
        for (width, height, fps), found in lengths.items()
    ]
    return compact(("frames", "pixels", "frames a second", "length in ms", "clips"), rows, left=0)


def _range(ascending: Iterable[str]) -> str:
    first, *others = ascending
    return f"{first} to {others[-1]}" if others else first


def _durations(statistics: Statistics) -> str:
    if statistics.durations is None:
        return ""
    found = statistics.durations
    header = ("clips", "shortest", "first quartile", "median", "third quartile", "longest")
    numbers = (found.least, *found.quartiles, found.largest)
    return compact(header, [(f"{found.n:,}", *(f"{ms:.0f}" for ms in numbers))], left=0)


def _settings(statistics: Statistics) -> str:
    """One row a way of making clips, without the columns that say nothing."""
    kept = [
        i for i in range(len(SETTINGS)) if any(row[i] is not None for row in statistics.settings)
    ]
    header = [_NAMES.get(SETTINGS[i], SETTINGS[i]) for i in kept]
    rows = [
        [*(_word(row[i]) for i in kept), f"{clips:,}"] for row, clips in statistics.settings.items()
    ]
    return compact((*header, "clips"), rows, left=len(header))


def _word(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _build(fingerprint: str, origin: Origin) -> str:
    """All that was asked of the backend, presets and their departures included."""
    import yaml

    made: Mapping[str, Any] = origin.made_with
    asked = {key: made[key] for key in ("backend", "retry") if key in made}
    text = yaml.safe_dump(_known(asked), sort_keys=False, allow_unicode=True).rstrip()
    return f"Build `{fingerprint}` of plan `{origin.plan}`:\n\n```yaml\n{text}\n```"


def _known(value: Any) -> Any:
    """Without nulls."""
    if isinstance(value, Mapping):
        return {key: _known(inner) for key, inner in value.items() if inner is not None}
    return value
