"""Where an attack acts on a model's input, and how the input is made from it, differentiably.

Pixels are attacked after the face is cropped and shrunk, and before they are made numbers: as
float grey levels in [0, 255], which attack and defence share whatever the model does with them
(differences, means, its own scale). They are not rounded to the 8 bits of a file. Optical flow
cannot be traced to pixels; there the attack acts on the flow itself, in its own unit, and its
three channels are taken for independent though strain follows from the other two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from equime_hub.models.inputs import Inputs, Values
from equime_hub.video import sampling

if TYPE_CHECKING:
    from torch import Tensor

    from equime_hub.models.processing import InputConfig

GREY = "grey levels of 255"
FLOW = "hundredths of the crop's side, strain in percent"


@dataclass(frozen=True, eq=False)
class Surface:
    """Where an attack acts.

    Attributes:
        unit: Of epsilon: `GREY` or `FLOW`.
        low: Smallest value.
        high: Largest.
        inputs: Points of clips, T×H×W×C float32 each, to what the model is called with; equal to
            `Inputs.finish` of the same values, on their device and with a gradient.
    """

    unit: str
    low: float
    high: float
    inputs: Callable[[Sequence[Tensor]], dict[str, Tensor]]

    @staticmethod
    def points(values: Sequence[Values], device: Any = "cpu") -> list[Tensor]:
        """What is attacked of clips as `Inputs.prepare` gives them."""
        import torch

        return [torch.from_numpy(np.array(clip, np.float32)).to(device) for clip in values]


def surface_of(processor: Any, inputs: Inputs) -> Surface:
    """The surface of a model.

    Args:
        processor: Ours or one of Transformers.
        inputs: What `inputs_of` makes of it.
    """
    from equime_hub.models.processing import MicroExpressionVideoProcessor

    if not isinstance(processor, MicroExpressionVideoProcessor):
        return Surface(GREY, 0.0, 255.0, _stock(inputs))
    config = processor.settings

    ours = partial(_ours, config, inputs.num_frames)
    if config.input_kind == "flow":
        return Surface(FLOW, -inf, inf, ours)
    return Surface(GREY, 0.0, 255.0, ours)


def _ours(
    config: InputConfig, num_frames: int | None, points: Sequence[Tensor]
) -> dict[str, Tensor]:
    """`models.processing_finish.finish` in torch."""
    import torch

    length = num_frames or max(map(len, points))
    clips, masks = [], []
    for point in points:
        shown = _filled(config, point[int(config.one_difference) :], length)
        shown = _arithmetic(config, shown.permute(0, 3, 1, 2), point[:1].permute(0, 3, 1, 2))
        missing = length - len(shown)
        clips.append(torch.cat([shown, shown.new_zeros(missing, *shown.shape[1:])]))
        masks.append(torch.arange(length, device=point.device) < len(shown))
    made = {"pixel_values_videos": torch.stack(clips)}
    return {**made, "frame_mask": torch.stack(masks)} if config.masked else made


def _filled(config: InputConfig, point: Tensor, length: int) -> Tensor:
    import torch

    if len(point) == length or config.pad == "mask":
        return point
    if config.pad == "repeat":
        return point[torch.from_numpy(sampling.uniform(len(point), length)).to(point.device)]
    return torch.cat([point, point.new_zeros(length - len(point), *point.shape[1:])])


def _arithmetic(config: InputConfig, frames: Tensor, before: Tensor) -> Tensor:
    """T×C×H×W; `before` is what differences are to."""
    moves = config.input_kind != "frames"
    if config.input_kind == "difference":
        frames = frames - before
    if config.do_rescale and config.input_kind != "flow":
        frames = frames * config.rescale_factor
    if config.standardize:
        if not moves:
            frames = frames - frames.mean()
        # The clamp is inside the root, whose slope at 0 has no end.
        frames = frames / frames.square().mean().clamp(min=1e-12).sqrt()
    if config.do_normalize:
        mean, deviation = (
            frames.new_tensor(np.asarray(value, np.float32)).reshape(-1, 1, 1)
            for value in (config.image_mean or 0.0, config.image_std)
        )
        frames = (frames if moves else frames - mean) / deviation
    return frames


def _stock(inputs: Inputs) -> Callable[[Sequence[Tensor]], dict[str, Tensor]]:
    """For processors of Transformers, which scale and shift each channel by itself.

    By how much is read off what they make of black and white frames.
    """
    import torch

    lines: dict[tuple[int, ...], tuple[str, Tensor, Tensor]] = {}

    def line(form: tuple[int, ...]) -> tuple[str, Tensor, Tensor]:
        if form not in lines:
            ends = [np.full(form, level, np.uint8) for level in (0, 255)]
            ((name, made),) = inputs.finish(ends).items()
            black, white = made[:, 0, :, :1, :1].float()
            lines[form] = name, (white - black) / 255, black
        return lines[form]

    def made(points: Sequence[Tensor]) -> dict[str, Tensor]:
        name, slope, black = line(tuple(points[0].shape))
        videos = torch.stack([*points]).permute(0, 1, 4, 2, 3)
        return {name: videos * slope.to(videos.device) + black.to(videos.device)}

    return made
