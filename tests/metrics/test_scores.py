from __future__ import annotations

import doctest
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, f1_score

from equime_hub import seeds
from equime_hub.errors import MetricError
from equime_hub.metrics import scores
from equime_hub.metrics.scores import confusion, f1_scores, recalls, uar, uf1

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
    """1,000 random cases; absent classes occur in many of them."""
    random = seeds.generator("against scikit-learn")
    absent = 0
    for _ in range(1000):
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
        assert uf1(true, predicted) == pytest.approx(f1)
        assert uf1(true, predicted, labels) == pytest.approx(f1_named)
        assert uar(true, predicted) == pytest.approx(recall)
        assert uar(true, predicted, labels) == pytest.approx(recall)
        assert np.array_equal(confusion(true, predicted, labels)[0], counts)
    assert absent > 100


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
    for function in (confusion, uf1, uar):
        with pytest.raises(MetricError, match=message):
            function(references, predictions, labels)


def test_examples() -> None:
    result = doctest.testmod(scores)
    assert result.attempted >= 2
    assert result.failed == 0
