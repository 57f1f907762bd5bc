"""MMEW as it is unpacked: `MMEW_Micro_Exp.xlsx`, clips by emotion, macro-expressions by person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.trees.drawing import recording, workbook

WORKBOOK = "MMEW_Micro_Exp.xlsx"
HEADER = (
    "Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units",
    "Estimated Emotion", "remarks",
)  # fmt: skip
ROWS: tuple[tuple[Any, ...], ...] = (
    (1, "S01-01-001", 3, 6, 9, "4+7", "disgust", None),
    (1, "S01-02-003", 2, 5, 8, "L12C", "happiness", "smile"),
    (7, "S07-04-002", 1, 4, 7, 4, "others", None),
    (30, "S30-01-001", 2, 2, 6, "1+2，25", "surprise", None),
)
"""Subject, clip, onset, apex, offset, AUs, emotion, remarks."""

MACRO = (("S01", "anger", "1"), ("S01", "anger", "2"), ("S02", "happiness", ""))
"""Subject, emotion, clip; without clip the frames lie in the emotion's folder."""


def mmew(root: Path, rows: Sequence[tuple[Any, ...]] = ROWS, macro: bool = True) -> None:
    """Ten frames a micro clip, five a macro clip; frame 5 of S01-01-001 is missing."""
    workbook(root / WORKBOOK, {"Sheet1": [HEADER, *rows]})
    for subject, clip, *_, emotion, _ in ROWS:
        where = f"Micro_Expression/{emotion}/{clip}"
        numbers = [n for n in range(1, 11) if (clip, n) != ("S01-01-001", 5)]
        recording(root, [f"{where}/{n}.jpg" for n in numbers], subject)
    for folder, emotion, clip in MACRO if macro else ():
        where = "/".join(filter(None, ("Macro_Expression", folder, emotion, clip)))
        recording(root, [f"{where}/{n}.jpg" for n in range(1, 6)], int(folder[1:]))


def long(count: int = 300) -> list[tuple[Any, ...]]:
    """As many rows as the official table; of row 33 below the header the offset is wrong."""
    rows = [(2, f"S02-05-{n:03}", 1, 4, 7, "4", "others", None) for n in range(count)]
    rows[: len(ROWS)] = ROWS
    rows[33] = (1, "S01-01-001", 3, 6, 2, "4+7", "disgust", None)
    rows[0] = (2, "S02-05-000", 1, 4, 7, "4", "others", None)
    return rows


TREES = {"mmew": mmew}
