"""From a video to the few pixels that a model needs: chosen, cropped, shrunk, gray or flow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from equime_hub.errors import VideoError
from equime_hub.models.processing_config import InputConfig
from equime_hub.video import sampling, timing
from equime_hub.video.face import Alignment, Image, find
from equime_hub.video.flow import Field, flow, strain
from equime_hub.video.footage import Footage, footage
from equime_hub.video.moments import Moments, complete, estimate
from equime_hub.video.threads import one_thread

_ENLARGE = (
    cv2.INTER_NEAREST,
    cv2.INTER_LANCZOS4,
    cv2.INTER_LINEAR,
    cv2.INTER_CUBIC,
    cv2.INTER_LINEAR,  # PIL's box and Hamming, which OpenCV does not have
    cv2.INTER_LINEAR,
)
"""PIL's number of a filter → OpenCV's."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A clip, ready to be kept.

    Attributes:
        values: T×N×N×C: uint8 pixels, or float16 flow. With `InputConfig.one_difference` the frame
            that is subtracted comes first.
        face: False if a face was wanted and none found.
        frames: The frames of the file that are shown, in their order.
        moments: Those that were given, and those that had to be measured.
    """

    values: npt.NDArray[Any]
    face: bool
    frames: tuple[int, ...]
    moments: Moments


def prepare(
    config: InputConfig, video: Any, moments: Moments | None = None, *, sample: bool = True
) -> Prepared:
    """Do all that is slow and does not depend on other clips.

    Args:
        config: The settings.
        video: See `video.footage.footage`.
        moments: Frames of the file, as annotated; None is unknown. They are measured where the
            frames cannot be chosen without.
        sample: False shows all frames: they were chosen before.

    Raises:
        VideoError: The video cannot be read, or has no such frames.
    """
    plain = config.input_kind != "flow" and config.face_crop == "none" and not config.expects
    with one_thread(linear_algebra=not plain):
        shown = footage(video)
        moments = moments or Moments()
        moments.check(shown.count)
        frames = [*range(shown.count)]
        if sample:
            if None in (getattr(moments, name) for name in config.expects):
                moments = complete(moments, estimate(shown).moments)
            frames = choose(config, shown, moments)
        squares, face = _squares(config, shown, frames)
        values: npt.NDArray[Any]
        if config.input_kind == "flow":
            values = _flows(config, frames, squares)
        else:
            order = _order(frames)
            values = squares if order == [*range(len(squares))] else squares[order]
            values = values.reshape(*values.shape[:3], config.num_channels)
    return Prepared(values, face, tuple(frames), moments)


def choose(config: InputConfig, shown: Footage, moments: Moments) -> list[int]:
    """The frames of the file that are shown.

    Args:
        config: The settings.
        shown: The video, of which no frame is decoded.
        moments: At least those that `config.expects`.

    Raises:
        VideoError: No such frames.
    """
    if config.normalize_fps is None:
        return _chosen(config, shown.count, shown, moments)
    places = sampling.by_time(shown.count, shown.fps, config.normalize_fps)
    moved = {
        name: None if frame is None else int(np.abs(places - frame).argmin())
        for name, frame in vars(moments).items()
    }
    normal = replace(shown, count=len(places), rate=config.normalize_fps)
    return [int(places[i]) for i in _chosen(config, len(places), normal, Moments(**moved))]


def _chosen(config: InputConfig, count: int, shown: Footage, moments: Moments) -> list[int]:
    if config.indices is not None:
        return [_within(index, count) for index in config.indices]
    if config.times_ms is not None:
        places = [timing.frame_at(ms, shown.fps) for ms in config.times_ms]
        if min(places) < 0 or max(places) >= count:
            raise VideoError(
                f"times_ms {config.times_ms} are not all in a clip of "
                f"{timing.milliseconds(count, shown.fps):g} ms"
            )
        return places
    onset, apex, offset = (moments.onset or 0, moments.apex or 0, moments.offset or 0)
    first, last = (onset, offset) if config.span == "expression" else (0, count - 1)
    wanted = config.num_frames
    match config.sampling:
        case "onset_apex":
            return [onset, apex]
        case "onset_apex_offset":
            return [onset, apex, offset]
        case "apex":
            return [onset, apex] if config.one_difference else [apex]
        case "middle":
            middle = (first + last) // 2
            return [first, middle] if config.one_difference else [middle]
        case "around_apex":
            wanted = offset - onset + 1 if wanted is None else wanted
            return [*map(int, sampling.around_apex(onset, apex, offset, wanted))]
        case "uniform" if wanted is not None:
            return [*map(int, first + sampling.uniform(last - first + 1, wanted))]
        case "first" if wanted is not None:
            return [*range(first, min(first + wanted, last + 1))]
        case _:
            return [*range(first, last + 1)]


def _within(index: int, count: int) -> int:
    if not -count <= index < count:
        raise VideoError(f"Frame {index} of the setting indices is not in a clip of {count} frames")
    return index % count


def _squares(config: InputConfig, shown: Footage, frames: list[int]) -> tuple[Image, bool]:
    """The square of each frame, ascending, and whether a face was found if one was wanted."""
    moving = config.input_kind == "flow"
    side = config.flow_size if moving else config.side
    gray = moving or config.num_channels == 1
    enlarge = _ENLARGE[config.resample]
    coming = shown.pictures(frames)
    face = None
    if config.face_crop == "face":
        # It is looked for in the first frame shown, which need not be the first one decoded.
        first = next(coming)
        coming = chain([first], coming)
        face = find(first.rgb() if frames[0] == min(frames) else shown.frame(frames[0]))
    alignment = face and Alignment.of(face, side, config.crop_margin)
    # One array from the start: small ones, made between large frames, would scatter over the heap
    # and keep it from shrinking.
    squares = np.empty((len({*frames}), side, side, *(() if gray else (3,))), np.uint8)
    for place, picture in enumerate(coming):
        if alignment:
            whole = picture.gray() if gray else picture.rgb()
            squares[place] = alignment.apply(whole, enlarge)
        else:
            squares[place] = picture.square(side, gray=gray, enlarge=enlarge)
    return squares, face is not None or config.face_crop == "none"


def _order(frames: list[int]) -> list[int]:
    """Where each frame is among those that were decoded: ascending and none twice."""
    place_of = {frame: place for place, frame in enumerate(sorted({*frames}))}
    return [place_of[frame] for frame in frames]


def _flows(config: InputConfig, frames: list[int], squares: Image) -> npt.NDArray[np.float16]:
    """T×N×N×3: u, v in hundredths of the side, strain in percent."""
    places = _order(frames)
    if config.one_field:
        pairs = [(places[0], places[-1])]
    elif config.flow_from == "previous":
        pairs = [*pairwise([places[0], *places])]
    else:
        pairs = [(places[0], place) for place in places]
    fields = {pair: _field(config, squares, *pair) for pair in {*pairs}}
    return np.stack([fields[pair] for pair in pairs])


def _field(config: InputConfig, squares: Image, before: int, after: int) -> npt.NDArray[np.float16]:
    side = config.side
    if before == after:
        return np.zeros((side, side, 3), np.float16)
    moved: Field = flow(squares[before], squares[after], config.flow_method)
    parts = np.dstack([moved / config.flow_size, strain(moved)]) * np.float32(100)
    how = cv2.INTER_AREA if side < config.flow_size else cv2.INTER_LINEAR
    small = cv2.resize(parts, (side, side), interpolation=how)
    return np.asarray(small).astype(np.float16)
