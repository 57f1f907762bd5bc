from __future__ import annotations

import pickle
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import equime_hub
from equime_hub.errors import DatasetError
from equime_hub.schema.taxonomy import EMOTION_TO_3, EMOTIONS_3
from equime_hub.training.data.examples import DESCRIBED, Examples, gather
from equime_hub.training.data.sources import DataSource
from equime_hub.video import codec


@pytest.fixture
def all_of(built: Path) -> Examples:
    return gather([DataSource(str(built))])


def rewritten(folder: Path, column: str, values: Mapping[str, object]) -> Path:
    """A dataset with other values of some clips, moved, as `datasets` remembers by the path."""
    for file in folder.glob("data/*.parquet"):
        table = pq.read_table(file)
        old = zip(table["clip_id"].to_pylist(), table[column].to_pylist(), strict=True)
        new = pa.array([values.get(clip, value) for clip, value in old], table[column].type)
        place = table.column_names.index(column)
        pq.write_table(table.set_column(place, table.field(column), new), file)
    return folder.rename(folder.with_name(f"{folder.name}-{column}"))


def test_rows_are_those_of_the_dataset(built: Path, all_of: Examples) -> None:
    assert tuple(all_of.table.column_names) == (*DESCRIBED, "label")
    assert Counter(all_of.table["split"].to_pylist()) == {"train": 30, "validation": 5, "test": 5}
    assert all_of.classes == ("happiness", "sadness", "surprise", "disgust", "anger")
    assert [all_of.classes[n] for n in all_of.labels] == all_of.table["emotion"].to_pylist()
    assert all_of.notes == ()
    data = equime_hub.load(built, split="test")
    places = {name: place for place, name in enumerate(all_of.names)}
    for row in data:
        place = places[row["clip_id"]]
        assert all_of.video(place).encoded == row["video"].encoded
        moments = all_of.moments(place)
        assert (moments.onset, moments.apex) == (row["onset_frame"], row["apex_frame"])
        assert all_of.people()[place] == f"drawn/{row['subject_id']}"


def test_labels_are_read_without_a_video(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a video was opened")

    monkeypatch.setattr(codec, "_opened", refuse)
    found = gather([DataSource(str(built))], label_map="he3")
    assert found.videos.opened == {} and len(found.labels) == 40


def test_three_classes_by_a_map_and_by_the_column(built: Path) -> None:
    for name in ("he3", "megc3", "emotion_3"):
        found = gather([DataSource(str(built))], label_map=name)
        assert found.classes == EMOTIONS_3
        labels = [EMOTION_TO_3[emotion] for emotion in found.table["emotion"].to_pylist()]
        assert found.table["label"].to_pylist() == labels
        assert found.label_map["drawn"]["anger"] == "negative"


def test_chosen_classes_and_what_is_left_out(built: Path) -> None:
    found = gather([DataSource(str(built), split="train")], classes=("surprise", "happiness"))
    assert found.classes == ("surprise", "happiness") and len(found) == 12
    assert set(found.labels.tolist()) == {0, 1}
    (note,) = found.notes
    assert "18 clips" in note and "6 drawn: anger" in note
    assert found.label_map["drawn"]["anger"] is None


def test_several_splits_of_one_dataset(built: Path) -> None:
    found = gather([DataSource(str(built), split="validation+train[:10%]")])
    assert found.table["split"].to_pylist() == ["validation"] * 5 + ["train"] * 3


def test_rejected_clips_are_left_out_and_counted(dataset: Path) -> None:
    before = gather([DataSource(str(dataset))])
    lost = before.names[:2]
    marked = rewritten(dataset, "accepted", {name: False for name in lost})
    dataset = rewritten(marked, "rejection_reason", {lost[0]: "blurred", lost[1]: "still"})
    found = gather([DataSource(str(dataset))])
    assert found.names == before.names[2:]
    assert found.notes == ("Left out, as a gate rejected them: 2 clips (blurred 1, still 1).",)
    assert len(gather([DataSource(str(dataset))], accepted_only=False)) == 40


def test_refusals_are_sentences(built: Path, tmp_path: Path) -> None:
    whole, train = DataSource(str(built)), DataSource(str(built), split="train")
    again = DataSource(str(shutil.copytree(built, tmp_path / "again")))
    with pytest.raises(DatasetError, match=r"is in .*equime \(\w+\) and in .*again \(\w+\)"):
        gather([whole, again])
    with pytest.raises(DatasetError, match=r"twice in .* \(train\) \(30 such clips\)"):
        gather([whole, train])
    with pytest.raises(DatasetError, match=r"no label map 'mega'\. Choose one of: emotion, "):
        gather([whole], label_map="mega")
    with pytest.raises(DatasetError, match="has no class joy"):
        gather([whole], classes=("joy", "anger"))
    with pytest.raises(DatasetError, match="two classes or more"):
        gather([whole], classes=("anger",))
    with pytest.raises(DatasetError, match=r"No clip of .* is left: label map 'objective_7'"):
        gather([whole], label_map="objective_7")
    with pytest.raises(DatasetError, match="no dataset to read"):
        gather([])


def test_taking_keeps_clip_and_video_together(all_of: Examples) -> None:
    some = all_of.take([7, 3])
    assert some.names == [all_of.names[7], all_of.names[3]]
    assert some.video(1).encoded == all_of.video(3).encoded
    assert some.labels.tolist() == all_of.labels[[7, 3]].tolist()
    assert some.fingerprint != all_of.take([3, 7]).fingerprint != all_of.fingerprint
    again: Examples = pickle.loads(pickle.dumps(some))
    assert again.fingerprint == some.fingerprint
    assert again.video(0).encoded == some.video(0).encoded


def test_broken_clips_are_named_in_a_note(all_of: Examples) -> None:
    assert all_of.without({}) is all_of
    left = all_of.without({1: "cut short", 4: "no video"})
    assert len(left) == 38 and not {all_of.names[1], all_of.names[4]} & {*left.names}
    assert f"2 clips: {all_of.names[1]} (cut short); {all_of.names[4]} (no video)." in left.notes[0]


def test_the_fingerprint_follows_the_pixels_and_moments(dataset: Path) -> None:
    before = gather([DataSource(str(dataset))])
    for column, value in (("size_bytes", 7), ("apex_frame", 9), ("psnr", 1.5)):
        dataset = rewritten(dataset, column, {before.names[3]: value})
        after = gather([DataSource(str(dataset))])
        same = before.identities == after.identities
        assert not same[3] and same.sum() == 39
        before = after
    dataset = rewritten(dataset, "age", {before.names[3]: 99.0})
    assert gather([DataSource(str(dataset))]).fingerprint == before.fingerprint
