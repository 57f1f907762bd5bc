from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from equime_hub.reports.cross_figure import (
    ScoreBar,
    ScoreDot,
    Values,
    class_sets,
    consistency,
    heat_map,
)

ROWS = [("st_cnn", "casme2"), ("st_cnn", "equime"), ("no model", "always negative")]


def words(path: str) -> list[str]:
    """Letters of an SVG are paths; what they spell stands beside them as comments."""
    return re.findall(r"<!-- (.*?) -->", Path(path).read_text(encoding="utf-8"), re.DOTALL)


PANELS: dict[str, Values] = {"weighted F1": [[0.526, None], [0.489, 0.486], [0.489, float("nan")]]}
REMARKS = [["loso", ""], ["", ""], ["", ""]]


def test_heat_map_prints_numbers_hatches_constants_and_shows_what_is_missing() -> None:
    tests, constant = ["samm", "casme2"], [[False, False], [True, False], [True, True]]
    heat_map(ROWS, tests, PANELS, Path("h.svg"), constant=constant, remarks=REMARKS)
    found = words("h.svg")
    assert [found.count(number) for number in (".489", ".486", "–")] == [2, 1, 1]
    assert found[found.index(".526") + 1] == "loso"
    assert all(word in found for word in ("weighted F1", "st_cnn", "equime", "always negative"))
    assert not any("nan" in text for text in found)
    none = [[False] * 2] * 3
    heat_map(ROWS, tests, PANELS, Path("plain.svg"), constant=none, remarks=REMARKS)
    hatched, plain = (Path(name).read_text().count("<pattern") for name in ("h.svg", "plain.svg"))
    assert hatched > plain == 0


@pytest.mark.parametrize("tests", [["samm"], ["a dataset with a long name", "samm", "casme2"]])
def test_heat_map_has_room_for_names(tests: list[str]) -> None:
    values = [[0.5] * len(tests)] * 3
    flags, none = [[False] * len(tests)] * 3, [[""] * len(tests)] * 3
    panels = {"UF1": values, "confidence": values}
    heat_map(ROWS, tests, panels, Path("h.png"), constant=flags, remarks=none, grey={"confidence"})
    with Image.open("h.png") as image:
        assert min(image.size) > 300
        colours = image.convert("RGB").getcolors(1 << 24)
    assert colours is not None and len(colours) > 20


def test_consistency_shows_spread_and_constant_predictors() -> None:
    dots = [
        ScoreDot("casme2", "st_cnn", "samm", 0.526, 0.489, False),
        ScoreDot("casme2", "3dcnn", "samm", 0.562, 0.489, False),
        ScoreDot("equime", "st_cnn", "samm", 0.489, 0.489, True),
        ScoreDot("equime", "3dcnn", "samm", 0.488, 0.489, False),
        ScoreDot("mie_x", "3dcnn", "samm", 0.085, 0.489, False),
    ]
    consistency(dots, "weighted F1", Path("c.svg"))
    found = words("c.svg")
    # |0.526 - 0.562| / √2, and the same of the constant ones
    assert [text for text in found if text.startswith("sd ")] == ["sd 0.025", "sd 0.001"]
    assert "one score" in found and "is constant" in found and "constant predictor" in found
    consistency([dot for dot in dots if not dot.constant], "weighted F1", Path("c.svg"))
    assert "is constant" not in words("c.svg")


def test_sets_of_classes_stand_beside_each_other() -> None:
    bars = [
        ScoreBar(model, f"{n} classes", value, 0.3, 0.6, 0.4, n == 5)
        for model, value in (("st_cnn", 0.5), ("3dcnn", None))
        for n in (3, 5)
    ]
    class_sets([("accuracy", bars), ("UF1", bars)], Path("s.svg"))
    found = words("s.svg")
    assert all(word in found for word in ("3 classes", "5 classes", "accuracy", "UF1", "3dcnn"))
    assert "<pattern" in Path("s.svg").read_text()
