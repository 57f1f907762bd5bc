from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from equime_hub.reports.figures import ACCENT, PALETTE
from equime_hub.reports.robustness_figure import Curve, Dot, Score, draw
from tests.reports.test_strip import colour, pixels

CLEAN = Score(0.8, 0.7, 0.9)
CURVES = [
    Curve("FGSM", ((1.0, Score(0.6)), (4.0, Score(0.3, 0.2, 0.4)))),
    Curve("PGD-10", ((1.0, Score(0.5)), (4.0, Score(0.1)))),
]
DOTS = [Dot("static", Score(0.5), True), Dot("JPEG, quality 30", Score(0.7, 0.6, 0.8), False)]


def test_curves_and_dots_stand_beside_each_other(tmp_path: Path) -> None:
    for name, curves, dots in (("both", CURVES, DOTS), ("attacks", CURVES, []), ("rest", [], DOTS)):
        draw(CLEAN, 0.2, curves, dots, tmp_path / f"{name}.png", unit="grey levels", title="run")
    both, attacks, rest = (pixels(tmp_path / f"{n}.png") for n in ("both", "attacks", "rest"))
    assert both.shape[1] == 2 * attacks.shape[1] == 2 * rest.shape[1]
    assert colour(attacks, PALETTE[1]) > 300 and not colour(rest, PALETTE[1])
    assert colour(rest, ACCENT) > 100 and not colour(attacks, ACCENT)


def test_an_interval_reaches_no_less_than_nothing() -> None:
    assert Score(0.5).error == (0, 0)
    assert Score(0.5, 0.6, 0.4).error == (0, 0)
    assert np.allclose(Score(0.5, 0.3, 0.6).error, (0.2, 0.1))


def test_nothing_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs an attack"):
        draw(CLEAN, 0.2, [], [], tmp_path / "a.png", unit="")
    assert not [*tmp_path.iterdir()]
    draw(CLEAN, 0.2, CURVES, DOTS, tmp_path / "a.pdf", unit="")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
