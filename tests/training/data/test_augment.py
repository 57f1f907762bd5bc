from __future__ import annotations

import numpy as np
import pytest

from equime_hub import seeds
from equime_hub.errors import EquimeError
from equime_hub.training.data.augment import Augment

STILL = {"flip": 0.0, "rotate": 0.0, "scale": 0.0, "shift": 0.0, "brightness": 0.0, "contrast": 0.0}


def clip(channels: int = 3) -> np.ndarray:
    noise = seeds.generator("clip").integers(0, 256, (4, 12, 12, channels), np.uint8)
    return np.asarray(noise)


def test_the_same_key_gives_the_same_copy() -> None:
    augment, values = Augment(), clip()
    first = augment(values, "frames", 0, 1, "a")
    np.testing.assert_array_equal(first, augment(values, "frames", 0, 1, "a"))
    for key in ((1, 1, "a"), (0, 2, "a"), (0, 1, "b")):
        assert not np.array_equal(first, augment(values, "frames", *key))
    assert first.shape == values.shape and first.dtype == np.uint8


def test_nothing_to_do_changes_nothing() -> None:
    for values, kind in ((clip(1), "frames"), (clip().astype(np.float16), "flow")):
        made = Augment(**STILL)(values, kind, 0, 0, "a")  # type: ignore[arg-type]
        np.testing.assert_array_equal(made, values)
        assert made is not values


@pytest.mark.parametrize("channels", [1, 3])
def test_all_frames_of_a_clip_get_one_transform(channels: int) -> None:
    values = np.repeat(clip(channels)[:1], 5, axis=0)
    made = Augment()(values, "difference", 3, 0, "a")
    assert not np.array_equal(made, values)
    np.testing.assert_array_equal(made, np.repeat(made[:1], 5, axis=0))


def test_a_mirror_image_negates_horizontal_flow() -> None:
    values = seeds.generator("flow").normal(size=(3, 9, 9, 3)).astype(np.float16)
    made = Augment(**{**STILL, "flip": 1.0})(values, "flow", 0, 0, "a")
    expected = values[:, :, ::-1] * np.array([-1, 1, 1], np.float16)
    np.testing.assert_allclose(made, expected, atol=2e-3)
    assert made.dtype == np.float16


def test_flow_of_altered_pictures_is_the_altered_flow() -> None:
    """A field that turns and grows around the middle stays one, whatever the similarity is."""
    rows, columns = np.mgrid[:33, :33] - 16.0
    u, v = 0.02 * columns - 0.01 * rows, 0.01 * columns + 0.02 * rows
    values = np.stack([u, v, np.ones_like(u)], axis=-1)[None].astype(np.float16)
    turning = Augment(**{**STILL, "rotate": 40.0})
    made = turning(values, "flow", 0, 0, "a")
    np.testing.assert_allclose(made[0, 8:25, 8:25], values[0, 8:25, 8:25], atol=3e-3)


@pytest.mark.parametrize("wrong", [{"flip": 1.5}, {"rotate": -1.0}, {"scale": 1.0}])
def test_bounds_that_are_none(wrong: dict[str, float]) -> None:
    with pytest.raises(EquimeError, match="bounds of 0 or more"):
        Augment(**wrong)
