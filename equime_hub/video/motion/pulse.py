"""Finds the one rise and fall that a set of curves shares.

An expression moves its action units together, each by its own amount: curves = amounts ×
pulse + constants + noise. Of all pulses and all amounts of at least 0, the pair that explains
most is taken. A pulse is a raised cosine from onset to apex to offset, whose ends may lie
outside the clip.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FEWEST = 5
"""Frames in which a rise and fall can be told from a jump."""
_GROWTH = 1.25
_RISES = (0.35, 0.5, 0.65)
"""Shares of the time up to the apex: annotated clips rise in 35 to 60 %."""
_STAYS = 4.0
"""Clips that a rise or fall may take; within one it then looks level."""
_KEPT = 3


class Pulse(NamedTuple):
    """When an expression happens and what moves, found by `find`.

    Attributes:
        onset: Last moment of rest, frames; may lie before the clip.
        apex: Moment of the strongest expression, inside the clip.
        offset: First moment of rest; may lie after the clip.
        amounts: How much of each unit the apex shows, at least 0.
    """

    onset: float
    apex: float
    offset: float
    amounts: Floats

    @property
    def rise(self) -> float:
        """Frames from onset to apex."""
        return self.apex - self.onset

    @property
    def fall(self) -> float:
        """Frames from apex to offset."""
        return self.offset - self.apex

    def shape(self, count: int) -> Floats:
        """The pulse in each frame, 0 to 1."""
        times = np.array((self[:3],))
        return np.asarray(_shapes(np.arange(count), times)[0])


def find(curves: Floats, information: Floats, shortest: float) -> Pulse:
    """The pulse that explains most.

    Args:
        curves: T×K. If they are too short to rise and fall, they are taken to have been 0 for
            some time before.
        information: K×K inverse covariance of the curves' noise, up to a factor.
        shortest: Fewest frames from onset to offset.
    """
    lead = max(0, FEWEST - len(curves))
    curves = np.pad(curves, ((lead, 0), (0, 0)))
    count = len(curves)
    white = curves @ np.linalg.cholesky(information)
    steps = max(1, int(np.ceil(np.log(2 * count / shortest) / np.log(_GROWTH))))
    kept = np.concatenate([_best(white, shortest * _GROWTH**step) for step in range(steps)])
    amounts, explained = _amounts(curves, information, _shapes(np.arange(count), kept))
    winner = int(np.argmax(explained))
    time, amount = kept[winner], amounts[winner]
    for _ in range(2):
        if amount.any():
            time = _refined(curves @ (information @ amount), time, shortest)
        amount = _amounts(curves, information, _shapes(np.arange(count), time[None]))[0][0]
    onset, apex, offset = (float(value) - lead for value in time)
    return Pulse(onset, apex, offset, amount)


def _best(white: Floats, length: float) -> Floats:
    """The pulses of about one length that explain most of whitened curves, `_KEPT`×3.

    Long pulses are compared on means over a few frames.
    """
    factor = max(1, min(int(length / 12), len(white) // FEWEST))
    count = len(white) // factor
    blocks = white[: count * factor].reshape(count, factor, -1).mean(axis=1)
    frames = np.arange(count) * factor + (factor - 1) / 2
    apexes = np.arange(0, len(white), max(1.0, length / 6))
    slopes = [(rise * length, (1 - rise) * length) for rise in _RISES]
    # What has risen may stay, and what was there from the start may fall.
    stays = _STAYS * len(white)
    slopes += [(length / 2, stays), (stays, length / 2)]
    found = [np.stack((apexes - rise, apexes, apexes + fall), axis=1) for rise, fall in slopes]
    scores = [_score(blocks, _shapes(frames, times)) for times in found]
    best = np.argsort(-np.concatenate(scores), kind="stable")[:_KEPT]
    return np.asarray(np.concatenate(found)[best])


def _shapes(frames: npt.NDArray[Any], times: Floats) -> Floats:
    """Pulses (N×T) of N×3 onsets, apexes and offsets."""
    onset, apex, offset = (column[:, None] for column in times.T)
    before = (frames - onset) / (apex - onset)
    after = 1 + (frames - apex) / (offset - apex)
    phase = np.clip(np.where(frames < apex, before, after), 0, 2)
    return np.asarray((1 - np.cos(np.pi * phase)) / 2)


def _unit(shapes: Floats) -> tuple[Floats, Floats]:
    """Pulses without their means, of length 1, and the lengths they had."""
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    lengths = np.sqrt(np.square(centred).sum(axis=1))
    return centred / np.maximum(lengths, 1e-9)[:, None], lengths


def _score(white: Floats, shapes: Floats) -> Floats:
    """How much of whitened curves each pulse explains, with amounts of any sign."""
    return np.asarray(np.square(_unit(shapes)[0] @ white).sum(axis=1))


def _amounts(curves: Floats, information: Floats, shapes: Floats) -> tuple[Floats, Floats]:
    """Amounts of at least 0 (N×K) that fit best with each pulse, and what they explain."""
    units, lengths = _unit(shapes)
    wanted = information @ (units @ curves).T
    amounts = np.zeros_like(wanted)
    for _ in range(30):  # coordinate descent
        before = amounts.copy()
        for k, row in enumerate(information):
            amounts[k] = np.maximum(amounts[k] + (wanted[k] - row @ amounts) / row[k], 0)
        if np.abs(amounts - before).max() <= 0.01 * amounts.max():
            break
    explained = (amounts * (2 * wanted - information @ amounts)).sum(axis=0)
    return (amounts / np.maximum(lengths, 1e-9)).T, explained


def _refined(curve: Floats, time: Floats, shortest: float) -> Floats:
    """Onset, apex and offset that fit one curve best, near where they were, by pattern search."""
    steps = np.stack(np.meshgrid(*[(-1.0, 0.0, 1.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    size = min(time[1] - time[0], time[2] - time[1]) / 4
    while size > 0.2:
        near = time + size * steps
        rise, fall = np.diff(near, axis=1).T
        good = (rise >= 1) & (fall >= 1) & (rise + fall >= shortest)
        good &= (near[:, 1] >= 0) & (near[:, 1] <= len(curve) - 1)
        good &= (rise <= _STAYS * len(curve)) & (fall <= _STAYS * len(curve))
        near = np.concatenate([time[None], near[good]])
        fits = _unit(_shapes(np.arange(len(curve)), near))[0] @ curve
        best = int(np.argmax(fits))
        if fits[best] <= fits[0] * (1 + 1e-6):
            size /= 2
        time = near[best]
    return time
