from __future__ import annotations

import doctest
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
)

from equime_hub import seeds
from equime_hub.errors import MetricError
from equime_hub.metrics import scores
from equime_hub.metrics.scores import (
    accuracy,
    bootstrap,
    confusion,
    f1_scores,
    recalls,
    uar,
    uf1,
    weighted_f1,
)

MEGC2019 = [0] * 250 + [1] * 109 + [2] * 83
"""The composite set: negative, positive, surprise."""


def test_table_counted_by_hand() -> None:
    references = ["a", "a", "a", "a", "b", "b", "b", "c", "c", "c"]
    predictions = ["a", "a", "b", "c", "b", "b", "a", "c", "a", "b"]
    matrix, labels = confusion(references, predictions)
    assert labels == ["a", "b", "c"]
    assert matrix.dtype == np.int64
    assert matrix.tolist() == [[2, 1, 1], [1, 2, 0], [1, 1, 1]]
    # a: TP 2, FP 2, FN 2; b: TP 2, FP 2, FN 1; c: TP 1, FP 1, FN 2
    assert f1_scores(references, predictions) == pytest.approx({"a": 4 / 8, "b": 4 / 7, "c": 2 / 5})
    assert recalls(references, predictions) == pytest.approx({"a": 2 / 4, "b": 2 / 3, "c": 1 / 3})
    assert uf1(references, predictions) == pytest.approx((4 / 8 + 4 / 7 + 2 / 5) / 3)
    assert uar(references, predictions) == pytest.approx((2 / 4 + 2 / 3 + 1 / 3) / 3)
    weighted = (4 * 4 / 8 + 3 * 4 / 7 + 3 * 2 / 5) / 10
    assert weighted_f1(references, predictions) == pytest.approx(weighted)
    assert accuracy(references, predictions) == 5 / 10


def test_always_negative_on_megc2019() -> None:
    always = [0] * len(MEGC2019)
    # TP 250, FP 109 + 83, FN 0; with labels or without, the other two have references: F1 = 0.
    expected = 2 * 250 / (2 * 250 + 192) / 3
    assert uf1(MEGC2019, always) == pytest.approx(expected)
    assert uf1(MEGC2019, always, labels=[0, 1, 2]) == pytest.approx(expected)
    assert round(expected, 4) == 0.2408
    assert uar(MEGC2019, always) == pytest.approx(1 / 3)


def test_all_right_and_all_wrong() -> None:
    assert uf1(MEGC2019, MEGC2019) == uar(MEGC2019, MEGC2019) == 1
    wrong = [(label + 1) % 3 for label in MEGC2019]
    assert uf1(MEGC2019, wrong) == uar(MEGC2019, wrong) == 0


def test_class_in_predictions_alone() -> None:
    assert f1_scores([0, 0], [0, 9]) == pytest.approx({0: 2 / 3, 9: 0})
    assert uf1([0, 0], [0, 9]) == pytest.approx(1 / 3)
    assert recalls([0, 0], [0, 9]) == {0: 0.5}
    assert uar([0, 0], [0, 9]) == 0.5


def test_class_in_neither_counts_in_uf1_where_named() -> None:
    assert uf1([0, 1], [0, 1]) == 1
    assert uf1([0, 1], [0, 1], labels=[0, 1, 2]) == pytest.approx(2 / 3)
    assert uar([0, 1], [0, 1], labels=[0, 1, 2]) == 1


def test_labels_give_the_order() -> None:
    matrix, labels = confusion(["x", "y", "y"], ["x", "x", "y"], labels=["y", "z", "x"])
    assert labels == ["y", "z", "x"]
    assert matrix.tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 1]]


def test_pooling_is_adding_confusions() -> None:
    random = seeds.generator("pooling")
    references, predictions = random.integers(0, 3, (2, 100))
    labels = [0, 1, 2]
    folds = [
        confusion(references[part], predictions[part], labels)[0]
        for part in np.array_split(np.arange(100), 7)
    ]
    assert np.array_equal(sum(folds), confusion(references, predictions, labels)[0])


def test_agrees_with_scikit_learn() -> None:
    """200 random cases; absent classes occur in many of them."""
    random = seeds.generator("against scikit-learn")
    absent = 0
    for _ in range(200):
        classes, clips = int(random.integers(1, 8)), int(random.integers(1, 40))
        true = random.integers(0, classes, clips)
        predicted = np.where(random.random(clips) < 0.5, true, random.integers(0, classes, clips))
        labels = list(range(classes))
        absent += len(set(true.tolist())) < classes
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of classes that do not occur
            f1 = f1_score(true, predicted, average="macro", zero_division=0)
            f1_named = f1_score(true, predicted, average="macro", labels=labels, zero_division=0)
            recall = balanced_accuracy_score(true, predicted)
            counts = confusion_matrix(true, predicted, labels=labels)
            weighted = f1_score(true, predicted, average="weighted", zero_division=0)
        assert uf1(true, predicted) == pytest.approx(f1)
        assert uf1(true, predicted, labels) == pytest.approx(f1_named)
        assert uar(true, predicted) == pytest.approx(recall)
        assert uar(true, predicted, labels) == pytest.approx(recall)
        assert np.array_equal(confusion(true, predicted, labels)[0], counts)
        right = accuracy_score(true, predicted)
        for named in (None, labels):
            assert weighted_f1(true, predicted, named) == pytest.approx(weighted)
            assert accuracy(true, predicted, named) == pytest.approx(right)
    assert absent > 20


def test_order_of_clips_and_names_of_classes_do_not_matter() -> None:
    random = seeds.generator("symmetry")
    true, predicted = random.integers(0, 4, (2, 60))
    order = random.permutation(60)
    names = ["surprise", "anger", "others", "fear"]
    for score in (uf1, uar):
        expected = score(true, predicted)
        assert score(true[order], predicted[order]) == pytest.approx(expected)
        named = score([names[i] for i in true], [names[i] for i in predicted])
        assert named == pytest.approx(expected)


@pytest.mark.parametrize(
    "convert",
    [
        list,
        tuple,
        iter,
        np.array,
        torch.tensor,
        lambda values: [torch.tensor(value) for value in values],
        lambda values: [np.int32(value) for value in values],
    ],
)
def test_containers(convert: Callable[[list[int]], Any]) -> None:
    references, predictions = [0, 0, 1, 2], [0, 1, 1, 2]
    for score in (uf1, uar):
        assert score(convert(references), convert(predictions)) == score(references, predictions)
    matrix, labels = confusion(convert(references), convert(predictions))
    assert matrix.sum() == 4
    assert [type(label) for label in labels] == [int, int, int]


@given(
    st.lists(st.tuples(st.integers(-2, 90), st.integers(-2, 90)), max_size=100),
    st.sampled_from(["int8", "uint16", "int64", "U"]),
    st.booleans(),
)
def test_arrays_are_counted_as_lists_are(
    pairs: list[tuple[int, int]], kind: str, named: bool
) -> None:
    # Strings with blanks at their ends, which NumPy is known to drop in places.
    values = [[f"{v}{' ' * (v % 2)}" if kind == "U" else max(v, 0) for v in pair] for pair in pairs]
    columns: list[list[Any]] = [[pair[i] for pair in values] for i in (0, 1)]
    labels = sorted(set(columns[0])) if named else None

    def outcome(given: Sequence[Any]) -> tuple[Any, ...]:
        try:
            matrix, classes = confusion(given[0], given[1], labels)
        except MetricError as error:
            return (str(error),)
        return matrix.tolist(), classes, {type(value) for value in classes}

    assert outcome([np.array(column, kind) for column in columns]) == outcome(columns)
    assert outcome([np.array(columns[0], kind), columns[1]]) == outcome(columns)
    short = [np.array(columns[0], kind), np.array(columns[1][1:], kind)]
    assert outcome(short) == outcome([columns[0], columns[1][1:]])


def test_numpy_strings() -> None:
    assert uf1(np.array(["a", "b"]), ["a", "b"]) == 1
    assert confusion(np.array(["a", "b"]), ["a", "b"])[1] == ["a", "b"]


@pytest.mark.parametrize(
    ("references", "predictions", "labels", "message"),
    [
        ([], [], None, "There are no references and no predictions"),
        ([0, 1], [0], None, "2 references and 1 predictions"),
        ([0, 1], [0.0, 0.9], None, r"predictions\[0\] is 0.0, which is no class.*argmax"),
        ([0, float("nan")], [0, 1], None, r"references\[1\] is nan"),
        (["a", None], ["a", "b"], None, r"references\[1\] is None.*without a label"),
        ([0], torch.tensor([[0.2, 0.8]]), None, r"predictions\[0\] is \[0\.2"),
        ([0], np.array([0.5]), None, r"predictions\[0\] is 0\.5"),
        (["a", "b"], [0, 1], None, "all integers or all strings, got 0 and 'a'"),
        (["a", 1], ["a", "a"], None, "all integers or all strings, got 1 and 'a'"),
        ([0], [0], ["0"], "all integers or all strings, got 0 and '0'"),
        ([0, 3], [0, 0], [0, 1], r"class 3 occurs, but labels names only \[0, 1\]"),
        ([0], [0], [], r"class 0 occurs, but labels names only \[\]"),
        ([0], [0], [0, 1, 0], r"each class once, got \[0, 1, 0\]"),
        ("anger", "anger", None, "references must be a sequence of classes, got 'anger'"),
        (None, [1], None, "references must be a sequence of classes, got None"),
        ([1], 1, None, "predictions must be a sequence of classes, got 1"),
    ],
)
def test_refusals(references: Any, predictions: Any, labels: Any, message: str) -> None:
    for function in (confusion, uf1, uar, weighted_f1, accuracy):
        with pytest.raises(MetricError, match=message):
            function(references, predictions, labels)


def made_up(clips: int = 90, people: int = 12, classes: int = 4) -> tuple[Any, Any, Any]:
    random = seeds.generator("bootstrap", clips, people, classes)
    true = random.integers(0, classes, clips)
    predicted = np.where(random.random(clips) < 0.5, true, random.integers(0, classes, clips))
    who = np.concatenate([np.arange(people), random.integers(0, people, clips - people)])
    return true, predicted, who


@pytest.mark.parametrize("labels", [None, range(6)])
def test_draws_are_those_of_a_loop_over_scikit_learn(labels: Any) -> None:
    """The same people by the same generator; with few clips, draws lack classes."""
    true, predicted, who = made_up(clips=20, people=6)
    random = np.random.Generator(np.random.PCG64(5))
    drawn = random.integers(0, 6, (200, 6))
    theirs: dict[str, list[float]] = {"uf1": [], "uar": [], "accuracy": [], "weighted_f1": []}
    for people in drawn:
        clips = np.concatenate([np.flatnonzero(who == person) for person in people])
        pair = true[clips], predicted[clips]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            macro = f1_score(*pair, average="macro", labels=labels, zero_division=0)
            theirs["uf1"].append(macro)
            theirs["uar"].append(balanced_accuracy_score(*pair))
            theirs["accuracy"].append(accuracy_score(*pair))
            theirs["weighted_f1"].append(f1_score(*pair, average="weighted", zero_division=0))
    found = bootstrap(
        true, predicted, who, tuple(theirs), labels=labels, draws=200, level=0.8, seed=5
    )
    for name, values in theirs.items():
        expected = np.quantile(values, [0.1, 0.9])
        assert (found[name].low, found[name].high) == pytest.approx(tuple(expected))
    assert found["uf1"].score == uf1(true, predicted, labels)


def test_bootstrap_depends_on_the_seed_and_not_on_the_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    true, predicted, who = made_up()
    found = bootstrap(true, predicted, who, seed=1)
    assert found == bootstrap(true, predicted, who, seed=1)
    assert bootstrap(true, predicted, who, "uf1", seed=1) == {"uf1": found["uf1"]}
    assert found != bootstrap(true, predicted, who, seed=2)
    order = seeds.generator("order").permutation(true.size)
    assert bootstrap(true[order], predicted[order], who[order], seed=1) == found
    names = [f"{person:02}" for person in who]
    assert bootstrap(true.tolist(), predicted.tolist(), names, seed=1) == found
    monkeypatch.setattr(scores, "_BLOCK", 50)
    assert bootstrap(true, predicted, who, seed=1) == found


def test_intervals_hold_the_score_and_grow_with_the_level() -> None:
    true, predicted, who = made_up(clips=400, people=40)
    narrow, wide = (bootstrap(true, predicted, who, level=level)["uar"] for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.score < narrow.high < wide.high
    assert (wide.draws, wide.subjects, wide.level) == (1000, 40, 0.99)
    # Nobody is ever wrong, so no draw is.
    assert bootstrap(true, true, who)["uf1"].low == 1


def test_people_are_drawn_and_not_clips() -> None:
    """Two people, one always right: each draw of people has accuracy 0, 1/2 or 1."""
    true = [0] * 200
    found = bootstrap(true, [0] * 100 + [1] * 100, ["a"] * 100 + ["b"] * 100, ["accuracy"])
    assert (found["accuracy"].low, found["accuracy"].high) == (0, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subjects": ["a", "a"]}, "All clips are of the subject 'a'"),
        ({"subjects": ["a"]}, "2 predictions and 1 subjects"),
        ({"subjects": ["a", None]}, r"subjects\[1\] is None"),
        ({"names": ["f1"]}, "no score 'f1'. Choose one of: uf1, uar, accuracy, weighted_f1"),
        ({"draws": 0}, "draws must be a whole number from 1 on, got 0"),
        ({"draws": 1.5}, "draws must be a whole number from 1 on, got 1.5"),
        ({"seed": -1}, "seed must be a whole number from 0 on, got -1"),
        ({"level": 1.0}, "between 0 and 1, such as 0.95, got 1.0"),
        ({"predictions": [0, float("nan")]}, r"predictions\[1\] is nan"),
        ({"references": [], "predictions": [], "subjects": []}, "no references and no pred"),
    ],
)
def test_bootstrap_refuses(change: dict[str, Any], message: str) -> None:
    given = {"references": [0, 1], "predictions": [0, 1], "subjects": ["a", "b"]}
    with pytest.raises(MetricError, match=message):
        bootstrap(**{**given, **change})


def test_examples() -> None:
    result = doctest.testmod(scores)
    assert result.attempted >= 4
    assert result.failed == 0
