from __future__ import annotations

import logging
from typing import Any

import datasets
import pytest

import equime_hub
from equime_hub.errors import DatasetError
from equime_hub.loading_script.real.dataset import declared
from equime_hub.loading_script.real.labels import (
    MAPS,
    classify,
    emotion_3,
    emotion_of,
    excluded,
    map_labels,
)
from equime_hub.schema.taxonomy import EMOTION_TO_3, EMOTIONS, EMOTIONS_3

ROWS = [
    ("casme2", "disgust"),
    ("casme2", "repression"),
    ("casme2", "sadness"),
    ("casme2", "others"),
    ("samm", "Sadness"),
    ("samm", "Other"),
    ("smic", "positive"),
    ("samm", None),
    ("celebahq", "surprise"),
]


def dataset(rows: list[tuple[str, str | None]] = ROWS) -> datasets.Dataset:
    names, raw = zip(*rows, strict=True)
    return datasets.Dataset.from_dict(
        {"source_dataset": names, "emotion_raw": raw, "number": range(len(rows))}
    )


def kept(name: str, dataset: str, labels: tuple[str, ...] = EMOTIONS) -> dict[str, str]:
    """Raw labels that a map knows, and their classes."""
    return {raw: found for raw in labels if (found := classify(name, dataset, raw)) is not None}


def test_numbers_of_the_three_classes_are_megcs() -> None:
    """0 is negative and 1 positive, in MEGC's list and in MiE-X's folder names alike.

    A published loader of MiE-X has them the other way round.
    """
    assert EMOTIONS_3 == ("negative", "positive", "surprise")
    mapped = map_labels(dataset([("mie_x", name) for name in EMOTIONS_3]), "megc3")
    assert mapped["label"][:] == [0, 1, 2]
    assert mapped.features["label"].names == list(EMOTIONS_3)


def test_megc3_is_another_one_for_each_dataset() -> None:
    negative = {name for name, group in kept("megc3", "casme2").items() if group == "negative"}
    assert negative == {"disgust", "repression"}
    negative = {name for name, group in kept("megc3", "samm").items() if group == "negative"}
    assert negative == {"anger", "contempt", "disgust", "fear", "sadness"}
    assert kept("megc3", "smic", EMOTIONS_3) == {name: name for name in EMOTIONS_3}
    assert kept("megc3", "mmew") == {k: v for k, v in EMOTION_TO_3.items() if v is not None}
    for name in ("casme2", "samm", "mmew"):
        assert classify("megc3", name, "Happiness") == "positive"
        assert classify("megc3", name, "others") is None


def test_repression_is_negative_only_where_the_release_does_not_have_it_beside_negative() -> None:
    assert classify("megc3", "casme2", "repression") == "negative"
    assert classify("megc3", "casme", "repression") == "negative"
    assert classify("megc3", "4dme", "Repression") is None
    assert kept("megc3", "4dme", ("Negative", "Positive", "Surprise", "Others")) == {
        name.title(): name for name in EMOTIONS_3
    }


def test_the_other_maps_of_three() -> None:
    he = {"anger", "fear", "disgust", "sadness", "happiness", "surprise"}
    assert set(kept("he3", "casme2")) == set(kept("equime3", "samm")) == he
    assert set(kept("equime3", "casme2")) == he | {"repression"}
    assert classify("equime3", "casme2", "repression") == "negative"


@pytest.mark.parametrize(
    ("name", "raw", "count"),
    [("casme2_5", "Repression", 5), ("samm5", "Other", 5), ("mmew6", "fear", 6),
     ("cas3_7", "Happy", 7), ("cas3_7", "sad", 7)],
)  # fmt: skip
def test_maps_of_emotions_keep_their_classes(name: str, raw: str, count: int) -> None:
    assert len(MAPS[name].classes) == len(kept(name, "any")) == count
    assert classify(name, "any", raw) == emotion_of(raw)


def test_cas3_4_keeps_others() -> None:
    assert kept("cas3_4", "cas_me3", (*EMOTIONS_3, "Others", "sad")) == {
        "negative": "negative", "positive": "positive", "surprise": "surprise",
        "Others": "others", "sad": "negative",
    }  # fmt: skip


def test_objective_classes_are_roman() -> None:
    assert [classify("objective_7", "samm", raw) for raw in ("I", "VII", "VIII", "anger")] == [
        "I", "VII", None, None,
    ]  # fmt: skip


@pytest.mark.parametrize("name", MAPS)
def test_every_map_reaches_all_its_classes_and_says_whose_it_is(name: str) -> None:
    chosen = MAPS[name]
    assert len(chosen.source) > 20
    assert set(chosen.classes_of.values()) == set(chosen.classes)
    for dataset in declared():
        assert set(dataset.label_maps) <= set(MAPS)
        assert set(dataset.label_maps.get(name, {}).values()) <= set(chosen.classes)


def test_megc3_takes_every_negative_emotion_of_the_vocabulary() -> None:
    named = {raw for raw, label in MAPS["megc3"].classes_of.items() if label == "negative"}
    assert named == {"negative", *(e for e, three in EMOTION_TO_3.items() if three == "negative")}


def test_rows_are_dropped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        mapped = map_labels(dataset(), "megc3")
    assert mapped["number"][:] == [0, 1, 4, 6, 8]
    assert mapped["label"][:] == [0, 0, 0, 1, 2]
    assert excluded(dataset(), "megc3") == {
        "casme2: sadness": 1, "casme2: others": 1, "samm: Other": 1, "samm: no label": 1,
    }  # fmt: skip
    (said,) = caplog.messages
    assert "'megc3' drops 4 of 9 rows (1 casme2: sadness, 1 casme2: others" in said


def test_dictionaries_and_earlier_labels(caplog: pytest.LogCaptureFixture) -> None:
    both = datasets.DatasetDict(train=dataset(), test=dataset([("samm", "Anger")]))
    mapped = map_labels(both, "megc3")
    assert {name: len(rows) for name, rows in mapped.items()} == {"train": 5, "test": 1}
    again: Any = map_labels(mapped, "casme2_5")
    assert again["train"].features["label"].names == list(MAPS["casme2_5"].classes)
    assert again["test"].features == again["train"].features
    assert len(again["test"]) == 0
    assert again["train"]["number"][:] == [0, 1, 8]
    assert len(map_labels(again, "megc3")["test"]) == 0


def test_nothing_is_said_when_nothing_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    mapped = map_labels(dataset([("smic", "positive"), ("smic", "negative")]), "megc3")
    assert mapped["label"][:] == [1, 0]
    assert caplog.messages == []


def test_what_cannot_be_mapped_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"no label map 'megc4'\. Choose one of: megc3, he3"):
        map_labels(dataset(), "megc4")
    with pytest.raises(DatasetError, match="The column emotion_raw is not there"):
        map_labels(dataset().remove_columns("emotion_raw"), "megc3")
    with pytest.raises(DatasetError, match="got IterableDataset: load without streaming"):
        map_labels(dataset().to_iterable_dataset(), "megc3")
    with pytest.raises(
        DatasetError, match=r"'objective_7' excludes all 9 rows \(1 casme2: disgust"
    ):
        map_labels(dataset(), "objective_7")


def test_the_column_of_three_needs_a_map_of_three() -> None:
    assert emotion_3("casme2", "sadness") is None
    assert emotion_3("casme2", "sadness", "he3") == "negative"
    with pytest.raises(DatasetError, match=r"'casme2_5' has the classes happiness, .*megc3, he3"):
        emotion_3("casme2", "sadness", "casme2_5")


def test_videos_are_not_decoded(built: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: Any = equime_hub.load(built, split="train")
    monkeypatch.setattr("equime_hub.video.codec.decode", lambda *_, **__: pytest.fail("decoded"))
    mapped = map_labels(rows, "equime3")
    assert mapped["label"][:] == mapped["emotion_3"][:]
    assert 0 < len(mapped) <= len(rows)
