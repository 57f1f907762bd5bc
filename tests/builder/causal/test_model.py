from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from equime_hub.builder.causal import MAPS, confusion, f_Z
from equime_hub.errors import PlanError
from equime_hub.schema.taxonomy import AU_INDEX, EMOTIONS, facs_code

MARGINS = {
    "mie-x": {"happiness": 5.96, "sadness": 4.59, "surprise": 8.5, "fear": 3.22, "anger": 4.59,
              "disgust": 11.2, "contempt": 7.32},
    "du-2014": {"happiness": 18.7, "sadness": 7.84, "surprise": 10.7, "fear": 7.49,
                "anger": 8.03, "disgust": 10.3},
}  # fmt: skip
"""The stated margins: no draw without a tie comes closer to another emotion."""

TIES = {"mie-x": [("sadness", "4"), ("anger", "4")], "du-2014": []}
"""All draws that two emotions share, as FACS codes."""


def _vector(*numbers: int, intensity: float = 0.2) -> tuple[float, ...]:
    vector = [0.0] * 17
    for number in numbers:
        vector[AU_INDEX[number]] = intensity
    return tuple(vector)


def _possible(name: str, emotion: str) -> Iterator[tuple[float, ...]]:
    """Every pattern that can be drawn for an emotion."""
    table = MAPS[name][emotion]
    always = [number for number, chance in table.items() if chance == 1]
    sometimes = [number for number, chance in table.items() if chance < 1]
    for count in range(len(sometimes) + 1):
        for extra in itertools.combinations(sometimes, count):
            if always or extra:
                yield _vector(*always, *extra)


@pytest.mark.parametrize("name", MAPS)
def test_what_is_drawn_is_read_back_wherever_tables_do_not_overlap(name: str) -> None:
    ties = []
    for emotion in MAPS[name]:
        margins = []
        for au in _possible(name, emotion):
            read, margin = f_Z(au, name)
            if margin == 0:
                ties.append((emotion, facs_code(au)))
            else:
                assert read == emotion
                margins.append(margin)
        assert MARGINS[name][emotion] <= min(margins) < MARGINS[name][emotion] + 0.1
    assert ties == TIES[name]


def test_the_confusion_of_mie_x_is_au_4_alone() -> None:
    readings = {(entry.asked, entry.read): entry for entry in confusion("mie-x", 2000, seed=3)}
    assert set(readings) == {(name, name) for name in MAPS["mie-x"]} | {("anger", "sadness")}
    lost = readings["anger", "sadness"]
    # Both other AUs of anger are off in a quarter of the draws; 4 standard deviations.
    assert abs(lost.draws / 2000 - 0.25) <= 4 * np.sqrt(0.25 * 0.75 / 2000)
    assert (lost.ties, lost.margin) == (lost.draws, None)
    assert readings["anger", "anger"].draws == 2000 - lost.draws
    sadness = readings["sadness", "sadness"]
    assert sadness.draws == 2000
    assert abs(sadness.ties / 2000 - 0.25) <= 4 * np.sqrt(0.25 * 0.75 / 2000)
    for emotion, margin in MARGINS["mie-x"].items():
        found = readings[emotion, emotion].margin
        assert found is not None and found >= margin


def test_the_confusion_of_du_is_none() -> None:
    readings = confusion("du-2014", 500)
    assert [(e.asked, e.read, e.draws, e.ties) for e in readings] == [
        (emotion, emotion, 500, 0) for emotion in MAPS["du-2014"]
    ]
    assert confusion("du-2014", 500) == readings


@pytest.mark.parametrize("name", MAPS)
def test_any_vector_is_read_and_strength_does_not_matter(name: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        on = rng.random(17) < 0.3
        emotion, margin = f_Z(np.where(on, 0.1, 0).tolist(), name)
        assert emotion in EMOTIONS and 0 <= margin < 100
        assert f_Z(np.where(on, 0.9, 0).tolist(), name) == (emotion, margin)


def test_nothing_on_is_no_emotion() -> None:
    assert f_Z(_vector()) == ("others", 0.0)
    assert f_Z(_vector(12, intensity=0.05), threshold=0.05) == ("others", 0.0)
    assert f_Z(_vector(12, intensity=0.06), threshold=0.05)[0] == "happiness"


def test_a_unit_of_no_emotion_changes_nothing_and_one_of_another_lowers_the_margin() -> None:
    emotion, margin = f_Z(_vector(12, 6, 25))
    assert emotion == "happiness"
    blinking, same = f_Z(_vector(12, 6, 25, 45))
    assert blinking == "happiness" and same == pytest.approx(margin)
    assert f_Z(_vector(12, 6, 25, 14))[1] < margin


@pytest.mark.parametrize("au", [(0.1,) * 16, (0.1,) * 16 + (1.1,), (float("nan"),) * 17, ()])
def test_wrong_vectors_are_refused(au: tuple[float, ...]) -> None:
    with pytest.raises(PlanError, match="17 numbers"):
        f_Z(au)


def test_other_wrong_input_is_refused() -> None:
    with pytest.raises(PlanError, match=r"threshold must be in \[0, 1\), got 1"):
        f_Z(_vector(1), threshold=1)
    with pytest.raises(PlanError, match="no AU map 'x'"):
        f_Z(_vector(), "x")
    with pytest.raises(PlanError, match="draws must be at least 1, got 0"):
        confusion(draws=0)
