from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from equime_hub import seeds


def test_words_are_those_of_splitmix64() -> None:
    # Numbers that implementations in other languages are checked by.
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert seeds.words([1234567], 4).tolist() == [known]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5), st.integers(1, 5))
def test_each_row_depends_on_its_own_key_alone(keys: list[int], count: int) -> None:
    together = seeds.words(keys, count)
    for row, key in enumerate(keys):
        assert together[row].tolist() == seeds.words([key], count + 1)[0, :count].tolist()


def test_uniform_numbers_fill_the_unit_interval() -> None:
    drawn = seeds.uniform(seeds.words(range(100_000), 2))
    assert 0 <= drawn.min() < 1e-4 and 1 - 1e-4 < drawn.max() < 1
    assert seeds.uniform(np.array([2**64 - 1], np.uint64))[0] < 1
    counts = np.histogram2d(drawn[:, 0], drawn[:, 1], bins=10)[0]
    # 100 cells of 1,000 each: chi-squared with 99 degrees of freedom is below 170 but for 1e-5.
    assert ((counts - 1000) ** 2 / 1000).sum() < 170
