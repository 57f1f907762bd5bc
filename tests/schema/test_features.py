from __future__ import annotations

import pytest
from datasets import DatasetInfo, Features, Value
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCardData

from equime_hub.errors import DatasetError
from equime_hub.schema import taxonomy as tx
from equime_hub.schema.features import COLUMNS, CONFIGS, check_features, columns, features


def test_the_order_of_classes_is_fixed() -> None:
    # Published datasets depend on these numbers.
    assert features()["emotion"].names == [
        "happiness", "sadness", "surprise", "disgust", "anger",
        "fear", "contempt", "repression", "others",
    ]  # fmt: skip
    assert features()["emotion_3"].names == ["negative", "positive", "surprise"]
    assert tx.AU_NUMBERS == (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)


def test_every_column_is_described_and_named_once() -> None:
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)
    for column in COLUMNS:
        assert column.description.endswith("."), column.name


def test_configs_differ_in_their_pixels_alone() -> None:
    labels = [column.name for column in columns("metadata")]
    for config, pixels in (("default", ["video"]), ("onset_apex", ["onset", "apex"])):
        names = [column.name for column in columns(config)]
        assert [name for name in names if name not in pixels] == labels
        assert set(names) - set(labels) == set(pixels)
    assert columns(None) == COLUMNS
    assert {c.name for config in CONFIGS for c in columns(config)} == {c.name for c in COLUMNS}


@pytest.mark.parametrize("config", CONFIGS)
def test_features_survive_a_round_trip(config: str) -> None:
    found = features(config)
    card = DatasetCardData()
    DatasetInfosDict(default=DatasetInfo(features=found)).to_dataset_card_data(card)
    again = DatasetInfosDict.from_dataset_card_data(card)["default"].features
    assert check_features(again) == config
    assert check_features(Features.from_arrow_schema(found.arrow_schema)) == config


def test_other_columns_are_named() -> None:
    found = features("metadata").copy()
    del found["fps"]
    found["seed"] = Value("int32")
    found["extra"] = Value("string")
    with pytest.raises(DatasetError) as caught:
        check_features(found)
    for part in ("fps: missing", "seed: ", "extra: not in the schema"):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["onset", "apex"])
def test_a_lost_image_is_named(name: str) -> None:
    found = features("onset_apex").copy()
    del found[name]
    with pytest.raises(DatasetError, match=rf": {name}: missing, expected {{'_type': 'Image'}}$"):
        check_features(found)


def test_an_unknown_config_is_refused() -> None:
    with pytest.raises(DatasetError, match="no config 'video'"):
        features("video")
