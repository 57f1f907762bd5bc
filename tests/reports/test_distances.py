from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from equime_hub.reports import distances as module
from equime_hub.reports.distances import Bootstrap, Bootstrapped, Floats, distances

# Few different numbers, so that many are equal.
SAMPLES = st.lists(st.integers(-5, 5), min_size=1, max_size=30).map(
    lambda numbers: np.array(numbers, float) / 3
)


@given(SAMPLES, SAMPLES)
def test_distances_are_those_of_scipy(first: Floats, second: Floats) -> None:
    found = distances(first, second, Bootstrap(0))
    with warnings.catch_warnings(action="ignore"):  # of the p-value, which is not used
        expected = stats.ks_2samp(first, second).statistic
    assert found.ks.value == pytest.approx(expected)
    expected = stats.wasserstein_distance(first, second)
    assert found.wasserstein.value == pytest.approx(expected, abs=1e-12)


@given(SAMPLES, st.integers(1, 3))
def test_a_sample_has_no_distance_from_its_own_copies(sample: Floats, times: int) -> None:
    found = distances(sample, np.tile(sample, times), Bootstrap(0))
    assert found.ks == Bootstrapped(0.0)
    assert found.wasserstein == Bootstrapped(0.0)


@given(SAMPLES, SAMPLES)
def test_distances_do_not_depend_on_order(first: Floats, second: Floats) -> None:
    found = distances(first, second, Bootstrap(0))
    assert distances(first[::-1], second[::-1], Bootstrap(0)).ks == found.ks
    swapped = distances(second, first, Bootstrap(0))
    assert swapped.ks.value == pytest.approx(found.ks.value)
    assert swapped.wasserstein.value == pytest.approx(found.wasserstein.value)


def test_by_hand() -> None:
    found = distances(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6]), Bootstrap(0))
    assert found.deviation_percent == Bootstrapped(80.0)  # 4.5 from 2.5
    assert found.ks == Bootstrapped(0.5)
    assert found.wasserstein == Bootstrapped(2.0)
    negative = distances(np.array([-2.0]), np.array([-1.0]), Bootstrap(0))
    assert negative.deviation_percent == Bootstrapped(
        50.0
    )  # upwards, whatever the sign of the mean
    assert distances(np.zeros(3), np.ones(3), Bootstrap(0)).deviation_percent == Bootstrapped(None)


@pytest.mark.parametrize("side", ["reference_groups", "sample_groups"])
def test_one_group_has_no_interval(side: str) -> None:
    values = np.arange(6.0)
    found = distances(values, values + 1, Bootstrap(50), **{side: np.zeros(6, np.int64)})
    assert found.wasserstein == Bootstrapped(1.0)


def test_intervals_cover_the_true_distance_of_means() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for seed in range(100):
        reference, sample = random.normal(10, 2, 60), random.normal(12, 2, 80)
        found = distances(reference, sample, Bootstrap(300, 0.9, seed)).deviation_percent
        assert found.low is not None and found.high is not None
        covered += found.low <= 20 <= found.high
    assert 80 <= covered <= 97


def test_people_are_drawn_whole() -> None:
    random = np.random.default_rng(0)
    people = np.repeat(np.arange(10), 50)
    alike = random.normal(0, 1, 10)[people] + random.normal(0, 0.1, 500)
    reference = random.normal(5, 1, 500)
    clips = distances(reference, alike, Bootstrap(300))
    subjects = distances(reference, alike, Bootstrap(300), sample_groups=people)
    assert clips.wasserstein.value == subjects.wasserstein.value
    assert _width(subjects.wasserstein) > 3 * _width(clips.wasserstein)


def test_draws_depend_on_the_seed_and_not_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    reference, sample = random.normal(0, 1, 20), random.normal(1, 1, 30)
    found = distances(reference, sample, Bootstrap(100))
    assert distances(reference, sample, Bootstrap(100)) == found
    assert distances(reference, sample, Bootstrap(100, seed=1)).ks != found.ks
    monkeypatch.setattr(module, "_CELLS", 7 * 50)
    again = distances(reference, sample, Bootstrap(100))
    for name, estimate in found._asdict().items():
        assert vars(getattr(again, name)) == pytest.approx(vars(estimate))


@given(SAMPLES, SAMPLES)
def test_an_interval_holds_the_value(first: Floats, second: Floats) -> None:
    found = distances(first, second, Bootstrap(20, level=0.01))
    for estimate in (found.deviation_percent, found.ks, found.wasserstein):
        if estimate.low is not None and estimate.high is not None:
            assert estimate.value is not None
            assert estimate.low <= estimate.value <= estimate.high


def _width(estimate: Bootstrapped) -> float:
    assert estimate.low is not None and estimate.high is not None
    return estimate.high - estimate.low
