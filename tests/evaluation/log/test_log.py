from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equime_hub.errors import DatasetError
from equime_hub.evaluation import log as logs
from equime_hub.evaluation.log import PredictionLog, checks

CLASSES = ("negative", "positive", "surprise")


def made(**changes: Any) -> PredictionLog:
    """Four clips of three people of two datasets, with probabilities."""
    columns: dict[str, Any] = {
        "clip_id": ["c0", "c1", "c2", "c3"],
        "subject_id": ["s1", "s1", "s2", "s1"],
        "reference": ["negative", "positive", "surprise", "negative"],
        "prediction": ["negative", "negative", "surprise", "positive"],
        "classes": CLASSES,
        "dataset": ["casme2", "casme2", "casme2", "samm"],
        "fold": ["casme2/s1", "casme2/s1", "casme2/s2", "samm/s1"],
        "seed": 3,
        "probabilities": [[0.5, 0.25, 0.25], [0.5, 0.5, 0], [0, 0, 1], [0.25, 0.5, 0.25]],
        "config_hash": "abc",
    }
    columns |= changes
    return logs.of(columns, columns.pop("classes"))


def test_written_log_is_read_back() -> None:
    log = made()
    logs.write(log, Path("predictions.parquet"))
    back = logs.read(Path("predictions.parquet"))
    assert back.equals(log)
    assert back.classes == CLASSES
    assert back.table["seed"].to_pylist() == [3] * 4
    assert [path.name for path in Path().iterdir()] == ["predictions.parquet"]


def test_run_is_a_folder() -> None:
    Path("run").mkdir()
    logs.write(made(), Path("run"))
    assert Path("run/predictions.parquet").is_file()
    assert logs.read(Path("run")).equals(made())


def test_people_of_two_datasets_are_two() -> None:
    person, names = made().people()
    assert names == ["casme2/s1", "casme2/s2", "samm/s1"]
    assert person.tolist() == [0, 0, 1, 2]


def test_optional_columns_may_be_left_out() -> None:
    table = made().table.drop_columns(["dataset", "probabilities", "config_hash"])
    pq.write_table(table, "theirs.parquet")
    log = logs.read(Path("theirs.parquet"))
    assert log.classes == CLASSES
    assert log.table["dataset"].null_count == 4
    assert log.people()[1] == ["s1", "s2"]


def test_classes_by_number() -> None:
    by_number = made(reference=np.array([0, 1, 2, 0]), prediction=[0, 0, 2, 1])
    assert by_number.equals(made())
    with pytest.raises(DatasetError, match="class of row 2 is 3; the classes negative"):
        made(reference=[0, 1, 3, 0])
    with pytest.raises(DatasetError, match="given as numbers; name the classes"):
        made(reference=[0, 1, 2, 0], classes=None)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"reference": ["negative", "joy", "joy", "negative"]}, "'joy' in rows 1, 2"),
        ({"prediction": ["negative", "negative", "surprise", None]}, "no prediction in row 3"),
        ({"subject_id": ["s1", "", "s2", "s1"]}, "no subject_id in row 1"),
        ({"dataset": ["casme2", "", "casme2", "samm"]}, "empty text in row 1"),
        (
            {"probabilities": [[1, 0, 0], [float("nan"), 1, 0], [0, 0, 1], [2, -1, 0]]},
            r"NaN or not in \[0, 1\] in rows 1, 3",
        ),
        (
            {"probabilities": [[1, 0, 0], [0.5, 0, 0], [0, 0, 1], [1, 1, 0]]},
            "do not sum to 1 in rows 1, 3 .*: 0.5",
        ),
        ({"probabilities": [[1, 0, 0], [1, 0], None, [0, 1]]}, "2 probabilities in rows 1, 3"),
        ({"clip_id": ["c0", "c1", "c2", "c0"]}, "'c0' has the dataset 'casme2' in row 0"),
        (
            {"clip_id": ["c0", "c1", "c0", "c3"]},
            "'c0' has the subject_id 's1' in row 0 and 's2' in row 2 .*--clips-by-subject",
        ),
        (
            {"clip_id": ["c0", "c0", "c2", "c3"]},
            "'c0' has the reference 'negative' in row 0 and 'positive' in row 1",
        ),
        (
            {"clip_id": ["c0", "c0", "c2", "c3"], "reference": ["negative"] * 4},
            "'c0' occurs again with the same fold 'casme2/s1' and seed 3 in row 1",
        ),
        (
            {
                "clip_id": ["c0", "c0", "c2", "c3"],
                "reference": ["negative"] * 4,
                "fold": ["a", "b", "a", "b"],
            },
            r"seed 3 in the fold 'a' \(row 0\) and in 'b' \(row 1",
        ),
        ({"classes": ("negative", "positive", "surprise", "positive")}, "must be different names"),
        ({"subject_id": ["s1"]}, "There are 4 clips and 1 values of subject_id"),
        ({"seed": ["x"] * 4}, "no prediction log"),
        ({name: [] for name in ("clip_id", "subject_id", "reference", "prediction")}
         | {"dataset": None, "fold": "f", "probabilities": None}, "There is no prediction"),
        ({"classes": None}, "probabilities and no list of classes"),
        ({"datasets": "samm"}, "missing or too many: datasets"),
    ],
)  # fmt: skip
def test_faults_are_sentences_with_rows(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DatasetError, match=sentence):
        made(**changes)


def test_faults_of_a_file_name_it() -> None:
    with pytest.raises(DatasetError, match=r"There is no nothing.parquet; a prediction log is"):
        logs.read(Path("nothing.parquet"))
    Path("text.parquet").write_text("no parquet", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"text.parquet cannot be read"):
        logs.read(Path("text.parquet"))
    pq.write_table(pa.table({"clip_id": ["a"]}), "short.parquet")
    with pytest.raises(DatasetError, match=r"short.parquet: The table has no column subject_id"):
        logs.read(Path("short.parquet"))
    pq.write_table(made().table.set_column(4, "seed", pa.array(["x"] * 4)), "seed.parquet")
    with pytest.raises(DatasetError, match="The column seed is no int64"):
        logs.read(Path("seed.parquet"))


def test_one_clip_may_have_many_seeds_and_some_rows_no_probabilities() -> None:
    log = made(
        clip_id=["c0", "c0", "c2", "c2"],
        subject_id=["s1"] * 4,
        dataset=None,
        reference=["negative"] * 4,
        fold=["f", "g", "f", "g"],
        seed=[0, 1, 0, 1],
        probabilities=[[1, 0, 0], None, None, [0, 0, 1]],
    )
    assert len(log) == 4
    assert log.probabilities().tolist() == [[1, 0, 0], [0, 0, 1]]


def test_examples() -> None:
    assert doctest.testmod(checks).failed == 0
