from __future__ import annotations

import numpy as np
import pytest

from equime_hub import seeds
from equime_hub.builder import prompts
from equime_hub.builder.causal import EXPERT_MAP, expert
from equime_hub.schema.taxonomy import ACTION_UNITS, AU_INDEX, AU_NUMBERS


@pytest.mark.parametrize("emotion", [name for name in EXPERT_MAP if name != "fear"])
def test_draws_follow_the_published_probabilities_and_interval(emotion: str) -> None:
    draws = np.array(
        [expert(emotion, seeds.generator(emotion, i), (0.1, 0.3)) for i in range(2000)]
    )
    for number in AU_NUMBERS:
        values = draws[:, AU_INDEX[number]]
        chance = EXPERT_MAP[emotion].get(number, 0.0)
        # 4 standard deviations of a proportion
        assert abs((values > 0).mean() - chance) <= 4 * np.sqrt(chance * (1 - chance) / 2000)
        active = values[values > 0]
        if len(active):
            assert active.min() >= 0.1 and active.max() <= 0.3
            assert abs(active.mean() - 0.2) < 0.01


def test_fear_always_shows_something() -> None:
    draws = [expert("fear", seeds.generator(i), (0.1, 0.3)) for i in range(500)]
    assert all(any(draw) for draw in draws)


def _only(number: int, intensity: float) -> list[float]:
    vector = [0.0] * len(AU_NUMBERS)
    vector[AU_INDEX[number]] = intensity
    return vector


@pytest.mark.parametrize("unit", ACTION_UNITS, ids=lambda unit: f"AU{unit.number}")
def test_a_prompt_names_its_units_and_the_negative_one_never_forbids_them(unit) -> None:  # type: ignore[no-untyped-def]
    words = [prompts.prompt("anger", _only(unit.number, i)) for i in (0.1, 0.2, 0.3, 0.9)]
    assert len(set(words)) == 4
    assert all(unit.phrase in text for text in words)
    banned = prompts.negative_prompt(_only(unit.number, 0.3))
    assert ("open mouth" in banned) == (unit.number not in (25, 26))
    assert ("blinking" in banned) == (unit.number != 45)
