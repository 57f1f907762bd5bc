from __future__ import annotations

from dataclasses import replace

import pytest

from equime_hub.builder.plan import Plan
from equime_hub.schema.records import Landmarks


def test_landmarks_survive_being_flattened(plan: Plan) -> None:
    landmarks = plan.specs[0].face.landmarks
    assert len(landmarks.flat()) == 22
    assert Landmarks.from_flat(landmarks.flat()) == landmarks


@pytest.mark.parametrize(
    "change",
    [
        {"onset_frame": -1},
        {"apex_frame": 0, "onset_frame": 0},
        {"offset_frame": 16},
        {"au_apex": (0.1,) * 16},
        {"au_apex": (1.1,) * 17},
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(plan: Plan, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"got"):
        replace(plan.specs[0], **change)  # type: ignore[arg-type]
