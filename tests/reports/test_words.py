from __future__ import annotations

import doctest

from equime_hub.commands.score import score_options
from equime_hub.metrics.report import NAMES
from equime_hub.reports import words as tables


def test_examples() -> None:
    assert doctest.testmod(tables) == (0, 1)


def test_every_score_has_a_head_and_is_an_option() -> None:
    assert tuple(tables.HEADS) == NAMES == score_options.SCORES


def test_a_leaky_title_says_so() -> None:
    assert tables.marked("Scores", leaky=False) == "Scores"
    assert "leaky" in tables.marked("Scores", leaky=True)
