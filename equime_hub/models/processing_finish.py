"""From prepared clips to the tensor of a batch: arithmetic in float, and padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from equime_hub.errors import ModelError
from equime_hub.models.processing_config import InputConfig
from equime_hub.video import sampling

Values = npt.NDArray[Any]


def finish(config: InputConfig, values: Sequence[Values]) -> dict[str, Values]:
    """Make a batch of prepared clips.

    Args:
        config: The settings.
        values: T×N×N×C each, as `Prepared.values`.

    Returns:
        `pixel_values_videos`, B×T×C×N×N float32; `frame_mask`, B×T bool, if `config.masked`.

    Raises:
        ModelError: No clip, or clips of another form than the settings give.
    """
    if not values:
        raise ModelError("A batch needs at least one clip, got none")
    for clip in values:
        _check(config, clip)
    length = config.num_frames or max(map(len, values))
    side, channels = config.side, config.num_channels
    # Not zeros: they would be new pages of memory each time, which takes as long as filling them.
    batch = np.empty((len(values), length, channels, side, side), np.float32)
    mask = np.zeros((len(values), length), np.bool_)
    for place, clip in enumerate(values):
        before, shown = clip[:1], clip[int(config.one_difference) :]
        shown = _filled(config, shown, length)
        mask[place, : len(shown)] = True
        _arithmetic(config, shown, before, batch[place, : len(shown)])
        batch[place, len(shown) :] = 0
    made: dict[str, Values] = {"pixel_values_videos": batch}
    return {**made, "frame_mask": mask} if config.masked else made


def _check(config: InputConfig, clip: Values) -> None:
    form = (config.side, config.side, config.num_channels)
    wanted = config.num_frames and config.num_frames + config.one_difference
    flows = config.input_kind == "flow"
    long = wanted is not None and len(clip) > wanted
    short = len(clip) <= config.one_difference
    if clip.shape[1:] != form or short or long or (clip.dtype == np.uint8) == flows:
        frames = "T" if wanted is None else f"up to {wanted}"
        raise ModelError(
            f"Expected prepared clips of {frames} × {' × '.join(map(str, form))} "
            f"{'float16' if flows else 'uint8'}, got {' × '.join(map(str, clip.shape))} "
            f"{clip.dtype}: prepare them with these settings"
        )


def _filled(config: InputConfig, clip: Values, length: int) -> Values:
    """A clip with what is padded before the arithmetic."""
    if len(clip) == length or config.pad == "mask":
        return clip
    if config.pad == "repeat":
        return clip[sampling.uniform(len(clip), length)]
    black = np.zeros((length - len(clip), *clip.shape[1:]), clip.dtype)
    return np.concatenate([clip, black])


def _arithmetic(
    config: InputConfig, clip: Values, before: Values, out: npt.NDArray[np.float32]
) -> None:
    """Fill T×C×N×N numbers from T×N×N×C values; `before` is what differences are to."""
    moves = config.input_kind != "frames"
    rescale = config.do_rescale and config.input_kind != "flow"
    factor = np.float32(config.rescale_factor if rescale else 1)
    for channel, plane in enumerate(_planes(clip)):
        if config.input_kind == "difference":
            plane = np.subtract(plane, before[..., channel], dtype=np.float32)
        np.multiply(plane, factor, out=out[:, channel])
    if config.standardize:
        if not moves:
            out -= out.mean()
        flat = out.ravel()
        out /= max(float(np.sqrt(flat @ flat / flat.size)), 1e-6)  # 0 / 1e-6 where nothing moves
    if config.do_normalize:
        if not moves:
            out -= _channels(config.image_mean)
        out /= _channels(config.image_std)


def _planes(clip: Values) -> Sequence[Values]:
    """T×N×N numbers of each channel."""
    if clip.shape[3] == 3 and clip.dtype == np.uint8:
        # NumPy reads every third byte much more slowly than OpenCV takes them apart.
        frames = np.ascontiguousarray(clip)
        return [
            np.asarray(plane).reshape(clip.shape[:3])
            for plane in cv2.split(frames.reshape(-1, clip.shape[2], 3))
        ]
    return [clip[..., channel] for channel in range(clip.shape[3])]


def _channels(value: float | Sequence[float] | None) -> npt.NDArray[np.float32]:
    """One number a channel, or one for all, in the form of C×N×N."""
    return np.asarray(value, np.float32).reshape(-1, 1, 1)
