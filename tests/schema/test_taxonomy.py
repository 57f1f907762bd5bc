from __future__ import annotations

import doctest

from equime_hub.schema import taxonomy as tx


def test_examples() -> None:
    result = doctest.testmod(tx)
    assert result.attempted == 3
    assert result.failed == 0


def test_presets_and_classes_name_known_emotions() -> None:
    assert set(tx.EMOTION_TO_3) == set(tx.EMOTIONS)
    assert {value for value in tx.EMOTION_TO_3.values() if value} == set(tx.EMOTIONS_3)
    for preset in tx.EMOTION_PRESETS.values():
        assert set(preset) <= set(tx.EMOTIONS)


def test_units_are_complete() -> None:
    assert len(tx.ACTION_UNITS) == 17
    for unit in tx.ACTION_UNITS:
        assert unit.region in {"brow", "eye", "nose", "mouth"}
        assert unit.name and unit.muscle and unit.phrase
