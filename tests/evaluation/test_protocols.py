from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.errors import DatasetError, PlanError
from equime_hub.evaluation import log as logs
from equime_hub.evaluation import protocols
from equime_hub.evaluation.log import PredictionLog
from equime_hub.evaluation.protocols import (
    PROTOCOLS,
    Dfme,
    LeaveOneDatasetOut,
    LeaveOneSubjectOut,
    Rows,
    Scheme,
    SubjectKFold,
    TrainTest,
    named,
)

ROWS = Rows(["a", "b", "a", "c", "b"], ["casme2", "casme2", "samm", "samm", "smic"])


def log(who: str, where: str, tested: str, seeds: list[int] | int = 0) -> PredictionLog:
    """One word a row: subject, dataset and fold."""
    subjects, datasets, tests = who.split(), where.split(), tested.split()
    clips = [f"{number}" for number in range(len(subjects))]
    said = ["x"] * len(clips)
    columns = {
        "clip_id": clips, "subject_id": subjects, "dataset": datasets, "fold": tests,
        "seed": seeds, "reference": said, "prediction": said,
    }  # fmt: skip
    return logs.of(columns)


def test_names() -> None:
    assert list(PROTOCOLS) == ["loso", "k-fold", "lodo", "train-test", "dfme", "splits"]
    assert all(named(name).name == name for name in PROTOCOLS)
    with pytest.raises(PlanError, match=r"no protocol 'losso'\. Choose one of: loso"):
        named("losso")


def test_the_same_name_in_two_datasets_is_two_people() -> None:
    made = list(LeaveOneSubjectOut().folds(ROWS))
    assert [fold.name for fold in made] == ["casme2/a", "casme2/b", "samm/a", "samm/c", "smic/b"]
    assert made[0].test.tolist() == [0]
    assert made[0].train.tolist() == [1, 2, 3, 4]


clips = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(["x", "y", None])))


@given(clips, st.sampled_from([LeaveOneSubjectOut(), SubjectKFold(2), SubjectKFold(3, seed=5)]))
def test_folds_by_person_never_share_one(
    rows: list[tuple[str, str | None]], protocol: Scheme
) -> None:
    rows = [*rows, ("f", "x"), ("g", "y"), ("h", None)]
    subjects, datasets = zip(*rows, strict=True)
    given_rows = Rows(subjects, datasets)
    people, tested = given_rows.people(), []
    for fold in protocol.folds(given_rows):
        assert not {people[row] for row in fold.train} & {people[row] for row in fold.test}
        assert sorted([*fold.train, *fold.test]) == list(range(len(rows)))
        tested += fold.test.tolist()
    assert sorted(tested) == list(range(len(rows)))


def test_datasets_are_left_out_one_by_one() -> None:
    made = list(LeaveOneDatasetOut().folds(ROWS))
    assert [fold.name for fold in made] == ["casme2", "samm", "smic"]
    assert made[1].test.tolist() == [2, 3]
    with pytest.raises(PlanError, match="Row 1 has no dataset"):
        list(LeaveOneDatasetOut().folds(Rows(["a", "b"], ["x", None])))


def test_train_then_test_each() -> None:
    made = list(TrainTest(("casme2",), ("samm", "smic")).folds(ROWS))
    assert [(fold.name, fold.train.tolist(), fold.test.tolist()) for fold in made] == [
        ("samm", [0, 1], [2, 3]),
        ("smic", [0, 1], [4]),
    ]
    with pytest.raises(PlanError, match="name at least one dataset for each, and none for both"):
        TrainTest(("casme2",), ("casme2",)).folds(ROWS)
    with pytest.raises(PlanError, match="Training on nothing"):
        TrainTest().folds(ROWS)
    with pytest.raises(PlanError, match="No row is of the dataset mmew; there are casme2"):
        TrainTest(("casme2",), ("mmew",)).folds(ROWS)


def test_parts_of_dfme() -> None:
    rows = Rows("aabcd", ["dfme"] * 5, ["train", "train", "train", "test_B", "test_A"])
    made = list(Dfme().folds(rows))
    assert [(fold.name, fold.train.tolist(), fold.test.tolist()) for fold in made] == [
        ("test_A", [0, 1, 2], [4]),
        ("test_B", [0, 1, 2], [3]),
    ]
    alone = Rows("ab", ["dfme"] * 2, ["train", "test_B"])
    assert [fold.name for fold in Dfme().folds(alone)] == ["test_B"]


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (None, "got none"),
        (["train", "validation", "test_A"], "got validation"),
        (["train", None, "test_A"], "got None"),
        (["train", "test_A", "test_A"], "dfme/a is in train and, in row 1, in test_A"),
        (["train", "train", "train"], "rows of test_A or test_B"),
    ],
)
def test_what_are_no_parts_of_dfme(parts: list[str | None] | None, sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        Dfme().folds(Rows("aab", ["dfme"] * 3, parts))


@pytest.mark.parametrize(
    ("protocol", "tested"),
    [
        ("loso", "casme2/a casme2/b samm/a samm/a"),
        ("k-fold", "f0 f1 f1 f1"),
        ("lodo", "casme2 casme2 samm samm"),
        ("train-test", "casme2 casme2 samm samm"),
        ("dfme", "test_A test_B test_A test_A"),
    ],
)
def test_logs_that_keep_to_a_protocol(protocol: str, tested: str) -> None:
    named(protocol)().check(log("a b a a", "casme2 casme2 samm samm", tested))


@pytest.mark.parametrize(
    ("protocol", "tested", "sentence"),
    [
        ("loso", "f f g g", r"fold 'f' tests the person 'casme2/a' \(row 0\) and 'casme2/b'"),
        ("loso", "f g h i", r"person 'samm/a' is tested in the fold 'h' \(row 2\) and in 'i'"),
        ("k-fold", "f g f g", "person 'samm/a' is tested in the fold 'f'"),
        ("lodo", "f f f f", "fold 'f' tests the dataset 'casme2'"),
        ("lodo", "f g h h", "dataset 'casme2' is tested in the fold 'f'"),
        ("train-test", "f f f g", "fold 'f' tests the dataset 'casme2'"),
        ("dfme", "test_A test_B test_C test_C", "the fold 'test_C'; dfme tests test_A and test_B"),
        ("dfme", "test_A test_A test_A test_B", "'samm/a' is tested in the fold 'test_A'"),
    ],
)
def test_logs_that_do_not(protocol: str, tested: str, sentence: str) -> None:
    found = log("a b a a", "casme2 casme2 samm samm", tested)
    with pytest.raises(DatasetError, match=sentence):
        named(protocol)().check(found)


def test_every_seed_may_draw_its_own_folds() -> None:
    SubjectKFold().check(log("a b a b", "x x x x", "f g g f", seeds=[0, 0, 1, 1]))


def test_examples() -> None:
    assert doctest.testmod(protocols).failed == 0
