from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equime_hub.reports.confusion_figure import draw

EMOTIONS = ("happiness", "sadness", "surprise", "disgust", "anger", "fear", "contempt")


@pytest.mark.parametrize("panels", [1, 3])
def test_figure_has_a_cell_for_every_pair(panels: int) -> None:
    counts = np.random.default_rng(0).integers(0, 50, (7, 7))
    counts[6] = 0  # no reference: an empty row, no division by 0
    draw([(f"set {i}", counts.tolist()) for i in range(panels)], EMOTIONS, Path("c.png"))
    with Image.open("c.png") as image:
        colours = image.convert("RGB").getcolors(1 << 24)
    assert colours is not None and len(colours) > 40


def test_figure_shows_counts_and_shares() -> None:
    draw([("samm", [[3, 1], [0, 0]])], ("n", "p"), Path("c.svg"))
    # Letters are paths; what they spell stands beside them as comments.
    found = re.findall(r"<!-- (.*?) -->", Path("c.svg").read_text(encoding="utf-8"))
    assert all(text in found for text in ("samm", "75 %", "25 %", "prediction", "reference"))
    assert found.count("3") == 1 and not any("nan" in text for text in found)
