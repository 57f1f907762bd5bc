"""Faces of 40×48 pixels, and the files that a lab keeps them in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 40, 48

Cell = str | int | float | None


def face(person: int, amount: float) -> npt.NDArray[np.uint8]:
    """HEIGHT×WIDTH×3, BGR; brows rise and the mouth opens with `amount`, from 0 to 1."""
    image: npt.NDArray[np.uint8] = np.full((HEIGHT, WIDTH, 3), 60 + 5 * (person % 9), np.uint8)
    skin, dark = (120, 150 + person % 40, 200), (30, 30, 50)
    cv2.ellipse(image, (20, 24), (14, 20), 0, 0, 360, skin, -1)
    lift = round(4 * amount)
    for x in (14, 26):
        cv2.line(image, (x - 4, 16 - lift), (x + 4, 16 - lift), dark, 1)
        cv2.circle(image, (x, 21), 2, dark, -1)
    cv2.ellipse(image, (20, 35), (6, 1 + lift), 0, 0, 360, (60, 60, 140), -1)
    return image


def recording(
    root: Path, names: Iterable[str], person: int, apex: int | None = None, gray: bool = False
) -> None:
    """One file a name, relative to the root; the expression is strongest in number `apex`."""
    names = list(names)
    top = len(names) // 2 if apex is None else apex
    for number, name in enumerate(names):
        image = face(person, 1 - abs(number - top) / max(top, len(names) - top, 1))
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if gray else image)


def workbook(path: Path, sheets: dict[str, Sequence[Sequence[Any]]]) -> None:
    """A spreadsheet (.xlsx) of these cells."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
