from __future__ import annotations

import doctest
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.builder import prompts
from equime_hub.errors import PlanError
from equime_hub.schema.taxonomy import ACTION_UNITS, AU_INDEX, AU_NUMBERS, EMOTIONS

NONE = [0.0] * len(AU_NUMBERS)
ADVERBS = ("barely", "slightly", "visibly", "strongly")
INTENSITIES = (0.01, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 0.6, 1.0)
DURATIONS = (None, 40.0, 200.0, 300.0, 500.0, 1000.0, 6000.0)
FORBIDS = {
    10: ("teeth",),
    25: ("mouth", "teeth", "lips"),
    26: ("mouth", "teeth", "jaw"),
    45: ("blink", "closed eyes"),
}
"""What would take an action unit back, told by FACS and not by the code."""
README = {
    "happiness": "A professional static headshot showing subtle happiness micro-expression "
    "transitioning to neutral...",
    "sadness": "A professional static headshot showing subtle sadness micro-expression with slight "
    "lip corners turning down...",
    "surprise": "A professional static headshot showing brief surprise micro-expression with "
    "raised eyebrows...",
    "fear": "A professional static headshot showing subtle fear micro-expression with widened "
    "eyes...",
    "anger": "A professional static headshot showing controlled anger micro-expression with "
    "tightened facial muscles...",
}
"""As EquiME's README prints them, dots included."""

vectors = st.lists(
    st.one_of(st.just(0.0), st.floats(0, 1)), min_size=len(AU_NUMBERS), max_size=len(AU_NUMBERS)
)
timings = st.one_of(
    st.none(), st.sampled_from(DURATIONS[1:]).map(lambda ms: (9.0, 9.0 + ms / 2, 9.0 + ms))
)


def only(number: int, intensity: float) -> list[float]:
    return [intensity if n == number else 0.0 for n in AU_NUMBERS]


def test_examples() -> None:
    assert doctest.testmod(prompts) == (0, 1)


@pytest.mark.parametrize("unit", ACTION_UNITS, ids=lambda unit: f"AU{unit.number}")
def test_every_unit_at_every_intensity(unit) -> None:  # type: ignore[no-untyped-def]
    ranks = []
    for intensity in INTENSITIES:
        text = prompts.prompt("anger", only(unit.number, intensity))
        assert [u for u in ACTION_UNITS if u.phrase in text] == [unit]
        (adverb,) = (word for word in ADVERBS if f"{unit.phrase} {word}" in text)
        ranks.append(ADVERBS.index(adverb))
        assert "returns to neutral" in text
        for words in (text, prompts.negative_prompt(only(unit.number, intensity))):
            assert prompts.tokens(words) <= prompts.BUDGET < prompts.MAX_TOKENS
    assert ranks == sorted(ranks)
    assert set(ranks) == set(range(len(ADVERBS)))


@pytest.mark.parametrize("duration", DURATIONS)
@pytest.mark.parametrize("emotion", EMOTIONS)
def test_all_units_at_once_fit(emotion: str, duration: float | None) -> None:
    timing = None if duration is None else (0.0, duration / 3, duration)
    rotations = [list(itertools.islice(itertools.cycle(INTENSITIES), i, i + 17)) for i in range(9)]
    for au_apex in [[value] * len(AU_NUMBERS) for value in INTENSITIES] + rotations:
        text = prompts.prompt(emotion, au_apex, style="facs-timed", timing=timing)
        assert all(unit.phrase in text for unit in ACTION_UNITS)
        assert prompts.tokens(text) <= prompts.BUDGET


@given(st.sampled_from(EMOTIONS), vectors, timings)
def test_a_prompt_says_what_moves_and_nothing_else(
    emotion: str, au_apex: list[float], timing: tuple[float, float, float] | None
) -> None:
    text = prompts.prompt(emotion, au_apex, style="facs-timed", timing=timing)
    for unit, value in zip(ACTION_UNITS, au_apex, strict=True):
        assert (unit.phrase in text) == (value > 0)
    assert "neutral" in text
    assert (emotion in text) == (emotion != "others")
    assert prompts.tokens(text) <= prompts.BUDGET
    assert text == prompts.prompt(emotion, tuple(au_apex), style="facs-timed", timing=timing)


@given(vectors)
def test_nothing_asked_for_is_forbidden(au_apex: list[float]) -> None:
    text = prompts.negative_prompt(au_apex)
    for number, words in FORBIDS.items():
        if au_apex[AU_INDEX[number]] > 0:
            assert not any(word in text.lower() for word in words), (number, text)
    if "strongly" in prompts.prompt("fear", au_apex):
        assert "extreme" not in text
    assert prompts.tokens(text) <= prompts.BUDGET


def test_what_is_not_asked_for_is_forbidden() -> None:
    text = prompts.negative_prompt(NONE)
    for words in ("open mouth", "visible teeth", "blinking", "closed eyes", "extreme expressions"):
        assert words in text
    lifted = {
        unit.number
        for unit in ACTION_UNITS
        if prompts.negative_prompt(only(unit.number, 0.3)) != text
    }
    assert lifted == set(FORBIDS)


def test_the_negative_prompt_is_the_published_one_but_for_what_is_named() -> None:
    published, ours = (
        set(prompts.PUBLISHED_NEGATIVE),
        set(prompts.negative_prompt(NONE).split(", ")),
    )
    assert len(published) == 32
    assert published - ours == {
        "Blink eye", "animation style", "3d render", "side angles", "tilted head", "poor lighting",
        "shadows", "makeup", "accessories", "jewelry", "visible clothing", "background details",
    }  # fmt: skip
    assert ours - published == {
        "changed identity", "open mouth", "visible teeth", "blinking", "closed eyes",
    }  # fmt: skip


def test_the_whole_sentence_of_a_plain_clip() -> None:
    au_apex = [0.3 * (n == 12) + 0.2 * (n in (6, 25)) for n in AU_NUMBERS]
    text = prompts.prompt("happiness", au_apex, style="facs-timed", timing=(100, 220, 400))
    assert text == (
        "A professional static headshot showing a subtle happiness micro-expression: within a "
        "third of a second lip corners rise visibly, cheeks lift and lips part slightly, then the "
        "face returns to neutral. The head, the camera and the background stay still."
    )


def test_sides_are_worded_where_given() -> None:
    text = prompts.prompt("contempt", only(14, 0.2), side={14: "left", 12: "right"})
    assert "lip corners dimple slightly on the left," in text
    assert "right" not in text
    assert "left" not in prompts.prompt("contempt", only(14, 0.2))
    everywhere = {n: ("left", "right")[i % 2] for i, n in enumerate(AU_NUMBERS)}
    with pytest.raises(PlanError, match="name fewer sides: “Static"):
        prompts.prompt("fear", [0.1, 0.2, 0.3, 0.6] * 4 + [1], side=everywhere)


def test_times_come_in_few_words_and_in_order() -> None:
    def words(duration: float) -> str:
        return prompts.prompt(
            "fear", only(5, 0.2), style="facs-timed", timing=(0, duration / 2, duration)
        )

    texts = [words(ms) for ms in range(10, 3000, 10)]
    assert len(list(itertools.groupby(texts))) == len(set(texts)) == 5
    assert "within a fifth of a second" in words(200)
    assert "within half a second" in words(500)
    assert words(300) == prompts.prompt(
        "fear", only(5, 0.2), style="facs-timed", timing=(50, 80, 350)
    )


@pytest.mark.parametrize("emotion", README)
def test_the_readme_style_is_the_readme(emotion: str) -> None:
    text = prompts.prompt(emotion, NONE, style="equime-readme")
    assert text == README[emotion].removesuffix("...")
    assert prompts.tokens(text) <= prompts.BUDGET
    assert set(prompts.README_TEMPLATES) == set(README)


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        (("joy", NONE), {}, "An emotion is one of happiness.* got 'joy'"),
        (("fear", NONE[1:]), {}, "17 intensities in"),
        (("fear", [1.1, *NONE[1:]]), {}, "got .1.1"),
        (("fear", [float("nan"), *NONE[1:]]), {}, "got .nan"),
        (("fear", NONE), {"style": "long"}, "one of facs, facs-timed, equime-readme; got 'long'"),
        (("disgust", NONE), {"style": "equime-readme"}, "templates for happiness.* got 'disgust'"),
        (("fear", NONE), {"side": {14: "up"}}, "left or right.* got .14, 'up'"),
        (("fear", NONE), {"side": {13: "left"}}, "the number of an AU; got .13"),
        (("fear", NONE), {"style": "facs-timed", "timing": (5, 3, 9)}, "in this order"),
        (("fear", NONE), {"style": "facs-timed", "timing": (0, 1, float("nan"))}, "in this order"),
    ],
)
def test_bad_input_is_a_sentence(arguments, options, sentence: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PlanError, match=sentence):
        prompts.prompt(*arguments, **options)


def test_every_style_has_its_version() -> None:
    assert sorted(prompts.VERSIONS) == ["equime-readme", "facs", "facs-timed"]
    assert len(set(prompts.VERSIONS.values())) == 3


def test_timing_is_worded_only_where_asked_for() -> None:
    words = [prompts.prompt("fear", only(5, 0.2), timing=(0, 90, end)) for end in (200, 900)]
    assert words[0] == words[1] == prompts.prompt("fear", only(5, 0.2))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(EMOTIONS),
            st.lists(st.sampled_from((0.0, *INTENSITIES)), min_size=17, max_size=17),
            st.sampled_from([time for time in DURATIONS if time]),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["facs", "facs-timed"]),
)
def test_many_texts_are_those_of_each(
    clips: list[tuple[str, list[float], float]], style: str
) -> None:
    emotions = [emotion for emotion, _, _ in clips]
    au_apex = np.array([vector for _, vector, _ in clips])
    times = np.array([(10.0, 10.0 + time / 2, 10.0 + time) for _, _, time in clips])
    asked, avoided = prompts.texts(emotions, au_apex, times, style=style)
    for row, (emotion, vector, time) in enumerate(clips):
        timing = (10.0, 10.0 + time / 2, 10.0 + time)
        assert asked[row] == prompts.prompt(emotion, vector, style=style, timing=timing)
        assert avoided[row] == prompts.negative_prompt(vector)
