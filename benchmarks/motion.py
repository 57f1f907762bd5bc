"""How well motion is found in clips whose motion is known, and how fast.

    python -m benchmarks.motion --out benchmarks/results/motion-MACHINE.json

Clips of drawn people by the warp backend, encoded as the dataset encodes them and decoded. The
estimator and the renderer share their displacement fields and the form of the pulse, so this is
a best case: the rows "beyond the model" move the landmarks, encode harder, or hold the
expression. The speed is processor time of `estimate` alone, on one thread. The peer is the
field's usual baseline of an apex in the middle of the clip.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any, NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.common import drawn, jobs, run, timed
from equime_hub import seeds
from equime_hub.builder.backends.warp import WarpBackend, WarpConfig
from equime_hub.builder.causal import ExpertSampler
from equime_hub.builder.plan import PlanConfig
from equime_hub.schema.records import ClipSpec, Landmarks
from equime_hub.schema.taxonomy import AU_NUMBERS
from equime_hub.video import codec
from equime_hub.video.motion import KINDS, Motion, classify, estimate

Blur = Callable[[Landmarks, ClipSpec], Landmarks]
STILL = WarpConfig(gain=0, head_drift=0)
USUAL = ExpertSampler().intensity


class Result(NamedTuple):
    """One clip."""

    spec: ClipSpec
    motion: Motion
    seconds: float


def measured(
    people: int,
    config: PlanConfig | None = None,
    warp: WarpConfig | None = None,
    encoder: codec.EncoderConfig | None = None,
    blur: Blur = lambda landmarks, _: landmarks,
    intensity: tuple[float, float] = USUAL,
) -> list[Result]:
    """Motion of clips as they come out of a dataset, beside what they were made from."""
    backend = WarpBackend(warp or WarpConfig())
    results = []
    for job in jobs(drawn(people, config, 1, sampler=ExpertSampler(intensity=intensity))):
        video = codec.encode(backend.render([job])[0], encoder or backend.encoder)
        clip, landmarks = codec.decode(video), blur(job.landmarks, job.spec)
        seconds, motion = timed(
            partial(estimate, clip.frames, clip.fps, landmarks), time.process_time
        )
        results.append(Result(job.spec, motion, seconds))
    return results


def shifted(landmarks: Landmarks, spec: ClipSpec) -> Landmarks:
    """Every point of the face misplaced by 4 % of the inter-ocular distance each way."""
    numbers = np.array(landmarks.flat())
    iod = float(np.hypot(*(numbers[2:4] - numbers[:2])))
    error = seeds.generator("benchmark", spec.seed).normal(0, 0.04 * iod, 20)
    return Landmarks.from_flat((*(numbers[:20] + error).tolist(), *numbers[20:].tolist()))


def row(results: list[Result]) -> dict[str, Any]:
    """Figures of one table row; shares are of the clips in which times were given."""
    timed = [(r.spec, r.motion) for r in results if r.motion.apex_frame is not None]
    apex = np.array([m.apex_frame - s.apex_frame for s, m in timed if m.apex_frame is not None])
    middle = np.array([(s.num_frames - 1) // 2 - s.apex_frame for s, _ in timed])
    known = np.array(
        [
            m.duration_ms / (1000 * (s.offset_frame - s.onset_frame) / s.fps) - 1
            for s, m in timed
            if m.duration_ms is not None
        ]
    )
    amplitudes = [r.motion.amplitude for r in results]
    kinds = Counter(classify(r.motion) for r in results)
    return {
        "clips": len(results),
        "null": len(results) - len(timed),
        "apex_within_3": share(np.abs(apex) <= 3),
        "apex_median_error": rounded(np.abs(apex), 50),
        "apex_p90_error": rounded(np.abs(apex), 90),
        "middle_within_3": share(np.abs(middle) <= 3),
        "duration_within_25_percent": share(np.abs(known) <= 0.25),
        "duration_null": len(timed) - len(known),
        "amplitude_median": rounded(amplitudes, 50),
        "amplitude_max": rounded(amplitudes, 100),
        "peak_to_noise_median": rounded([r.motion.peak_to_noise for r in results], 50),
        "peak_to_noise_max": rounded([r.motion.peak_to_noise for r in results], 100),
        "kinds": {kind: kinds[kind] for kind in KINDS if kinds[kind]},
    }


def share(holds: Any) -> float | None:
    return round(float(np.mean(holds)), 3) if len(holds) else None


def rounded(values: Any, percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 4) if len(values) else None


def by_unit(results: list[Result]) -> dict[str, dict[str, int]]:
    """For each AU: clips that show it, and of those how many have no or a wrong apex."""
    table: dict[str, dict[str, int]] = {}
    for index, number in enumerate(AU_NUMBERS):
        own = [r for r in results if r.spec.au_apex[index] > 0]
        apexes = [(r.motion.apex_frame, r.spec.apex_frame) for r in own]
        wrong = [found is not None and abs(found - true) > 3 for found, true in apexes]
        unseen = [r.motion.apex_units[index] < 0.3 * r.spec.au_apex[index] for r in own]
        if own:
            table[f"AU{number}"] = {
                "clips": len(own),
                "null": sum(found is None for found, _ in apexes),
                "apex_off_by_more_than_3": sum(wrong),
                "intensity_below_a_third": int(sum(unseen)),
            }
    return table


def speed(frames: int, people: int) -> dict[str, float]:
    results = measured(people, PlanConfig(num_frames=frames, emotions=("happiness", "anger")))
    seconds = [r.seconds for r in results]
    return {
        "clips": len(seconds),
        "milliseconds_per_clip_median": round(1000 * float(np.median(seconds)), 1),
        "clips_per_second_a_core_median": round(1 / float(np.median(seconds)), 1),
        "clips_per_second_a_core_best": round(1 / min(seconds), 1),
    }


def main(options: Any) -> dict[str, Any]:
    few = options.few

    usual = measured(options.people)
    result: dict[str, Any] = {"defaults": told("defaults", usual)}
    result["defaults_by_unit"] = by_unit(usual)
    result["amplitude_and_drift"] = cells = {}
    for intensity, drift in product((0.05, 0.1, 0.2, 0.3), (0.0, 0.006, 0.02, 0.06)):
        name = f"intensity {intensity}, head drift {drift}"
        warp = WarpConfig(head_drift=drift)
        cells[name] = told(name, measured(few, warp=warp, intensity=(intensity, intensity)))
    long = PlanConfig(num_frames=200, duration_ms=(900, 1800), emotions=("happiness",))
    turning, coarse = WarpConfig(gain=0), codec.EncoderConfig()
    others: dict[str, dict[str, Any]] = {
        "static": {"warp": STILL},
        "head only, drift 0.006": {"warp": turning},
        "head only, drift 0.02": {"warp": replace(STILL, head_drift=0.02)},
        "head only, drift 0.06": {"warp": replace(STILL, head_drift=0.06)},
        "slow smiles, 0.9 to 1.8 s": {"people": 5 * few, "config": long},
        "exaggerated, intensity 0.8 to 1": {"intensity": (0.8, 1.0)},
        "64 x 64": {"config": PlanConfig(width=64, height=64)},
        "beyond the model: crf 26": {"encoder": coarse},
        "beyond the model: landmarks 4 % off": {"blur": shifted},
        "beyond the model: static at crf 26": {"warp": turning, "encoder": coarse},
    }
    result["others"] = {
        name: told(name, measured(**{"people": 2 * few, **settings}))
        for name, settings in others.items()
    }
    result["speed_64_frames"], result["speed_161_frames"] = speed(64, 10), speed(161, 5)
    return result


def told(name: str, results: list[Result]) -> dict[str, Any]:
    """`row`, also printed as a line of a table."""
    values = row(results)
    kinds = ", ".join(f"{count} {kind}" for kind, count in values["kinds"].items())
    print(
        f"{name:36} n {values['clips']:3} null {values['null']:3} | apex <= 3 "
        f"{values['apex_within_3']} (middle {values['middle_within_3']}) median "
        f"{values['apex_median_error']} p90 {values['apex_p90_error']} | duration <= 25 % "
        f"{values['duration_within_25_percent']} | amplitude {values['amplitude_median']} "
        f"PNR {values['peak_to_noise_median']} | {kinds}",
        flush=True,
    )
    return values


if __name__ == "__main__":
    run(__doc__, main, people=24, few=(3, "people a cell of the other tables"))
