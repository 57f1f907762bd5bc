from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from equime_hub.models.inputs import Inputs, inputs_of
from equime_hub.models.processing import MicroExpressionVideoProcessor
from equime_hub.training.data.examples import Examples, gather
from equime_hub.training.data.sources import DataSource
from equime_hub.video.clip import Clip


@pytest.fixture(scope="module")
def examples(built: Path) -> Examples:
    return gather([DataSource(str(built), split="test")])


def stock(kind: str, frames: int = 8) -> tuple[Any, Inputs]:
    sizes = {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}}
    processor = getattr(transformers, f"{kind}VideoProcessor")(**sizes)
    config = getattr(transformers, f"{kind}Config")(num_frames=frames)
    return processor, inputs_of(processor, config)


def ours(**settings: Any) -> Inputs:
    processor = MicroExpressionVideoProcessor(num_frames=8, size=32, face_crop="none", **settings)
    return inputs_of(processor, transformers.VideoMAEConfig(num_frames=8))


@pytest.mark.parametrize("kind", ["VideoMAE", "Timesformer", "Vivit"])
def test_two_steps_are_the_stock_processor_in_one(kind: str, examples: Examples) -> None:
    processor, inputs = stock(kind)
    prepared = [inputs.prepare(examples.video(i)) for i in range(2)]
    assert prepared[0].values.shape == (8, 32, 32, 3)
    assert prepared[0].values.dtype == np.uint8
    ((name, found),) = inputs.finish([each.values for each in prepared]).items()
    frames = [examples.video(i).clip(prepared[i].frames).frames for i in range(2)]
    whole = processor(frames, do_sample_frames=False, return_tensors="pt")[name]
    torch.testing.assert_close(found, whole, rtol=0, atol=1e-6)


def test_a_decoded_clip_is_prepared_as_its_video(examples: Examples) -> None:
    # Ours shrinks before it makes RGB, which FFmpeg rounds downwards.
    for inputs, slack in ((stock("VideoMAE")[1], 0), (ours(), 1.5), (ours(num_channels=1), 1.5)):
        video = examples.video(0)
        decoded = inputs.prepare(video.clip())
        apart = np.abs(decoded.values.astype(int) - inputs.prepare(video).values)
        assert apart.mean() <= slack and apart.max() <= 10 * slack
        one = inputs.prepare(Clip(video.clip().frames[:3], 25.0))
        assert len(one.values) == 8 and set(one.frames) == {0, 1, 2}


def test_keys_tell_apart_what_is_kept_and_nothing_else() -> None:
    assert ours().key == ours(pad="zero").key == ours(do_rescale=False).key
    assert len({ours().key, ours(num_channels=1).key, ours(sampling="first").key}) == 3
    assert stock("VideoMAE")[1].key == stock("VideoMAE")[1].key != stock("VideoMAE", 4)[1].key
    assert stock("VideoMAE")[1].key != ours().key


def test_inputs_can_be_pickled(examples: Examples) -> None:
    for inputs in (stock("VideoMAE")[1], ours(num_channels=1)):
        again: Inputs = pickle.loads(pickle.dumps(inputs))
        assert (again.key, again.kind, again.num_frames) == (inputs.key, "frames", 8)
        first, second = (each.prepare(examples.video(0)).values for each in (inputs, again))
        np.testing.assert_array_equal(first, second)


def test_moments_reach_our_processor_and_decoding_stops_there(examples: Examples) -> None:
    inputs = inputs_of(
        MicroExpressionVideoProcessor(sampling="apex", size=32),
        transformers.VideoMAEConfig(num_frames=1),
    )
    found = inputs.prepare(examples.video(0), examples.moments(0))
    assert found.frames == (examples.table["apex_frame"][0].as_py(),)
