from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equime_hub.evaluation import log
from equime_hub.evaluation.evaluate import MeanScore, evaluate
from equime_hub.models.attacks import Attack
from equime_hub.reports.figures import ACCENT, PALETTE
from equime_hub.reports.robustness import _ends, draw
from equime_hub.robustness.degradations import Degradation
from equime_hub.robustness.measure import Condition, Robustness
from tests.reports.test_strip import colour, pixels

CELLS = {
    "clip_id": ["a", "b", "c"], "subject_id": ["x", "y", "z"],
    "reference": ["n", "p", "p"], "prediction": ["n", "p", "n"],
}  # fmt: skip
PART = evaluate(log.of(CELLS, ("n", "p")), level=None).part()


def condition(kind: Any, done: Attack | Degradation | None, *uf1: float) -> Condition:
    """One with a score, and perhaps the ends of its interval."""
    name = done.words if done else "clean"
    score = MeanScore(uf1[0], None, *uf1[1:])
    part = replace(PART, scores={**PART.scores, "uf1": score})
    return Condition(name, kind, done, part, kept=None, changed=0.0, loss=0.0)


CLEAN = condition("clean", None, 0.8, 0.7, 0.9)
ATTACKS = [
    condition("attack", Attack("fgsm", 1.0), 0.6),
    condition("attack", Attack("fgsm", 4.0), 0.3, 0.2, 0.4),
    condition("attack", Attack("pgd", 1.0), 0.5),
    condition("attack", Attack("pgd", 4.0), 0.1),
]
OTHERS = [
    condition("control", Degradation("static"), 0.5),
    condition("degradation", Degradation("jpeg", 30), 0.7, 0.6, 0.8),
]


def robustness(*conditions: Condition) -> Robustness:
    return Robustness(("n", "p"), "grey levels", (CLEAN, *conditions), ())


def test_curves_and_dots_stand_beside_each_other(tmp_path: Path) -> None:
    for name, shown in (("both", ATTACKS + OTHERS), ("attacks", ATTACKS), ("rest", OTHERS)):
        draw(robustness(*shown), tmp_path / f"{name}.png", title="run")
    both, attacks, rest = (pixels(tmp_path / f"{n}.png") for n in ("both", "attacks", "rest"))
    assert both.shape[1] == 2 * attacks.shape[1] == 2 * rest.shape[1]
    assert colour(attacks, PALETTE[1]) > 300 and not colour(rest, PALETTE[1])
    assert colour(rest, ACCENT) > 100 and not colour(attacks, ACCENT)


def test_an_interval_reaches_no_less_than_nothing() -> None:
    assert _ends(MeanScore(0.5)) == (0, 0)
    assert _ends(MeanScore(0.5, None, 0.6, 0.4)) == (0, 0)
    assert np.allclose(_ends(MeanScore(0.5, None, 0.3, 0.6)), (0.2, 0.1))


def test_nothing_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs an attack"):
        draw(robustness(), tmp_path / "a.png")
    assert not [*tmp_path.iterdir()]
    draw(robustness(*ATTACKS, *OTHERS), tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
