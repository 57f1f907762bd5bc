"""4DME as it is unpacked: the table of micro-expressions, and gray frames in `gray_micro`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.trees.drawing import recording, workbook

WORKBOOK = "4DME_Labelling_Micro_release v1.xlsx"
UNITS = (1, 2, 4, 5, 6, 7, 10, 12, 14, 24, 38, 45)
HEADER = (
    "sub_ID", "fold_name", "Onset", "Apex", "Offset", "AUs", "Emotion", "eye blink", "Positive",
    "Negative", "Surprise", "Repression", "Others", *(f"AU{number}" for number in UNITS),
)  # fmt: skip


def row(
    subject: str, clip: str, times: Sequence[int], aus: str, flags: str, units: Sequence[int]
) -> tuple[Any, ...]:
    """A row of the table; `flags` are the five emotions, such as "10010"."""
    marked = [int(number in units) for number in UNITS]
    return (subject, clip, *times, aus, "", 0, *map(int, flags), *marked)


ROWS: tuple[tuple[Any, ...], ...] = (
    row("sub01", "clip_1", (101, 104, 108), "AU4+AU7(k)", "01000", (4, 7)),
    row("sub01", "clip_2", (5, 8, 12), "6+12", "10010", (6, 12)),
    row("sub12", "clip_1", (20, 20, 26), "1+2+5", "00100", (1, 2, 5)),
    row("sub23", "clip_4", (3, 5, 8), "24", "00010", (24,)),
)
"""Of negative; positive and repression; surprise; repression."""

NUMBERS = {
    ("sub01", "clip_1"): range(101, 109),
    ("sub01", "clip_2"): range(1, 9),
    ("sub12", "clip_1"): range(15, 30),
    ("sub23", "clip_4"): range(3, 8),
}
"""Clip → numbers of its files: those of the table; from 1 on; more; one too few."""


def fourdme(
    root: Path, rows: Sequence[tuple[Any, ...]] = ROWS, header: Sequence[str] = HEADER
) -> None:
    """Gray frames only; the other cameras are not read."""
    workbook(root / WORKBOOK, {"Sheet1": [header, *rows]})
    for (subject, clip), numbers in NUMBERS.items():
        names = [f"gray_micro/{subject}/{clip}/{n:04}.jpg" for n in numbers]
        recording(root, names, int(subject[3:]), gray=True)


def long() -> list[tuple[Any, ...]]:
    """267 rows; those with the indices 144 and 145 have each other's labels."""
    rows = [row("sub99", f"clip_{n}", (1, 2, 3), "4", "00001", (4,)) for n in range(267)]
    rows[144] = row("sub01", "clip_1", (101, 104, 108), "6+12", "10010", (6, 12))
    rows[145] = row("sub01", "clip_2", (5, 8, 12), "AU4+AU7(k)", "01000", (4, 7))
    return rows


TREES = {"4dme": fourdme}
