"""SAMM as it is unpacked: `SAMM_Micro_FACS_Codes_v2.xlsx`, subject folders, long videos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.trees.drawing import recording, workbook

WORKBOOK = "SAMM_Micro_FACS_Codes_v2.xlsx"
HEADER = (
    "Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame",
    "Duration", "Micro", "Action Units", "Estimated Emotion", "Objective Classes", "Notes",
)  # fmt: skip
ROWS: tuple[tuple[Any, ...], ...] = (
    (6, "006_1_2", 3, 5562, 5565, 5569, 8, "Micro - 1/2", "R12A + L14B", "Happiness", 1, None),
    (9, "009_6_1", 2, 3577, 3579, 3583, 7, "Micro - 1/2", "4 or 7", "Anger", 4, None),
    (11, "011_1_1", 1, 402, 404, 408, 7, "Micro - 1/2", "1+2+5E", "Surprise", 2, None),
    (28, "028_4_1", 4, 2000, 2200, 2006, 7, "Micro - 1/2", "14", "Contempt", 5, None),
    (36, "036_7_1", 7, 80, 83, 86, 7, "Micro - 1/2", "4+L10", "Other", 7, "glasses"),
)
"""Subject, clip, inducement, onset, apex, offset, duration, type, AUs, emotion, class, notes."""

DIGITS = {6: 5, 9: 4, 11: 4, 28: 5, 36: 5}
"""File names are padded differently by subject."""

AROUND = 2
"""Frames before the onset and after the offset."""

LONG_WORKBOOK = "SAMM_LongVideos_V3_Release.xlsx"
LONG_HEADER = (
    "Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type",
    "Action Units", "Notes",
)  # fmt: skip
LONG_ROWS: tuple[tuple[Any, ...], ...] = (
    (6, "006_1_1", 3, 4, 6, 8, 5, "Macro", "R12C", None),
    (6, "006_1_2", 3, 9, 10, 12, 4, "Micro - 1/2", "14B", None),
    (20, "020_6_5", 6, 0, 3, 9, 10, "Macro", "4", None),
)
LONG_FRAMES = {"006_1": range(1, 15), "020_6": range(1, 13)}


def samm(
    root: Path,
    rows: Sequence[tuple[Any, ...]] = ROWS,
    preamble: int = 13,
    header: tuple[str, ...] = HEADER,
    cropped: bool = True,
) -> None:
    """Every clip with `AROUND` more frames on both sides; frame 405 of 011_1_1 is missing."""
    lines: list[Sequence[Any]] = [("SAMM Micro-Movements Dataset",)]
    lines += [(f"Note {number}",) for number in range(2, preamble + 1)]
    workbook(root / WORKBOOK, {"MICRO_ONLY": [*lines[:preamble], header, *rows]})
    for folder in ("", "SAMM_CROP/") if cropped else ("",):
        for subject, clip, _, onset, _, offset, *_ in ROWS:
            numbers = [n for n in range(onset - AROUND, offset + AROUND + 1)]
            names = [
                f"{folder}{subject:03}/{clip}/{subject:03}_{n:0{DIGITS[subject]}}.jpg"
                for n in numbers
                if (clip, n) != ("011_1_1", 405)
            ]
            recording(root, names, subject, gray=True)


def samm_long(root: Path, rows: Sequence[tuple[Any, ...]] = LONG_ROWS) -> None:
    """The long videos beside the clips."""
    lines = [(f"Note {number}",) for number in range(1, 10)]
    workbook(root / LONG_WORKBOOK, {"FACS_Movement_Only": [*lines, LONG_HEADER, *rows]})
    for video, numbers in LONG_FRAMES.items():
        names = [f"SAMM_longvideos/{video}/{video}_{n:04}.jpg" for n in numbers]
        recording(root, names, int(video[:3]), gray=True)


TREES = {"samm": samm}
