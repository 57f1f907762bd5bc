"""The regions: every action unit has one, and it lies where the unit moves the face."""

from __future__ import annotations

import numpy as np
import pytest

from equime_hub.models.evolution.regions import NOSE_BRIDGE, REGIONS, weights
from equime_hub.schema.taxonomy import AU_INDEX, AU_NUMBERS
from equime_hub.video.action_fields import FaceFrame, soft_field
from equime_hub.video.locate import canonical

SIDE = 56


def moved(unit: int) -> dict[str, float]:
    """How far each region goes at full strength of one unit, in inter-ocular distances."""
    frame = FaceFrame.of(canonical(SIDE, SIDE))
    intensity = [0.0] * len(AU_NUMBERS)
    intensity[AU_INDEX[unit]] = 1.0
    field = soft_field(frame, *frame.grid(SIDE, SIDE), intensity)
    masks = weights([*REGIONS.values(), NOSE_BRIDGE], SIDE)
    far = np.hypot(*np.einsum("chw,rhw->cr", field, masks))
    return dict(zip([*REGIONS, "bridge"], far.tolist(), strict=True))


def test_there_are_fourteen_and_they_cover_every_unit() -> None:
    assert len(REGIONS) == 14
    assert {unit for region in REGIONS.values() for unit in region.units} == set(AU_NUMBERS)


# 25 and 45 move edges, of lips and lids, and no skin that `soft_field` knows of.
@pytest.mark.parametrize("unit", sorted({*AU_NUMBERS} - {25, 45}))
def test_a_unit_moves_its_regions_and_not_the_bridge(unit: int) -> None:
    far = moved(unit)
    own = [far[name] for name, region in REGIONS.items() if unit in region.units]
    assert max(own) == max(far.values())
    assert min(own) > 0.005
    assert far["bridge"] < 0.2 * max(own)


@pytest.mark.parametrize("side", [1, 4, 7, 28, 112])
def test_weights_are_shares_at_every_size(side: int) -> None:
    masks = weights([*REGIONS.values()], side)
    assert masks.shape == (14, side, side) and np.isfinite(masks).all()
    np.testing.assert_allclose(masks.sum((1, 2)), 1, rtol=1e-5)


def test_left_and_right_mirror() -> None:
    for name, region in REGIONS.items():
        if name.endswith("_left"):
            left, right = weights([region, REGIONS[name.replace("_left", "_right")]], 28)
            np.testing.assert_allclose(left, right[:, ::-1], atol=1e-7)
