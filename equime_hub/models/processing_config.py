"""What a model is shown of a clip: every setting of the video processor, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from equime_hub.errors import ModelError
from equime_hub.video.flow import METHODS

FINISHING = frozenset({"do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std"})
"""Settings of any processor that `prepare` does not look at."""

LENGTHS = {"onset_apex": 2, "onset_apex_offset": 3, "apex": 1, "middle": 1}
"""Samplings that fix the number of frames → that number."""
CHOICES: dict[str, tuple[str, ...]] = {
    "sampling": ("uniform", "first", "all", "around_apex", *LENGTHS),
    "span": ("clip", "expression"),
    "input_kind": ("frames", "difference", "flow"),
    "flow_method": tuple(METHODS),
    "flow_from": ("onset", "previous"),
    "face_crop": ("face", "none"),
    "pad": ("mask", "zero", "repeat"),
}


@dataclass(frozen=True)
class InputConfig:
    """Settings of the video processor; all are in `video_preprocessor_config.json`.

    First frames are chosen. With `normalize_fps` the clip is brought to that rate before, by
    `video.sampling.by_time`, and moments, indices and times are those of the clip that results.
    Then each frame is cropped to a square and shrunk, and only then made gray, flow or numbers.

    Attributes:
        sampling: "uniform" (evenly spaced, first and last included), "first" (the first ones),
            "all", "around_apex" (evenly spaced from onset to offset, one of them the apex),
            "onset_apex", "onset_apex_offset", "apex", or "middle".
        num_frames: T that the model is given; None is as many as there are, with a mask.
            Samplings that name their frames set it.
        indices: Frames in their order, instead of `sampling`; negative ones count from the end.
        times_ms: The same by time, in milliseconds from the first frame, at the clip's rate.
        span: What "uniform", "first", "all" and "middle" sample: the "clip", or its "expression"
            from onset to offset.
        normalize_fps: Frames per second that clips are brought to first; None leaves them.
        input_kind: "frames", "difference" (each minus the first one shown; a single frame minus
            the onset for "apex", or the first one of the span for "middle"), or "flow".
        num_channels: 1 is gray, 3 RGB; flow has 3: u, v and strain.
        flow_method: One of `video.flow.METHODS`.
        flow_size: Side in pixels at which flow is computed.
        flow_from: "onset" is flow from the first frame shown to each, "previous" to each from the
            one before. T frames give T fields, of which the first is 0; but sampling "onset_apex"
            gives the one from onset to apex. u and v are in hundredths of the square's side,
            strain is in percent.
        face_crop: "face" turns and scales the face in the first frame shown to where CelebA-HQ
            has it; "none", or no face found, takes the largest centred square.
        crop_margin: 1 shows as much around the face as CelebA-HQ does, 2 twice that.
        size: {"height": N, "width": N} in pixels; a number is both.
        resample: PIL's number of the filter for enlarging; what is shrunk is averaged by area.
        do_rescale: Whether pixels are multiplied by `rescale_factor`; flow never is.
        rescale_factor: 1/255 maps them to [0, 1].
        do_normalize: Whether `image_mean` is subtracted and divided by `image_std`. Differences
            and flow are only divided: their zero means that nothing moves.
        image_mean: A number, or one a channel.
        image_std: A number, or one a channel.
        standardize: Each clip is brought to mean 0 and deviation 1 by itself, over all channels.
            Differences and flow are divided by their root mean square, for the same reason.
        pad: What follows a clip that is too short: "mask" (0, and `frame_mask` says so), "zero"
            (black frames that count as frames, as in the EquiME paper's code), "repeat" (none
            follows: its frames are spread evenly over the places).

    Raises:
        ModelError: A setting that is none, or that contradicts another one.
    """

    sampling: str = "uniform"
    num_frames: int | None = None
    indices: Sequence[int] | None = None
    times_ms: Sequence[float] | None = None
    span: str = "clip"
    normalize_fps: float | None = None
    input_kind: str = "frames"
    num_channels: int = 3
    flow_method: str = "farneback"
    flow_size: int = 128
    flow_from: str = "onset"
    face_crop: str = "face"
    crop_margin: float = 1.0
    size: int | Mapping[str, int] = field(default_factory=lambda: {"height": 64, "width": 64})
    resample: int = 2
    do_rescale: bool = True
    rescale_factor: float = 1 / 255
    do_normalize: bool = False
    image_mean: float | Sequence[float] | None = None
    image_std: float | Sequence[float] | None = None
    standardize: bool = False
    pad: str = "mask"

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise _wrong(name, getattr(self, name), f"one of {', '.join(choices)}")
        self._tidy()
        self._check_length()
        self._check_values()

    @property
    def side(self) -> int:
        """Height and width in pixels."""
        assert isinstance(self.size, Mapping)
        return self.size["height"]

    @property
    def one_field(self) -> bool:
        """Whether there is one field of flow, from onset to apex."""
        return self.input_kind == "flow" and self._named == "onset_apex"

    @property
    def one_difference(self) -> bool:
        """Whether one frame is shown less another, which is prepared with it, before it."""
        return self.input_kind == "difference" and self._named in ("apex", "middle")

    @property
    def expects(self) -> tuple[str, ...]:
        """Moments that the frames cannot be chosen without."""
        if self.indices is not None or self.times_ms is not None:
            return ()
        if self._named == "around_apex":
            return ("onset", "apex", "offset")
        if self._named == "apex" and self.one_difference:
            return ("onset", "apex")
        if self._named in ("onset_apex", "onset_apex_offset", "apex"):
            return tuple(self._named.split("_"))
        return ("onset", "offset") if self.span == "expression" else ()

    @property
    def masked(self) -> bool:
        """Whether `frame_mask` is given: where clips may be shorter than their batch."""
        return self.pad == "mask" and (self.num_frames is None or self._named == "first")

    @property
    def _named(self) -> str:
        listed = self.indices is not None or self.times_ms is not None
        return "listed" if listed else self.sampling

    def _tidy(self) -> None:
        """One form for what may be written in several, so that saved and loaded are equal."""
        set_field = object.__setattr__
        size: Any = self.size
        sides = size if isinstance(size, Mapping) else {"height": size, "width": size}
        set_field(self, "size", {str(name): sides[name] for name in sides})
        for name in ("indices", "times_ms", "image_mean", "image_std"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, int | float):
                set_field(self, name, [*value])
        if self.num_frames is None:
            set_field(self, "num_frames", self._fixed())

    def _fixed(self) -> int | None:
        """The number of frames that the sampling names, as the model is given them."""
        if self.one_field:
            return 1
        listed = self.indices if self.indices is not None else self.times_ms
        return LENGTHS.get(self.sampling) if listed is None else len(listed)

    def _check_length(self) -> None:
        for name, fits, form in (
            ("indices", lambda value: isinstance(value, int), "whole numbers"),
            ("times_ms", _number, "numbers"),
        ):
            value = getattr(self, name)
            if value is not None and not (value and all(map(fits, value))):
                raise _wrong(name, value, f"None, or at least one of {form}")
        if self.indices is not None and self.times_ms is not None:
            raise _wrong("times_ms", self.times_ms, "None, as indices are given too")
        if self.num_frames is not None and not _whole(self.num_frames):
            raise _wrong("num_frames", self.num_frames, "None or at least 1")
        if self._fixed() not in (None, self.num_frames):
            raise _wrong("num_frames", self.num_frames, f"{self._fixed()}, which sampling gives")
        if self._named == "all" and self.num_frames is not None:
            raise _wrong("num_frames", self.num_frames, 'None, as sampling is "all"')
        if self.pad != "mask" and self.num_frames is None:
            raise _wrong("pad", self.pad, '"mask", as num_frames is None')

    def _check_values(self) -> None:
        assert isinstance(self.size, Mapping)
        sides = [*self.size.values()]
        if {*self.size} != {"height", "width"} or not _whole(sides[0]) or sides[0] != sides[1]:
            raise _wrong("size", self.size, "the height and width of a square in pixels")
        if self.num_channels not in ((3,) if self.input_kind == "flow" else (1, 3)):
            raise _wrong("num_channels", self.num_channels, "3, or 1 for gray frames")
        if not _whole(self.flow_size) or self.flow_size < 16:
            raise _wrong("flow_size", self.flow_size, "at least 16 pixels")
        if self.resample not in range(6):
            raise _wrong("resample", self.resample, "PIL's number of a filter, from 0 to 5")
        for name in ("crop_margin", "rescale_factor", "normalize_fps"):
            value = getattr(self, name)
            if not (_number(value) and value > 0) and (name, value) != ("normalize_fps", None):
                raise _wrong(name, value, "a positive number")
        for name in ("image_mean", "image_std") if self.do_normalize else ():
            value = getattr(self, name)
            numbers = value if isinstance(value, list) else [value]
            if len(numbers) not in (1, self.num_channels) or not all(map(_number, numbers)):
                raise _wrong(name, value, f"a number or {self.num_channels}, to normalise with")
            if name == "image_std" and min(numbers) <= 0:
                raise _wrong(name, value, "positive")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and value >= 1


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _wrong(name: str, value: Any, wanted: str) -> ModelError:
    return ModelError(f"{name} of the video processor must be {wanted}, got {value!r}")
