from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from equime_hub import seeds
from equime_hub.models import surfaces
from equime_hub.models.inputs import inputs_of
from equime_hub.models.processing import MicroExpressionVideoProcessor
from tests.support import moving

SIDE = 6


def values(frames: int, channels: int, flow: bool = False) -> npt.NDArray[Any]:
    drawn = seeds.generator("values", frames, channels).uniform(
        0, 255, (frames, SIDE, SIDE, channels)
    )
    return (drawn / 100 - 1).astype(np.float16) if flow else drawn.astype(np.uint8)


def same(processor: Any, num_frames: int | None, clips: list[npt.NDArray[Any]]) -> None:
    """What an attack thinks the model is shown is what it is shown."""
    inputs = inputs_of(processor, moving.Config(num_frames=num_frames))
    surface = surfaces.surface_of(processor, inputs)
    points = [point.requires_grad_() for point in surface.points(clips)]
    made, expected = surface.inputs(points), inputs.finish(clips)
    assert made.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(made[name].detach(), value, rtol=1e-4, atol=1e-5)
    (floating,) = (value for value in made.values() if value.is_floating_point())
    slopes = torch.autograd.grad(floating.square().sum(), points)
    assert all(slope.isfinite().all() and slope.any() for slope in slopes)


@settings(max_examples=60)
@given(
    kind=st.sampled_from(["frames", "difference", "flow"]),
    gray=st.booleans(),
    standardize=st.booleans(),
    rescale=st.booleans(),
    normalize=st.sampled_from([None, "one", "each"]),
    pad=st.sampled_from(["mask", "zero", "repeat"]),
    fixed=st.booleans(),
    lengths=st.lists(st.integers(2, 5), min_size=1, max_size=3),
)
def test_our_inputs_are_those_of_finish(
    kind: str, gray: bool, standardize: bool, rescale: bool, normalize: str | None, pad: str,
    fixed: bool, lengths: list[int],
) -> None:  # fmt: skip
    channels = 1 if gray and kind != "flow" else 3
    frames = 5 if fixed or pad != "mask" else None
    many: dict[str, Any] = {"image_mean": [0.4] * channels, "image_std": [0.2, 0.3, 0.5][:channels]}
    one: dict[str, Any] = {"image_mean": 0.4, "image_std": 0.3}
    processor = MicroExpressionVideoProcessor(
        num_frames=frames, num_channels=channels, size=SIDE, input_kind=kind, pad=pad,
        standardize=standardize, do_rescale=rescale, do_normalize=normalize is not None,
        sampling="first" if frames else "all",
        **({} if normalize is None else one if normalize == "one" else many),
    )  # fmt: skip
    same(processor, frames, [values(length, channels, kind == "flow") for length in lengths])


@pytest.mark.parametrize("standardize", [False, True])
def test_so_is_one_frame_less_another(standardize: bool) -> None:
    processor = MicroExpressionVideoProcessor(
        size=SIDE, sampling="apex", input_kind="difference", standardize=standardize
    )
    same(processor, 1, [values(2, 3), values(2, 3)])


@pytest.mark.parametrize("offset", [False, True])
def test_those_of_transformers_too(offset: bool) -> None:
    if offset:
        processor = (
            transformers.VivitVideoProcessor()
            if hasattr(transformers, "VivitVideoProcessor")
            else transformers.VideoMAEVideoProcessor(rescale_factor=1 / 127.5, image_mean=[1, 1, 1])
        )
    else:
        processor = transformers.VideoMAEVideoProcessor()
    same(processor, 2, [values(2, 3), values(2, 3)])


def test_a_clip_without_contrast_has_a_slope_that_is_a_number() -> None:
    processor = MicroExpressionVideoProcessor(size=SIDE, standardize=True, sampling="all")
    inputs = inputs_of(processor, transformers.PreTrainedConfig())
    (point,) = surfaces.Surface.points([np.full((2, SIDE, SIDE, 3), 7, np.uint8)])
    point.requires_grad_()
    made = surfaces.surface_of(processor, inputs).inputs([point])["pixel_values_videos"]
    (slope,) = torch.autograd.grad(made.sum(), [point])
    assert slope.isfinite().all() and not made.any()


def test_the_unit_says_what_is_attacked() -> None:
    for kind, unit, high in (("frames", surfaces.GREY, 255), ("flow", surfaces.FLOW, np.inf)):
        processor = MicroExpressionVideoProcessor(size=SIDE, input_kind=kind)
        found = surfaces.surface_of(
            processor, inputs_of(processor, transformers.PreTrainedConfig())
        )
        assert (found.unit, found.high) == (unit, high)
