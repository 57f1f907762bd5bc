"""Where two sets of clips should not be compared as if they were alike, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from equime_hub.reports.samples import METRICS, PSNR_CAP, Sample

_MANY_TIMES = 10
"""Ratio of sizes from which a report speaks of it."""

_PSNR = next(metric for metric in METRICS if metric.key == "psnr")
_BETWEEN = tuple(metric.key for metric in METRICS if metric.between_frames)


@dataclass(frozen=True)
class Caution:
    """One thing a reader must know.

    Attributes:
        text: One or two sentences.
        unsound: Keys of the metrics that are not counted because of it.
    """

    text: str
    unsound: tuple[str, ...] = ()


def cautions(real: Sample, others: Sequence[Sample]) -> list[Caution]:
    """All of them, the ones that take metrics out of the count first."""
    samples = (real, *others)
    found = [
        *_codec(real, others),
        *_frame_rates(real, others),
        *(caution for other in others for caution in _wrapped(real, other)),
        *(caution for sample in samples for caution in _equal_frames(sample)),
        *(caution for other in others for caution in _frame_sizes(real, other)),
        *(caution for sample in samples for caution in _one_emotion(sample)),
        *(caution for other in others for caution in _numbers(real, other)),
        *_people(samples),
        *(caution for sample in samples for caution in _gaps(sample, samples)),
    ]
    return sorted(found, key=lambda caution: not caution.unsound)


def _codec(real: Sample, others: Sequence[Sample]) -> Iterator[Caution]:
    found = [m for m in METRICS if m.codec_bound and m.key in real.values
             and any(m.key in other.values for other in others)]  # fmt: skip
    if found:
        yield Caution(
            f"{_listed(metric.title for metric in found)}: these tell of the codec and its "
            "settings, not of the picture. They are shown and not counted.",
            tuple(metric.key for metric in found),
        )


def _frame_rates(real: Sample, others: Sequence[Sample]) -> Iterator[Caution]:
    compared = [s for s in (real, *others) if any(key in s.values for key in _BETWEEN)]
    if real not in compared or len(compared) < 2:
        return
    if unknown := [sample.name for sample in compared if not sample.fps]:
        yield Caution(
            f"The frame rate of {_listed(unknown)} is not known. PSNR and SSIM compare "
            "consecutive frames: the shorter the time between them, the higher they are."
        )
    for other in compared[1:]:
        rates = [(sample.fps[0], sample.fps[-1]) for sample in (real, other) if sample.fps]
        # Within 2 %, so that 29.97 and 30 are one rate.
        if len(rates) == 2 and not np.allclose(rates[0], rates[1], rtol=0.02):
            yield Caution(
                f"{real.name} has {_rates(real)} frames a second, {other.name} {_rates(other)}. "
                "PSNR and SSIM compare consecutive frames, so they measure changes over different "
                "times. Bring both to one rate and measure again.",
                _BETWEEN,
            )


def _rates(sample: Sample) -> str:
    low, high = sample.fps[0], sample.fps[-1]
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _wrapped(real: Sample, other: Sample) -> Iterator[Caution]:
    published = [s.name for s in (real, other) if s.columns.get("psnr", "psnr") != "psnr"]
    ours = [s.name for s in (real, other) if s.columns.get("psnr") == "psnr"]
    if published and ours:
        yield Caution(
            f"PSNR of {_listed(published)} is in a column of the published script, which squares "
            f"differences in 8 bits, where they wrap; that of {_listed(ours)} is of floating "
            "point. Measure both in one way.",
            ("psnr",),
        )


def _equal_frames(sample: Sample) -> Iterator[Caution]:
    known = sample.known(_PSNR)
    moving = known[known < PSNR_CAP]
    if count := len(known) - len(moving):
        without = (
            f" Without them the mean is {moving.mean():.2f} dB, not {known.mean():.2f} dB."
            if len(moving)
            else ""
        )
        yield Caution(
            f"{count:,} of {len(known):,} clips of {sample.name} do not move at all: their PSNR "
            f"of {PSNR_CAP:g} dB is a cap and no measurement.{without}",
            ("psnr",),
        )


def _frame_sizes(real: Sample, other: Sample) -> Iterator[Caution]:
    if real.frame_sizes and other.frame_sizes and real.frame_sizes != other.frame_sizes:
        yield Caution(
            f"Frames are {_sizes(real)} in {real.name} and {_sizes(other)} in {other.name}. Every "
            "metric depends on it; total variation grows with the side."
        )


def _sizes(sample: Sample) -> str:
    shown = [f"{width} × {height}" for width, height in sample.frame_sizes[:3]]
    more = len(sample.frame_sizes) - len(shown)
    return _listed([*shown, f"{more} other sizes"] if more else shown)


def _one_emotion(sample: Sample) -> Iterator[Caution]:
    if len(sample.emotions) == 1:
        yield Caution(
            f"{sample.name} holds one emotion only, {sample.emotions[0]}; how much moves "
            "differs between emotions."
        )


def _numbers(real: Sample, other: Sample) -> Iterator[Caution]:
    fewer, more = sorted((real, other), key=lambda sample: sample.size)
    if more.size >= _MANY_TIMES * fewer.size:
        yield Caution(
            f"{more.name} has {more.size:,} clips, {fewer.name} {fewer.size:,}: the smaller set "
            "alone decides how wide the intervals are."
        )


def _people(samples: Sequence[Sample]) -> Iterator[Caution]:
    unknown = [sample.name for sample in samples if sample.subjects is None]
    if unknown:
        yield Caution(
            f"Who is in the clips of {_listed(unknown)} is not known, so clips are drawn one by "
            "one. Clips of one person are alike; the true intervals are wider."
        )
    for sample in samples:
        if sample.subjects is not None and len(np.unique(sample.subjects)) == 1 < sample.size:
            yield Caution(f"{sample.name} shows one person: there are no intervals.")


def _gaps(sample: Sample, samples: Sequence[Sample]) -> Iterator[Caution]:
    if sample.rejected:
        yield Caution(f"{sample.rejected:,} clips of {sample.name} failed a gate and are left out.")
    if sample.size == 1:
        yield Caution(f"{sample.name} is one clip: there is no spread and no interval.")
    somewhere = [m for m in METRICS if any(len(s.known(m)) for s in samples)]
    if absent := [metric.title for metric in somewhere if not len(sample.known(metric))]:
        yield Caution(f"{sample.name} has no {_listed(absent, 'or')}.")
    for metric in somewhere:
        known = sample.known(metric)
        if 0 < len(known) < sample.size:
            yield Caution(
                f"{sample.size - len(known):,} of {sample.size:,} clips of {sample.name} have no "
                f"{metric.title} and are left out of it."
            )
        if len(known) > 1 and np.ptp(known) == 0:
            yield Caution(
                f"{metric.title} is {known[0]:g} in all clips of {sample.name}: a constant has "
                "no distribution."
            )


def _listed(names: Iterable[str], word: str = "and") -> str:
    *head, last = names
    return f"{', '.join(head)} {word} {last}" if head else last
