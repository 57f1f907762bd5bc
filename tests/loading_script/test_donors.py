from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict, IterableDataset

import equime_hub
from equime_hub.errors import DatasetError, PlanError
from equime_hub.schema.features import features

DONORS = ["casme2/sub01", "casme2/sub02", "samm/sub01", "sub01", None]
UNREADABLE = b"no video"


def rows() -> Dataset:
    """Clips of five donors, whose videos nothing can decode."""
    blank = {name: [None] * len(DONORS) for name in features()}
    videos = [{"bytes": UNREADABLE, "path": None}] * len(DONORS)
    told = {**blank, "au_source_subject": DONORS, "video": videos}
    return equime_hub.with_pyav(Dataset.from_dict(told, features=features()))


def donors(found: Any) -> list[str | None]:
    return [row["au_source_subject"] for row in found.remove_columns("video")]


@pytest.mark.parametrize(
    ("subjects", "left"),
    [
        (["casme2/sub01"], ["casme2/sub02", "samm/sub01", None]),
        (["sub01"], ["casme2/sub02", None]),
        (["sub02", "samm/sub01"], ["casme2/sub01", None]),
        ([], DONORS),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_clips_of_donors_are_left_out(
    subjects: list[str], left: list[str], streaming: bool
) -> None:
    data = rows().to_iterable_dataset() if streaming else rows()
    assert donors(equime_hub.drop_donors(data, iter(subjects))) == left


def test_every_split_of_a_dictionary() -> None:
    splits = DatasetDict({"train": rows(), "test": rows().select([0, 4])})
    found = equime_hub.drop_donors(splits, iter(["casme2/sub01"]))
    assert type(found) is DatasetDict
    assert {split: donors(data) for split, data in found.items()} == {
        "train": ["casme2/sub02", "samm/sub01", None],
        "test": [None],
    }


def test_videos_stay_as_they_are(built: Path) -> None:
    data = equime_hub.load(built, split="validation")
    assert isinstance(data, Dataset)
    found = equime_hub.drop_donors(data, ["casme2/sub01"])
    assert len(found) == 5 and repr(found.features) == repr(data.features)
    assert found[0]["video"][0].shape == (3, 64, 64)
    stream = equime_hub.load(built, split="validation", streaming=True)
    assert isinstance(stream, IterableDataset)
    assert len(list(equime_hub.drop_donors(stream, ["casme2/sub01"]))) == 5


def test_what_cannot_be_filtered_is_a_sentence() -> None:
    with pytest.raises(PlanError, match="list of names"):
        equime_hub.drop_donors(rows(), "sub01")
    with pytest.raises(DatasetError, match="au_source_subject is not there"):
        equime_hub.drop_donors(rows().remove_columns("au_source_subject"), ["sub01"])
    stream = rows().to_iterable_dataset().map(lambda row: row)
    with pytest.raises(DatasetError, match="before map on a stream"):
        equime_hub.drop_donors(stream, ["sub01"])
