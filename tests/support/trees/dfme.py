"""DFME as CCAC 2024 gave it out: three folders, each with `coding.xlsx` and its clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.trees.drawing import recording, workbook

HEADER = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "Emotion")
ROWS: tuple[tuple[Any, ...], ...] = (
    ("sub0001", "dfme_00001", 2, 5, "Happiness"),
    ("sub0001", "dfme_00002", 0, 0, "contempt"),
    ("sub0007", "dfme_00107", 1, 4, "fear"),
)
"""Subject, clip, onset, apex, emotion."""

TESTS = {
    "test_A_data": (("sub0300", "dfme_02001"), ("sub0301", "dfme_02002")),
    "test_B_data": (("sub0400", "dfme_03001"),),
}
"""Folder → subject and clip; the rest is withheld."""

LENGTH = 9


def dfme(
    root: Path,
    rows: Sequence[tuple[Any, ...]] = ROWS,
    header: Sequence[str] = HEADER,
    tests: bool = True,
) -> None:
    """Nine frames a clip, numbered from 0; frame 3 of dfme_00107 is missing."""
    workbook(root / "train_data/coding.xlsx", {"Sheet1": [header, *rows]})
    for number, (_, clip, *_) in enumerate(ROWS):
        _frames(root, f"train_data/{clip}", number)
    for folder, people in TESTS.items() if tests else ():
        workbook(root / folder / "coding.xlsx", {"Sheet1": [("Subject", "Filename"), *people]})
        for number, (_, clip) in enumerate(people):
            _frames(root, f"{folder}/{clip}", number)


def _frames(root: Path, where: str, person: int) -> None:
    numbers = [n for n in range(LENGTH) if (where[-5:], n) != ("00107", 3)]
    recording(root, [f"{where}/{n:05}.png" for n in numbers], person)


TREES = {"dfme": dfme}
