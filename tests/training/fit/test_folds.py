from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from equime_hub.errors import PlanError
from equime_hub.training.data.examples import DESCRIBED, Examples
from equime_hub.training.data.sources import Videos
from equime_hub.training.fit.folds import lacking, trainings
from equime_hub.training.fit.recipes import TrainConfig

CLASSES = ("negative", "positive")


def row(number: int, person: str, dataset: str = "samm", **more: Any) -> dict[str, Any]:
    return {
        **dict.fromkeys(DESCRIBED),
        "clip_id": f"c{number}", "subject_id": person, "source_dataset": dataset,
        "split": "train", "label": CLASSES[number % 2], **more,
    }  # fmt: skip


def examples(rows: list[dict[str, Any]]) -> Examples:
    """Labels alone; there is no video."""
    kinds = {name: pa.string() for name in (*DESCRIBED, "label")}
    table = pa.table(
        {name: pa.array([None if r[name] is None else str(r[name]) for r in rows], kind)
         for name, kind in kinds.items()}
    )  # fmt: skip
    none = np.zeros(len(rows), np.int64)
    names = tuple(table["clip_id"].to_pylist())
    return Examples(table, CLASSES, (), {}, np.array(names), Videos((), none, none, names))


def config(**changes: Any) -> TrainConfig:
    return TrainConfig(**{"data": ("x",), "selection": "last", **changes})


def clips(found: Examples, rows: Any) -> set[str]:
    return {found.names[int(row)] for row in rows}


def people(number: int, each: int = 2, dataset: str = "samm") -> list[dict[str, Any]]:
    return [row(i, f"p{i // each}", dataset) for i in range(number * each)]


def test_splits_are_taken_as_they_are() -> None:
    rows = people(6)
    for number, split in ((8, "validation"), (9, "validation"), (10, "test"), (11, "test")):
        rows[number]["split"] = split
    (only,) = trainings(examples(rows), config())
    assert [len(only.train), len(only.validation), len(only.tested)] == [8, 2, 2]
    assert list(only.tests) == ["test"]


def test_every_person_is_tested_once_and_never_trained_on() -> None:
    found = examples(people(5))
    made = trainings(found, config(protocol="loso"))
    assert [each.name for each in made] == [f"samm/p{i}" for i in range(5)]
    for each in made:
        assert not set(each.train) & set(each.tested)
        assert len(each.train) == 8 and not len(each.validation)


def test_validation_is_of_people_who_are_neither_trained_on_nor_tested() -> None:
    found = examples(people(10))
    names = np.array(found.people())
    for each in trainings(found, config(protocol="k-fold", selection="inner-validation")):
        parts = [set(names[rows]) for rows in (each.train, each.validation, each.tested)]
        assert all(parts) and sum(map(len, parts)) == 10 == len(set.union(*parts))


def test_what_borrows_from_a_tested_person_is_left_out() -> None:
    """MiE-X's rule: in every fold only the clips whose donor is tested there."""
    made = [
        row(i, f"face{i}", "mie_x", au_source_subject=f"samm/p{i % 4}") for i in range(100, 108)
    ]
    found = examples([*people(4), *made])
    for number, each in enumerate(trainings(found, config(protocol="loso", train_only=("mie_x",)))):
        left_out = {f"c{100 + number}", f"c{104 + number}"}
        own = {f"c{2 * number}", f"c{2 * number + 1}"}
        assert clips(found, each.tested) == own
        assert clips(found, each.train) == set(found.names) - left_out - own


def test_what_borrows_from_a_validated_person_is_left_out_too() -> None:
    made = [
        row(i, f"face{i}", "mie_x", au_source_subject=f"samm/p{i % 6}") for i in range(100, 112)
    ]
    found = examples([*people(6), *made])
    names, donors = np.array(found.people()), found.table["au_source_subject"].to_pylist()
    every = config(protocol="loso", train_only=("mie_x",), selection="inner-validation")
    for each in trainings(found, every):
        held = set(names[each.validation]) | set(names[each.tested])
        assert not {donors[row] for row in each.train} & held
        assert {name.split("/")[0] for name in held} == {"samm"}


def test_folds_with_the_same_training_are_trained_once() -> None:
    rows = people(6)
    for number, part in ((8, "test_A"), (9, "test_A"), (10, "test_B"), (11, "test_B")):
        rows[number]["part"] = part
    for each in rows:
        each["part"] = each["part"] or "train"
    (only,) = trainings(examples(rows), config(protocol="dfme"))
    assert {name: len(tested) for name, tested in only.tests.items()} == {
        "test_A": 2, "test_B": 2,
    }  # fmt: skip


def test_train_test_tests_each_dataset() -> None:
    rows = [*people(3), *people(3, dataset="casme2"), *people(2, dataset="smic")]
    for number, each in enumerate(rows):
        each["clip_id"] = f"c{number}"
    made = trainings(examples(rows), config(protocol="train-test", test_only=("smic", "casme2")))
    assert [name for each in made for name in each.tests] == ["smic", "casme2"]
    assert {len(each.train) for each in made} == {6}


def test_a_class_that_one_person_holds_is_said_and_not_refused() -> None:
    rows = [row(number, f"p{number // 4}", label=CLASSES[0]) for number in range(12)]
    for each in rows[:2]:
        each["label"] = CLASSES[1]
    found = examples(rows)
    made = trainings(found, config(protocol="loso"))
    assert [len(each.train) for each in made] == [8, 8, 8]
    (said,) = lacking(found, made)
    assert said.startswith("No clip of positive is learnt from in 1 of 3 trainings (samm/p0)")
    assert lacking(found, made[1:]) == []


@pytest.mark.parametrize(
    ("rows", "changes", "sentence"),
    [
        (people(4), {}, "The split test has no clips"),
        (people(4), {"protocol": "k-fold", "folds": 9}, "9 folds of 4 people"),
        (people(4)[::2], {"protocol": "loso"}, "No training has any clip of positive"),
        (
            [*people(2), row(8, "q", "smic"), row(9, "q", "smic")],
            {"protocol": "loso", "test_only": ("samm",)},
            "The fold smic/q has no clip to learn from",
        ),
        (
            people(2),
            {"protocol": "loso", "selection": "inner-validation"},
            "trains on 1 people, so that none can be kept for validation",
        ),
        (people(4), {"protocol": "train-test"}, "--test-only NAME, one of samm"),
        (people(4), {"protocol": "loso", "train_only": ("mie_x",)}, "train_only names mie_x"),
        (
            people(4),
            {"protocol": "loso", "train_only": ("samm",), "test_only": ("samm",)},
            "samm cannot be both",
        ),
    ],
)
def test_what_cannot_be_trained_is_a_sentence(
    rows: list[dict[str, Any]], changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(PlanError, match=sentence):
        trainings(examples(rows), config(**changes))
    assert not list(Path().iterdir())


def test_early_stopping_needs_a_split_validation() -> None:
    rows = people(4)
    for number in (6, 7):
        rows[number]["split"] = "test"
    with pytest.raises(PlanError, match="no clip for validation in the fold test"):
        trainings(examples(rows), config(patience=3))
