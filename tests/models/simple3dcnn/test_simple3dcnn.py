from __future__ import annotations

from typing import Any

import pytest

from equime_hub.errors import ModelError
from equime_hub.models.simple3dcnn.configuration_simple3dcnn import Simple3DCNNConfig
from tests.support.counting import keras_count


@pytest.mark.parametrize(
    ("arguments", "count"), [({}, 1_090_323), ({"layout": "conv3d"}, 50_332_355)]
)
def test_as_many_parameters_as_published(arguments: dict[str, Any], count: int) -> None:
    assert keras_count("simple3dcnn", **arguments) == count


def test_it_is_st_cnn_at_half_its_width() -> None:
    config = Simple3DCNNConfig()
    assert (config.filters, config.hidden_size, config.dropout) == (16, 64, 0.3)
    assert (config.num_frames, config.num_channels, config.image_size) == (96, 1, 64)


def test_it_has_not_the_layout_of_another_paper() -> None:
    with pytest.raises(ModelError, match="Choose one of: as_released, conv3d"):
        Simple3DCNNConfig(layout="micro_exp_stcnn")
