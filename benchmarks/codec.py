"""How much of a micro-expression survives the encoder, and at what size, by skin tone.

    python -m benchmarks.codec --out benchmarks/results/codec-MACHINE.json

Signal: what changes between onset and apex in a clip rendered without noise, where it changes by
more than 3 grey levels. Kept: the share of that signal found again after encoding a clip with
noise and decoding it (regression coefficient); SNR: signal over what is left. The peer is the
size of EquiME's published clips, 108 KB for 161 frames of 256 x 256.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from benchmarks.common import drawn, jobs, run
from equime_hub.builder.backends.warp import WarpBackend, WarpConfig
from equime_hub.video import codec

PUBLISHED_BYTES_PER_PIXEL = 108_000 / (161 * 256 * 256)


def main(options: Any) -> dict[str, Any]:
    plan = drawn(options.people)
    noisy, clean = WarpBackend(), WarpBackend(WarpConfig(noise=0))
    kept: dict[tuple[int, str], list[tuple[float, float]]] = defaultdict(list)
    sizes: dict[int, list[int]] = defaultdict(list)
    pixels = 0
    for job in jobs(plan):
        spec = job.spec
        clip, ideal = noisy.render([job])[0], clean.render([job])[0]
        pixels = clip.frames.size // 3
        signal = _change(ideal.frames, spec.onset_frame, spec.apex_frame)
        moving = np.abs(signal).max(axis=2) > 3
        if not moving.any():
            continue
        for crf in options.crf:
            video = codec.encode(clip, codec.EncoderConfig(crf=crf))
            found = _change(codec.decode(video).frames, spec.onset_frame, spec.apex_frame)
            kept[crf, spec.face.race or ""].append(_score(signal[moving], found[moving]))
            sizes[crf].append(len(video))
    rows = [_row(crf, kept, sizes[crf], pixels) for crf in options.crf]
    return {
        "clips": len(plan.specs),
        "clip": "64 frames of 256 x 256",
        "encoder": codec.EncoderConfig().describe(),
        "rows": rows,
    }


def _change(frames: Any, onset: int, apex: int) -> Any:
    return frames[apex].astype(np.float64) - frames[onset]


def _score(signal: Any, found: Any) -> tuple[float, float]:
    energy = float((signal**2).sum())
    noise = float(((found - signal) ** 2).sum())
    return float((found * signal).sum()) / energy, 10 * float(np.log10(energy / noise))


def _row(
    crf: int, kept: dict[tuple[int, str], list[tuple[float, float]]], sizes: list[int], pixels: int
) -> dict[str, Any]:
    groups = {race: np.array(scores) for (at, race), scores in sorted(kept.items()) if at == crf}
    everyone = np.concatenate(list(groups.values()))
    return {
        "crf": crf,
        "kilobytes": round(float(np.mean(sizes)) / 1000, 1),
        "size_over_published": round(float(np.mean(sizes)) / pixels / PUBLISHED_BYTES_PER_PIXEL, 2),
        "kept_median": round(float(np.median(everyone[:, 0])), 2),
        "kept_worst": round(float(everyone[:, 0].min()), 2),
        "snr_db_median": round(float(np.median(everyone[:, 1])), 1),
        "kept_median_by_drawn_race": {
            race: round(float(np.median(scores[:, 0])), 2) for race, scores in groups.items()
        },
    }


if __name__ == "__main__":
    run(__doc__, main, people=24, crf=[26, 23, 20, 18, 16, 14, 12, 10])
