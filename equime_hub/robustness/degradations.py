"""Clips made worse, or robbed of their motion: Clip to Clip, of the same length, size and rate.

`static` and `shuffled` are controls: they keep what the face looks like and take away what moves,
or its order. The others are what happens to a video on its way: compression, a lower rate,
a smaller picture, noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from equime_hub import seeds
from equime_hub.errors import EquimeError
from equime_hub.video import timing
from equime_hub.video.clip import Clip

Frames = npt.NDArray[np.uint8]


def static(clip: Clip) -> Clip:
    """The first frame throughout: a face without any motion."""
    return Clip(np.repeat(clip.frames[:1], len(clip), axis=0), clip.fps)


def shuffled(clip: Clip, seed: int = 0) -> Clip:
    """The same frames in another order, drawn from the seed and the number of frames."""
    order = seeds.generator("shuffled frames", seed, len(clip)).permutation(len(clip))
    return Clip(clip.frames[order], clip.fps)


def jpeg(clip: Clip, quality: float) -> Clip:
    """Every frame through JPEG by itself, with 4:2:0 colour.

    Args:
        clip: The clip.
        quality: 1, hardly a picture, to 100.
    """
    settings = [cv2.IMWRITE_JPEG_QUALITY, round(quality)]

    def through(frame: Frames) -> Frames:
        _, data = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), settings)
        again = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        return np.asarray(cv2.cvtColor(again, cv2.COLOR_BGR2RGB), np.uint8)

    return _each(clip, through)


def fps(clip: Clip, rate: float) -> Clip:
    """What a slower camera sees: frames between its instants repeat the one before.

    Args:
        clip: The clip.
        rate: Frames per second of that camera; one that is as fast as the clip changes nothing.
    """
    step = timing.exact(clip.fps) / timing.exact(rate)
    if step <= 1:
        return clip
    instants = np.arange(math.ceil(len(clip) / step))
    # A picture of the slow camera is the first frame at its instant or after: the ceiling.
    taken = -timing.floors(-instants, step)
    latest = np.searchsorted(taken, np.arange(len(clip)), side="right") - 1
    return Clip(clip.frames[taken[latest]], clip.fps)


def resized(clip: Clip, factor: float) -> Clip:
    """Made smaller, by area averages, and as large as before again, bilinearly.

    Args:
        clip: The clip.
        factor: How many times smaller each side is in between, at least 1; a side keeps a pixel.
    """
    whole = (clip.width, clip.height)
    small = tuple(max(1, round(side / factor)) for side in whole)

    def through(frame: Frames) -> Frames:
        less = cv2.resize(frame, small, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(less, whole, interpolation=cv2.INTER_LINEAR), np.uint8)

    return _each(clip, through)


def noise(clip: Clip, deviation: float, seed: int = 0) -> Clip:
    """Gaussian noise, another in every frame, pixel and channel.

    Args:
        clip: The clip.
        deviation: Standard deviation in grey levels of 255.
        seed: Of the noise.
    """
    drawn = seeds.generator("noise", seed, len(clip))

    def through(frame: Frames) -> Frames:
        added = frame + deviation * drawn.standard_normal(frame.shape, np.float32)
        return np.asarray(np.rint(added.clip(0, 255)), np.uint8)

    return _each(clip, through)


def _each(clip: Clip, through: Callable[[Frames], Frames]) -> Clip:
    return Clip(np.stack([through(frame) for frame in clip.frames]), clip.fps)


_KINDS: dict[str, tuple[Callable[[Clip, float, int], Clip], str, float, float]] = {
    "static": (lambda clip, _, seed: static(clip), "static: the first frame repeated", 0, 0),
    "shuffled": (lambda clip, _, seed: shuffled(clip, seed), "shuffled frames", 0, 0),
    "jpeg": (lambda clip, amount, seed: jpeg(clip, amount), "JPEG, quality {:g}", 1, 100),
    "fps": (lambda clip, amount, seed: fps(clip, amount), "{:g} frames per second", 1e-3, 1e5),
    "resize": (lambda clip, amount, seed: resized(clip, amount), "{:g} times smaller", 1, 1e3),
    "noise": (noise, "noise of {:g}/255", 0, 255),
}
"""Kind → how it is made of clip, amount and seed; its words, with a place for the amount; and the
smallest and largest amount, both 0 where there is none to choose."""

CONTROLS = ("static", "shuffled")
"""Kinds that ask whether motion is seen at all."""


@dataclass(frozen=True)
class Degradation:
    """One way to make a clip worse.

    Attributes:
        kind: static, shuffled, jpeg, fps, resize or noise.
        amount: Quality of JPEG, frames per second, factor, or grey levels; 0 for the controls.

    Raises:
        EquimeError: There is no such kind, or its amount is out of range.
    """

    kind: str
    amount: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise EquimeError(
                f"There is no degradation {self.kind!r}. Choose among {', '.join(_KINDS)}."
            )
        _, _, low, high = _KINDS[self.kind]
        if not low <= self.amount <= high:
            wanted = f"with nothing behind it: {self.kind}"
            if high:
                wanted = f"from {low:g} to {high:g}, such as {self.kind}:{max(low, 20):g}"
            raise EquimeError(f"{self.kind} is given {wanted}; got {self.amount:g}.")

    @classmethod
    def parsed(cls, text: str) -> Degradation:
        """One from `kind` or `kind:amount`.

        >>> Degradation.parsed("jpeg:30")
        Degradation(kind='jpeg', amount=30.0)

        Raises:
            EquimeError: It is neither.
        """
        kind, colon, amount = text.partition(":")
        try:
            return cls(kind.strip(), float(amount) if colon else 0.0)
        except ValueError:
            raise EquimeError(
                f"{text!r} is no degradation; write kind:number, such as jpeg:30."
            ) from None

    @property
    def words(self) -> str:
        """What it is, for a table."""
        return _KINDS[self.kind][1].format(self.amount)

    def __call__(self, clip: Clip, seed: int = 0) -> Clip:
        """The clip made worse; the same length, size and rate."""
        return _KINDS[self.kind][0](clip, self.amount, seed)


DEFAULT = tuple(
    Degradation.parsed(text)
    for text in ("static", "shuffled", "jpeg:75", "jpeg:30", "fps:50", "fps:25", "resize:2",
                 "resize:4", "noise:4")
)  # fmt: skip
"""The controls, and what a video meets on its way."""
