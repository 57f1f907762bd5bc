from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equime_hub.reports import curves_figure as curves

_BLUE, _ORANGE = (0, 114, 178), (213, 94, 0)


def history(epochs: int, chosen: int = 0, *, validated: bool = True) -> list[dict[str, float]]:
    rows = []
    for epoch in range(1, epochs + 1):
        row = {"epoch": epoch, "train_loss": 2 / epoch, "train_uf1": 1 - 1 / epoch}
        row["chosen"] = float(epoch == chosen + 1)
        if validated:
            row |= {"validation_loss": 2.2 / epoch, "validation_uf1": 0.9 - 0.8 / epoch}
        rows.append(row)
    return rows


def colours(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).reshape(-1, 3)


def has(path: Path, colour: tuple[int, int, int]) -> bool:
    return bool((colours(path) == colour).all(axis=1).sum() > 50)


def test_one_training() -> None:
    curves.draw([history(6, 4)], Path("c.png"), "stcnn")
    with Image.open("c.png") as image:
        assert image.size[0] > 2 * image.size[1] > 500
    assert has(Path("c.png"), _BLUE) and has(Path("c.png"), _ORANGE)


def test_without_validation_there_is_no_line_for_it() -> None:
    curves.draw([history(3, 2, validated=False)], Path("c.png"))
    assert has(Path("c.png"), _BLUE) and not has(Path("c.png"), _ORANGE)


def test_the_same_curves_give_the_same_bytes() -> None:
    for name in ("a.png", "b.png"):
        curves.draw([history(n, n - 1) for n in (1, 3, 7, 7)], Path(name))
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


@pytest.mark.parametrize("epochs", [[1], [1, 1, 1], [2, 9]])
def test_trainings_of_any_length(epochs: list[int]) -> None:
    curves.draw([history(n) for n in epochs], Path("c.svg"))
    assert Path("c.svg").stat().st_size > 5_000


def test_the_mean_is_that_of_the_trainings_that_go_on() -> None:
    table = curves._table([history(2), history(4)], "train_loss")
    assert table.shape == (2, 4)
    assert np.isnan(table[0, 2:]).all() and table[1].tolist() == [2, 1, 2 / 3, 0.5]
