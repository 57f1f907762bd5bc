from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from equime_hub.cards import people
from equime_hub.cards.statistics import count


def test_clips_without_any_emotion_have_no_table_of_it(built: Path) -> None:
    statistics = count(built)
    assert "emotion" in str(people.values(statistics)["emotions_by"])
    unlabelled = replace(statistics, emotions_by={"gender": {}, "age group": {}, "race": {}})
    assert people.values(unlabelled)["emotions_by"] == ""
