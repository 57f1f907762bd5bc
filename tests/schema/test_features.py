from __future__ import annotations

import pytest
from datasets import Features, Value

from equime_hub.errors import DatasetError
from equime_hub.schema import taxonomy as tx
from equime_hub.schema.features import COLUMNS, check_features, columns, features


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


def test_metadata_is_everything_but_the_video() -> None:
    assert [c.name for c in columns() if c.name != "video"] == [c.name for c in columns("metadata")]


@pytest.mark.parametrize("config", ["default", "metadata"])
def test_features_survive_a_round_trip(config: str) -> None:
    found = features(config)
    assert check_features(Features._from_yaml_list(found._to_yaml_list())) == config
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


def test_an_unknown_config_is_refused() -> None:
    with pytest.raises(DatasetError, match="no config 'video'"):
        features("video")
