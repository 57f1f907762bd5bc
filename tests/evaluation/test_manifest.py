from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equime_hub.errors import DatasetError
from equime_hub.evaluation import manifest, rows
from equime_hub.evaluation.manifest import MANIFEST, ROWS, Manifest
from equime_hub.evaluation.rows import PRETRAIN, TEST, TRAIN, VALIDATION
from equime_hub.splits import folds
from tests.support.trainings import MANIFEST as FULL


@pytest.mark.parametrize("written", [FULL, Manifest()])
def test_a_manifest_comes_back_as_it_was(written: Manifest, tmp_path: Path) -> None:
    manifest.write(written, tmp_path / "run")
    assert manifest.read(tmp_path / "run") == written


def test_what_is_left_out_is_unknown(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"model": "x", "preprocessing": {"padding": "mask"}}')
    found = manifest.read(tmp_path)
    assert found.preprocessing.padding == "mask" and found.preprocessing.normalisation is None
    assert found.seeds is None and found.pretraining is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as a JSON configuration"),
        ("[]", "must hold one JSON object, got list"),
        ('{"sedes": [1]}', "Manifest has no field sedes; its fields are model"),
        ('{"seeds": ["one"]}', r"seeds\.0: .* got 'one'"),
        ('{"preprocessing": {"padding": "black"}}', r"padding: .*'zero' or 'none', got 'black'"),
        ('{"preprocessing": {"pading": "zero"}}', r"preprocessing has no field pading"),
        ('{"label_map": {"mie_x": ["negative"]}}', r"label_map\.mie_x: .*dictionary"),
    ],
)
def test_a_manifest_that_is_none(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(DatasetError, match=rf"run\.json is no manifest: .*{message}"):
        manifest.read(tmp_path)


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"There is no .*run\.json\. A run is a folder with"):
        manifest.read(tmp_path)


def clips(people: Sequence[str]) -> pa.Table:
    return pa.table({"clip_id": [f"c{i}" for i in range(len(people))], "subject_id": people})


def roles(found: rows.RunRows) -> dict[str, dict[str, str]]:
    """Fold → clip → its roles, a letter each."""
    names = found.clips["clip_id"].to_pylist()
    letters = {"t": TRAIN, "v": VALIDATION, "x": TEST, "p": PRETRAIN}
    return {
        fold.title: {
            name: "".join(letter for letter, bit in letters.items() if fold.roles[clip] & bit)
            for clip, name in enumerate(names)
        }
        for fold in found
    }


def read(table: pa.Table, folder: Path) -> rows.RunRows:
    rows.write(table, folder)
    return rows.read(folder)


def of(folder: Path, *given: str, **columns: Any) -> rows.RunRows:
    """Rows written as "fold role clip", where - is no fold; each clip is its own person."""
    split = [row.split() for row in given]
    fold, role, clip = (list(column) for column in zip(*split, strict=True))
    table = {"fold": [None if name == "-" else name for name in fold], "role": role}
    return read(pa.table({**table, "clip_id": clip, "subject_id": clip, **columns}), folder)


def test_leave_one_out_in_two_rows_a_clip(tmp_path: Path) -> None:
    people = ["a", "b", "b", "c"]
    table = rows.table(clips(people), folds.leave_one_subject_out(people))
    assert len(table) == 8
    assert roles(read(table, tmp_path)) == {
        "a": {"c0": "x", "c1": "t", "c2": "t", "c3": "t"},
        "b": {"c0": "t", "c1": "x", "c2": "x", "c3": "t"},
        "c": {"c0": "t", "c1": "t", "c2": "t", "c3": "x"},
    }


def test_validation_in_a_fold_that_is_not_there() -> None:
    people = ["a", "b"]
    with pytest.raises(DatasetError, match="There is no fold 'c' to validate in"):
        made = folds.leave_one_subject_out(people)
        rows.table(clips(people), made, validation={"c": np.array([0])})


def test_empty_text_is_null(tmp_path: Path) -> None:
    found = of(tmp_path, "f test a", "f train b", source_image=["", "b.png"], fold=["f", ""])
    assert found.clips["source_image"].to_pylist() == [None, "b.png"]
    assert roles(found) == {"f": {"a": "x", "b": "t"}}


def test_what_a_row_without_fold_means(tmp_path: Path) -> None:
    found = of(
        tmp_path,
        "- train a", "- train b", "- validation c", "- pretrain a", "- pretrain d",
        "one test a", "two test b", "two unused a", "two test c", "two train c",
        "one pretrain b", "three test e",
    )  # fmt: skip
    assert roles(found) == {
        "one": {"a": "xp", "b": "tp", "c": "v", "d": "p", "e": ""},
        "two": {"a": "p", "b": "x", "c": "tx", "d": "p", "e": ""},
        "three": {"a": "tp", "b": "t", "c": "v", "d": "p", "e": "x"},
    }


@given(data=st.data())
@settings(max_examples=30)
def test_any_folds_come_back(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    count = data.draw(st.integers(1, 12))
    numbers = st.lists(st.integers(0, count - 1), unique=True).map(
        lambda found: np.array(sorted(found), np.int64)
    )
    made = [
        folds.Fold(f"f{i}", data.draw(numbers), np.append(data.draw(numbers), 0).clip(0, count))
        for i in range(data.draw(st.integers(1, 5)))
    ]
    made = [folds.Fold(f.name, f.train, np.unique(f.test)) for f in made]
    kept = {fold.name: data.draw(numbers) for fold in made if data.draw(st.booleans())}
    before = data.draw(numbers)
    table = rows.table(clips(["p"] * count), made, validation=kept, pretrain=before)
    found = read(table, tmp_path_factory.mktemp("run"))
    assert {name for name, _ in found.folds} == {fold.name for fold in made}
    places = {fold.name: fold for fold in found}
    ids = [int(name[1:]) for name in found.clips["clip_id"].to_pylist()]
    for fold in made:
        held = kept.get(fold.name, np.zeros(0, np.int64))

        def clips_of(role: int, name: str = fold.name) -> set[int]:
            return {ids[clip] for clip in np.flatnonzero(places[name].has(role))}

        assert clips_of(TEST) == set(fold.test)
        assert clips_of(VALIDATION) == set(held)
        assert clips_of(TRAIN) == set(fold.train) - set(held)
        assert clips_of(PRETRAIN) == set(before)


def test_plain_text_numbers_and_dictionaries_are_read_alike(tmp_path: Path) -> None:
    table = pa.table(
        {
            "fold": ["a", None, "b", None],
            "role": ["test", "train", "test", "train"],
            "clip_id": [1, 1, 2, 2],
            "subject_id": [7, None, 8, None],
            "expression": pa.array([None, "micro", None, "macro"], pa.large_string()),
        }
    )
    other = table.set_column(0, "fold", table["fold"].dictionary_encode())
    found, again = (read(each, tmp_path) for each in (table, other))
    assert roles(found) == roles(again) == {"a": {"1": "x", "2": "t"}, "b": {"1": "t", "2": "x"}}
    assert found.clips.to_pylist() == [
        {"clip_id": "1", "subject_id": "7", "expression": "micro"},
        {"clip_id": "2", "subject_id": "8", "expression": "macro"},
    ]


def test_folds_of_seeds(tmp_path: Path) -> None:
    found = of(
        tmp_path, "- train a", "x test a", "x test b", "y test a", "- train b",
        seed=[None, 3, 4, 4, None],
    )  # fmt: skip
    assert set(found.folds) == {("x", 3), ("x", 4), ("y", 4)}
    assert roles(found)["x (seed 4)"] == {"a": "t", "b": "x"}


@pytest.mark.parametrize(
    ("given", "columns", "message"),
    [
        (["f exam a"], {}, "has the role 'exam'; the roles are train, validation, test"),
        (["- test a"], {}, "row 0 has the role test or unused, but no fold"),
        (["- train a"], {}, "has no row with the role test; every fold tests something"),
        (["f test a", "g train a"], {}, "has no row with the role test in fold 'g'"),
        (["f test a", "f train a"], {"subject_id": ["x", "y"]},
         "says of clip 'a' that its subject_id is 'x' and 'y'"),
        (["f test a", "f test b"], {"subject_id": ["x", None]}, "no subject_id for clip 'b'"),
        (["f test a", "f train b"], {"role": ["test", None]}, "row 1 has no role"),
        (["f test a", "f train b"], {"clip_id": ["a", None]}, "row 1 has no clip_id"),
        (["f test a"], {"expression": ["smile"]}, "has the expression 'smile'; it is micro"),
        (["f test a", "f train b"], {"seed": [1, None]}, "row 1 has a fold without seed"),
        (["f test a"], {"seed": ["one"]}, "cannot be read"),
    ],
)  # fmt: skip
def test_rows_that_are_none(
    given: list[str], columns: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=rf"rows\.parquet .*{message}"):
        of(tmp_path, *given, **columns)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"There is no .*rows\.parquet\."):
        rows.read(tmp_path)
    (tmp_path / ROWS).write_text("no table")
    with pytest.raises(DatasetError, match="cannot be read as Parquet"):
        rows.read(tmp_path)
    table = pa.table({name: pa.array([], pa.string()) for name in rows.REQUIRED})
    with pytest.raises(DatasetError, match="has no row"):
        read(table, tmp_path)
    pq.write_table(table.drop_columns(["role", "fold"]), tmp_path / ROWS)
    with pytest.raises(DatasetError, match="has no column fold, role; it needs fold, role"):
        rows.read(tmp_path)
    before = (tmp_path / ROWS).read_bytes()
    with pytest.raises(DatasetError, match="The rows have no column role; a run needs fold"):
        rows.write(table.drop_columns(["role"]), tmp_path)
    assert (tmp_path / ROWS).read_bytes() == before


def test_the_file_is_json_for_people(tmp_path: Path) -> None:
    manifest.write(FULL, tmp_path)
    told = json.loads((tmp_path / MANIFEST).read_text())
    assert told["preprocessing"]["normalisation"] == "train" and told["seeds"] == [0, 1]
