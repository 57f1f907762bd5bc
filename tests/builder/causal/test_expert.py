from __future__ import annotations

import numpy as np
import pytest

from equime_hub import seeds
from equime_hub.builder.causal import MAPS, ExpertSampler
from equime_hub.errors import PlanError
from equime_hub.schema.taxonomy import AU_NUMBERS, EMOTIONS

DRAWS = 10_000
PAIRS = [(name, emotion) for name, table in MAPS.items() for emotion in table]


@pytest.mark.parametrize(("name", "emotion"), PAIRS)
def test_draws_follow_the_table_and_the_interval(name: str, emotion: str) -> None:
    rng = seeds.generator("test", name, emotion)
    sampler = ExpertSampler(name)
    draws = [sampler.draw(emotion, rng) for _ in range(DRAWS)]
    assert {(draw.source, draw.subject, draw.au_onset) for draw in draws} == {
        ("expert", None, (0.0,) * 17)
    }
    aus = np.array([draw.au_apex for draw in draws])
    on = aus > 0
    chances = np.array([MAPS[name][emotion].get(number, 0.0) for number in AU_NUMBERS])
    # A vector with no AU is drawn again, which divides all chances by that of any AU.
    chances = chances / (1 - np.prod(1 - chances))
    tolerance = 4 * np.sqrt(chances * (1 - chances) / DRAWS)  # 4 standard deviations
    assert (np.abs(on.mean(0) - chances) <= tolerance + 1e-12).all()
    assert aus[on].min() >= 0.1 and aus[on].max() <= 0.3
    # Uniform on [0.1, 0.3]: mean 0.2, standard deviation 0.2 / √12; 4 of them again.
    assert abs(aus[on].mean() - 0.2) <= 4 * 0.2 / np.sqrt(12 * on.sum())
    assert abs(aus[on].std() - 0.2 / np.sqrt(12)) < 0.002
    # Independent: no two AUs go together more than chance has them.
    several = on[:, (chances > 0) & (chances < 1)]
    if several.shape[1] > 1 and emotion != "fear":
        together = np.corrcoef(several.T) - np.eye(several.shape[1])
        assert np.abs(together).max() <= 4.5 / np.sqrt(DRAWS)


@pytest.mark.parametrize(("name", "emotion"), PAIRS)
def test_every_draw_shows_something(name: str, emotion: str) -> None:
    rng = seeds.generator(1)
    assert all(any(ExpertSampler(name).draw(emotion, rng).au_apex) for _ in range(200))


def test_a_draw_depends_on_the_seed_alone() -> None:
    sampler = ExpertSampler()
    one, same, other = (sampler.draw("anger", seeds.generator(seed)) for seed in (1, 1, 2))
    assert one == same != other


def test_tables_speak_of_emotions_units_and_probabilities() -> None:
    for name, emotion in PAIRS:
        assert emotion in EMOTIONS
        for number, chance in MAPS[name][emotion].items():
            assert number in AU_NUMBERS and 0 < chance <= 1


def test_intensities_may_be_one_number() -> None:
    draw = ExpertSampler(intensity=(0.25, 0.25)).draw("contempt", seeds.generator(0))
    assert sorted(set(draw.au_apex)) == [0.0, 0.25]


@pytest.mark.parametrize(
    "intensity", [(0.0, 0.3), (0.3, 0.1), (0.1, 1.1), (float("nan"), 0.3), (0.00001, 0.1)]
)
def test_wrong_intensities_are_refused(intensity: tuple[float, float]) -> None:
    with pytest.raises(PlanError, match="intensity must satisfy"):
        ExpertSampler(intensity=intensity)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(PlanError, match=r"no AU map 'du'\. Choose one of: mie-x, du-2014"):
        ExpertSampler("du")
    with pytest.raises(PlanError, match="for 'contempt'; these emotions can be drawn: happiness"):
        ExpertSampler("du-2014").draw("contempt", seeds.generator(0))
