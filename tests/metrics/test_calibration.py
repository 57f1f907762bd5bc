from __future__ import annotations

import doctest
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from equime_hub import seeds
from equime_hub.errors import MetricError
from equime_hub.metrics import calibration
from equime_hub.metrics.calibration import calibration_error, mean_confidence

ROWS = [[0.95, 0.05], [0.85, 0.15], [0.2, 0.8], [0.55, 0.45]]


def test_table_counted_by_hand() -> None:
    # Ten bins: 0.95 right in (0.9, 1]; 0.85 wrong in (0.8, 0.9]; 0.8 right in (0.7, 0.8];
    # 0.55 right in (0.5, 0.6].
    true = [0, 1, 1, 0]
    assert calibration_error(true, ROWS, bins=10) == pytest.approx((0.05 + 0.85 + 0.2 + 0.45) / 4)
    assert mean_confidence(ROWS) == pytest.approx((0.95 + 0.85 + 0.8 + 0.55) / 4)
    # One bin: three of four right.
    assert calibration_error(true, ROWS, bins=1) == pytest.approx(abs(0.75 - 0.7875))


def test_edges_belong_to_the_lower_bin() -> None:
    # Apart, 0.5 is right and 0.6 is wrong; in one bin half of them would be.
    rows = [[0.5, 0.5], [0.6, 0.4]]
    assert calibration_error([0, 1], rows, bins=2) == pytest.approx((0.5 + 0.6) / 2)


def test_agrees_with_a_loop() -> None:
    rng = seeds.generator("calibration")
    for _ in range(200):
        clips, classes, bins = (int(n) for n in rng.integers(1, [60, 8, 20]))
        rows = rng.dirichlet(np.ones(classes), clips)
        true = rng.integers(0, classes, clips)
        error = 0.0
        for lower in range(bins):
            inside = [
                (max(row), int(np.argmax(row)) == truth)
                for row, truth in zip(rows.tolist(), true.tolist(), strict=True)
                if lower / bins < max(row) <= (lower + 1) / bins
                or (lower == bins - 1 and max(row) > 1)
            ]
            if inside:
                sure, right = (float(np.mean(values)) for values in zip(*inside, strict=True))
                error += len(inside) / clips * abs(right - sure)
        assert calibration_error(true, rows, bins=bins) == pytest.approx(error)


def test_untrained_three_classes() -> None:
    rows = np.full((30, 3), 1 / 3)
    assert mean_confidence(rows) == pytest.approx(1 / 3)
    assert calibration_error([0, 1, 2] * 10, rows) == pytest.approx(0)


@pytest.mark.parametrize(
    "convert",
    [
        np.array,
        torch.tensor,
        lambda rows: torch.tensor(rows, dtype=torch.bfloat16),
        lambda rows: [np.array(row, np.float32) for row in rows],
        lambda rows: [[torch.tensor(value).item() for value in row] for row in rows],
        iter,
    ],
)
def test_containers(convert: Callable[[Any], Any]) -> None:
    assert mean_confidence(convert(ROWS)) == pytest.approx(mean_confidence(ROWS), abs=0.01)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "got an array of shape"),
        ([0.5, 0.5], "clips × classes"),
        ([[0.5, 0.5], [1.0]], "rows of numbers of one length"),
        ([[float("nan"), 1.0]], "Probability 0 of clip 0 is nan"),
        ([[1.0, 0.0], [None, 1.0]], "Probability 0 of clip 1 is nan"),
        ([[2.5, -1.5]], "Probability 0 of clip 0 is 2.5.*softmax"),
        ([[0.5, 0.2]], "clip 0 sum to 0.7 instead of 1"),
        ("ab", "must be rows of numbers"),
        (None, "must be rows of numbers"),
    ],
)
def test_refusals(rows: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        mean_confidence(rows)
    with pytest.raises(MetricError, match=message):
        calibration_error([0], rows)


def test_refusals_of_references() -> None:
    with pytest.raises(MetricError, match="1 references and 4 predictions"):
        calibration_error([0], ROWS)
    with pytest.raises(MetricError, match="class 2 occurs"):
        calibration_error([0, 1, 2, 0], ROWS)
    with pytest.raises(MetricError, match="2 probabilities a clip and 1 labels"):
        calibration_error([0] * 4, ROWS, labels=[0])
    with pytest.raises(MetricError, match="bins must be at least 1, got 0"):
        calibration_error([0] * 4, ROWS, bins=0)


def test_examples() -> None:
    result = doctest.testmod(calibration)
    assert result.attempted >= 2
    assert result.failed == 0
