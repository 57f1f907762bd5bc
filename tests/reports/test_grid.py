from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equime_hub.errors import DatasetError
from equime_hub.reports.grid import grid_rows
from equime_hub.video.codec import decode

FIVE = ["anger", "disgust", "happiness", "sadness", "surprise"]


def rows_of(folder: Path) -> list[dict[str, object]]:
    paths = [p for s in ("train", "validation", "test") for p in folder.glob(f"data/{s}-*")]
    rows: list[dict[str, object]] = pa.concat_tables(map(pq.read_table, sorted(paths))).to_pylist()
    return rows


def relabel(folder: Path, column: str, change: Callable[[list[object]], list[object]]) -> None:
    """Change a column of every label file."""
    for path in folder.glob("metadata/*.parquet"):
        table = pq.read_table(path)
        place = table.column_names.index(column)
        field = table.schema.field(column)
        values = pa.array(change(table[column].to_pylist()), field.type)
        pq.write_table(table.set_column(place, field, values), path)


def test_any_person_has_a_row_an_emotion_in_the_papers_order(built: Path) -> None:
    people = {str(row["subject_id"]) for row in rows_of(built)}
    for person in people:
        found, rows = grid_rows(built, person)
        assert found == person
        assert [row.title for row in rows] == FIVE


def test_the_rows_are_that_persons_clips(built: Path) -> None:
    person, rows = grid_rows(built)
    (anger,) = [r for r in rows_of(built) if r["subject_id"] == person and r["emotion"] == 4]
    video = anger["video"]
    assert isinstance(video, dict)
    np.testing.assert_array_equal(rows[0].clip.frames, decode(video["bytes"]).frames)
    assert rows[0].subtitle == f"AU {anger['facs']}"
    assert (rows[0].onset, rows[0].apex, rows[0].offset) == (
        anger["onset_frame"], anger["apex_frame"], anger["offset_frame"],
    )  # fmt: skip


def test_accepted_clips_come_first(dataset: Path) -> None:
    person, before = grid_rows(dataset)
    # All are one emotion now: the first stands for it, until it is rejected.
    relabel(dataset, "emotion", lambda values: [0] * len(values))
    _, (first,) = grid_rows(dataset, person)
    relabel(dataset, "accepted", lambda values: [False, *values[1:]])
    _, (second,) = grid_rows(dataset, person)
    apexes = [row["apex_frame"] for row in rows_of(dataset) if row["subject_id"] == person]
    assert len(before) == 5
    assert first.apex == apexes[0]
    assert not np.array_equal(second.clip.frames, first.clip.frames)
    relabel(dataset, "accepted", lambda values: [False] * len(values))
    _, (rejected,) = grid_rows(dataset, person)
    np.testing.assert_array_equal(rejected.clip.frames, first.clip.frames)


@pytest.mark.parametrize(("column", "value"), [("apex_frame", None), ("counterfactual_of", "x")])
def test_clips_that_cannot_stand_there_are_left_out(
    dataset: Path, column: str, value: object
) -> None:
    relabel(dataset, column, lambda values: [value] * len(values))
    with pytest.raises(DatasetError, match="says where onset, apex and offset are"):
        grid_rows(dataset)


def test_mistakes_are_sentences(dataset: Path) -> None:
    with pytest.raises(DatasetError, match=r"no person 'nobody'\. Some of its 8 are: drawn"):
        grid_rows(dataset, "nobody")
    with pytest.raises(DatasetError, match="holds no built dataset"):
        grid_rows(Path("nowhere"))
    for path in dataset.glob("data/*"):
        path.unlink()
    with pytest.raises(DatasetError, match="lacks the videos"):
        grid_rows(dataset)
