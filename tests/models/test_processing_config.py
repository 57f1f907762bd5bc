from __future__ import annotations

from typing import Any

import pytest

from equime_hub.errors import ModelError
from equime_hub.models.processing_config import InputConfig


def test_samplings_that_name_their_frames_fix_the_number() -> None:
    lengths = {
        InputConfig(sampling=name).num_frames for name in ("uniform", "first", "all", "around_apex")
    }
    assert lengths == {None}
    assert InputConfig(sampling="onset_apex").num_frames == 2
    assert InputConfig(sampling="onset_apex_offset").num_frames == 3
    assert InputConfig(sampling="apex").num_frames == 1
    assert InputConfig(sampling="middle").num_frames == 1
    assert InputConfig(sampling="onset_apex", input_kind="flow").num_frames == 1
    assert InputConfig(sampling="apex", indices=[4, 2, 2]).num_frames == 3
    assert InputConfig(times_ms=(0, 40)).num_frames == 2


def test_what_is_written_in_several_ways_is_one() -> None:
    assert InputConfig(size=32) == InputConfig(size={"width": 32, "height": 32})
    assert InputConfig(indices=(1, 2)) == InputConfig(indices=[1, 2])
    assert InputConfig(size=32).side == 32


def test_moments_are_needed_by_some() -> None:
    assert InputConfig().expects == ()
    assert InputConfig(sampling="middle").expects == ()
    assert InputConfig(sampling="apex").expects == ("apex",)
    assert InputConfig(sampling="onset_apex").expects == ("onset", "apex")
    assert InputConfig(sampling="onset_apex_offset").expects == ("onset", "apex", "offset")
    assert InputConfig(sampling="around_apex").expects == ("onset", "apex", "offset")
    assert InputConfig(span="expression").expects == ("onset", "offset")
    assert InputConfig(sampling="apex", indices=[0]).expects == ()


def test_a_mask_is_given_where_clips_may_be_shorter() -> None:
    assert InputConfig().masked
    assert InputConfig(sampling="all").masked
    assert InputConfig(sampling="first", num_frames=4).masked
    assert not InputConfig(sampling="first", num_frames=4, pad="zero").masked
    assert not InputConfig(num_frames=4).masked
    assert not InputConfig(sampling="apex").masked


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sampling": "best"}, "sampling .* one of uniform, .*, got 'best'"),
        ({"span": ""}, "span"),
        ({"input_kind": "rgb"}, "input_kind"),
        ({"flow_method": "raft"}, "farneback, dis, tvl1"),
        ({"flow_from": "apex"}, "flow_from"),
        ({"face_crop": True}, "face_crop"),
        ({"pad": "edge"}, "pad"),
        ({"num_frames": 0}, "num_frames .* got 0"),
        ({"num_frames": 2.5}, "num_frames"),
        ({"num_frames": "8"}, "num_frames"),
        ({"sampling": "apex", "num_frames": 2}, "must be 1, which sampling gives, got 2"),
        ({"sampling": "all", "num_frames": 2}, 'None, as sampling is "all"'),
        ({"indices": [0, 1], "num_frames": 3}, "must be 2"),
        ({"indices": []}, "at least one"),
        ({"indices": [0], "times_ms": [0]}, "indices are given too"),
        ({"indices": [0.5]}, "whole numbers"),
        ({"times_ms": ["0"]}, "times_ms"),
        ({"times_ms": [float("nan")]}, "times_ms"),
        ({"pad": "zero"}, "as num_frames is None"),
        ({"size": 0}, "size"),
        ({"size": "64"}, "size"),
        ({"size": {"height": 4, "width": 5}}, "size"),
        ({"size": {"shortest_edge": 4}}, "size"),
        ({"num_channels": 2}, "num_channels"),
        ({"num_channels": 1, "input_kind": "flow"}, "num_channels"),
        ({"flow_size": 4}, "flow_size"),
        ({"crop_margin": 0}, "crop_margin"),
        ({"crop_margin": "1"}, "crop_margin"),
        ({"normalize_fps": -1}, "normalize_fps"),
        ({"resample": 9}, "resample"),
        ({"rescale_factor": float("inf")}, "rescale_factor"),
        ({"do_normalize": True}, "image_mean"),
        ({"do_normalize": True, "image_mean": 0.5}, "image_std"),
        ({"do_normalize": True, "image_mean": [0.5, 0.5], "image_std": 1}, "image_mean"),
        ({"do_normalize": True, "image_mean": 0.5, "image_std": 0}, "image_std"),
        ({"do_normalize": True, "image_mean": 0.5, "image_std": [1, 0, 1]}, "image_std"),
    ],
)
def test_refuses_what_makes_no_sense(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        InputConfig(**settings)
