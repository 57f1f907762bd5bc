"""What every sampler promises, and mixtures of them."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from equime_hub import seeds
from equime_hub.builder.causal import (
    SAMPLERS,
    Draw,
    ExpertSampler,
    MacroSampler,
    MicroSampler,
    MixturePart,
    MixtureSampler,
    Sampler,
    draws,
)
from equime_hub.errors import EquimeError, PlanError
from equime_hub.schema.taxonomy import AU_SOURCES, EMOTIONS
from tests.support import openface_csv as made_up


@pytest.fixture
def samplers(tmp_path: Path) -> dict[str, Sampler]:
    """One of each registered kind."""
    expert = ExpertSampler("du-2014", (0.2, 0.4))
    micro = MicroSampler(made_up.micro(tmp_path))
    macro = MacroSampler(made_up.macro(tmp_path), interval=(0.4, 0.6))
    mixture = MixtureSampler.of((1, expert), (2, micro), (3, macro))
    return {"expert": expert, "micro": micro, "macro": macro, "mixture": mixture}


def test_there_is_one_of_each(samplers: dict[str, Sampler]) -> None:
    assert list(samplers) == SAMPLERS.names()


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_contract(samplers: dict[str, Sampler], name: str) -> None:
    sampler = samplers[name]
    described = json.loads(json.dumps(SAMPLERS.describe(sampler)))
    restored = SAMPLERS.restore(described)
    assert described["name"] == name
    assert restored == sampler == pickle.loads(pickle.dumps(sampler))
    assert SAMPLERS.describe(restored) == described
    assert sampler.emotions() and set(sampler.emotions()) <= set(EMOTIONS)
    for emotion in sampler.emotions():
        for seed in range(20):
            draw = sampler.draw(emotion, seeds.generator(seed))
            assert draw == restored.draw(emotion, seeds.generator(seed))
            assert draw.source in AU_SOURCES
            assert draw.au_onset != draw.au_apex
            for vector in (draw.au_onset, draw.au_apex):
                assert len(vector) == 17
                assert all(type(v) is float and 0 <= v <= 1 for v in vector)
                assert all(v == round(v, 4) for v in vector)
    with pytest.raises(PlanError, match="No action units are known for 'others'"):
        sampler.draw("others", seeds.generator(0))


def test_every_source_of_drawn_aus_is_drawn(samplers: dict[str, Sampler]) -> None:
    mixture = samplers["mixture"]
    rng = seeds.generator(0)
    drawn = {mixture.draw(e, rng) for e in mixture.emotions() for _ in range(50)}
    # "annotated" is of real clips, whose AUs nobody draws.
    assert {draw.source for draw in drawn} == set(AU_SOURCES) - {"annotated"}
    assert all((draw.subject is None) == (draw.source == "expert") for draw in drawn)


def test_weights_hold_among_those_that_know_the_emotion(samplers: dict[str, Sampler]) -> None:
    mixture = samplers["mixture"]
    rng = seeds.generator("mixture")
    for emotion, shares in {
        "anger": {"expert": 1 / 3, "micro": 2 / 3},
        "surprise": {"expert": 1 / 4, "macro": 3 / 4},
        "fear": {"expert": 1.0},
    }.items():
        seen = Counter(mixture.draw(emotion, rng).source for _ in range(10_000))
        assert set(seen) == set(shares)
        for source, share in shares.items():
            tolerance = 4 * np.sqrt(share * (1 - share) / 10_000)  # 4 standard deviations
            assert abs(seen[source] / 10_000 - share) <= tolerance


def test_a_mixture_written_by_hand_remembers_the_files_it_reads(tmp_path: Path) -> None:
    index = made_up.micro(tmp_path)
    by_hand = {"name": "micro", "index": str(index)}
    mixture = SAMPLERS.restore({"name": "mixture", "parts": [{"weight": 1, "sampler": by_hand}]})
    assert mixture == MixtureSampler.of((1, MicroSampler(index)))
    assert mixture.parts[0].sampler["sha256"] == MicroSampler(index).sha256


def test_wrong_mixtures_are_refused() -> None:
    expert = SAMPLERS.describe(ExpertSampler())
    with pytest.raises(PlanError, match="at least one sampler"):
        MixtureSampler(())
    for weight in (0, -1, float("inf"), float("nan")):
        with pytest.raises(PlanError, match="A weight must be a number above 0"):
            MixturePart(weight, expert)
    with pytest.raises(PlanError, match="must name its sampler"):
        MixturePart(1, {"map": "mie-x"})
    with pytest.raises(EquimeError, match="no AU sampler 'experts'"):
        MixtureSampler((MixturePart(1, {"name": "experts"}),))
    with pytest.raises(EquimeError, match="no field maps"):
        MixtureSampler((MixturePart(1, {**expert, "maps": "x"}),))


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_each_of_many_draws_depends_on_its_own_key_alone(
    samplers: dict[str, Sampler], name: str
) -> None:
    sampler = samplers[name]
    emotion = sampler.emotions()[-1]
    keys = seeds.words([1], 20)[0]
    together, backwards = (draws(sampler, emotion, order) for order in (keys, keys[::-1]))
    assert len({tuple(row) for row in together.au_apex.tolist()}) > 1
    np.testing.assert_array_equal(together.au_apex, backwards.au_apex[::-1])
    np.testing.assert_array_equal(together.au_onset, backwards.au_onset[::-1])
    assert together.source == backwards.source[::-1]
    assert together.subject == backwards.subject[::-1]


@dataclass(frozen=True)
class _Loud:
    """A sampler of another package, with a fault."""

    size: int
    loudest: float
    source: str = "expert"

    def emotions(self) -> tuple[str, ...]:
        return ("anger",)

    def draw(self, emotion: str, rng: np.random.Generator) -> Draw:
        return Draw((0.0,) * self.size, (self.loudest,) * self.size, self.source)


def test_an_emotion_that_it_does_not_draw_is_refused_before_it_is_asked() -> None:
    with pytest.raises(PlanError, match="'fear'; these emotions can be drawn: anger"):
        draws(_Loud(17, 0.2), "fear", seeds.words([1], 3)[0])


@pytest.mark.parametrize("sampler", [_Loud(17, 1.5), _Loud(17, float("nan")), _Loud(16, 0.2)])
def test_what_is_no_au_vector_is_refused(sampler: _Loud) -> None:
    with pytest.raises(PlanError, match="drew for anger what is no vector of 17"):
        draws(sampler, "anger", seeds.words([1], 3)[0])


def test_a_source_that_no_row_can_have_is_refused_before_any_clip_is_made() -> None:
    with pytest.raises(PlanError, match="AUs are from dreams; the source of a draw is one of exp"):
        draws(_Loud(17, 0.2, "dreams"), "anger", seeds.words([1], 3)[0])
