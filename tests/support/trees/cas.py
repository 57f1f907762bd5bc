"""CAS(ME)² and CAS(ME)³ as they are unpacked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.trees.drawing import recording, workbook

ME2_WORKBOOK = "CAS(ME)^2code_final(Updated).xlsx"
ME2_ROWS: tuple[tuple[Any, ...], ...] = (
    (1, "disgust1_1", 3, 6, 9, "4+L10", "negative", "micro-expression", "disgust"),
    (1, "disgust1_2", 12, 14, 0, 14, "negative", "macro-expression", "helpless"),
    (1, "happy3_1", 2, 5, 8, "6+12", "positive", "macro-expression", "happiness"),
    (2, "anger1_1", 4, 7, 10, None, "others", "micro-expression", "anger"),
)
"""Subject, clip, onset, apex, offset, AUs, valence, type, self-report; the file has no header."""

ME2_PEOPLE = ((1, "s15", 1), (2, "s16", 2))
ME2_VIDEOS = (("0101", "disgust1"), (401, "anger1"), (503, "happy3"))
"""The naming sheets: -, folder, subject; code, name. A spreadsheet drops the 0 of a number."""

ME2_FOLDERS = {
    "s15/15_0101disgustingteeth": range(1, 17),
    "s15/15_0503unnyinnovations": range(1, 11),
    "s16/16_0401girlcrashing": range(1, 13),
}

ME3_WORKBOOK = "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"
ME3_HEADER = (
    "Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion",
)  # fmt: skip
ME3_ROWS: tuple[tuple[Any, ...], ...] = (
    ("spNO.1", "a", 10, 12, 15, "4", 4, "disgust"),
    ("spNO.1", "a", 18, 18, 22, "1+2", 2, "surprise"),
    ("spNO.2", "J", 3, 9, 14, "L12+R14A", 1, "happy"),
    ("spNO.214", "c", 5, 20, 3460, "4+7", 4, "Others"),
)
"""Subject, recording, onset, apex, offset, AUs, objective class, emotion."""

ME3_FOLDERS = {
    "spNO.1/a": range(8, 25),
    "spNO.2/j": range(8, 16),
    "spNO.214/c": range(5, 37),
}
"""Recording → its frames; the first seven are never there."""

ME3_MACRO_WORKBOOK = "CAS(ME)3_part_A_v2.xls"
ME3_MACRO_HEADER = (*ME3_HEADER[:6], "Expression type", "emotion")
ME3_MACRO_ROWS: tuple[tuple[Any, ...], ...] = (
    ("spNO.1", "a", 10, 12, 15, "4", "Micro-expression", "disgust"),
    ("spNO.1", "A", 11, 14, 20, "6+12", "Macro-expression", "happy"),
)

ME3_C_WORKBOOK = "CAS(ME)3_part_C_ME.xlsx"
ME3_C_HEADER = ("sub", "count", "onset", "offset", "au", "emotion")
ME3_C_ROWS: tuple[tuple[Any, ...], ...] = (
    (1, 1, 101, 105, "4,7", "neg"),
    (1, 2, 201, 206, "1，2", "sur"),
    (12, 1, 31, 36, 12, "pos"),
)
"""Person, number, onset, offset, AUs (once with a Chinese comma), emotion."""


def cas_me2(
    root: Path,
    rows: Sequence[tuple[Any, ...]] = ME2_ROWS,
    sheet: str = "CASFEcode_final",
    naming: tuple[str, str] = ("naming rule1", "naming rule2"),
) -> None:
    """Whole recordings, three videos of two people."""
    workbook(root / ME2_WORKBOOK, {sheet: rows, naming[0]: ME2_PEOPLE, naming[1]: ME2_VIDEOS})
    for folder, numbers in ME2_FOLDERS.items():
        recording(root, [f"rawpic/{folder}/img{n:03}.jpg" for n in numbers], int(folder[1:3]))


def cas_me3(
    root: Path,
    rows: Sequence[tuple[Any, ...]] = ME3_ROWS,
    parts: Sequence[str] = ("A", "A_macro", "C"),
    header: Sequence[str] = ME3_HEADER,
    sheet: str = "label",
) -> None:
    """Recordings with color and depth; frame 13 of spNO.1/a is missing."""
    if "A" in parts:
        workbook(root / ME3_WORKBOOK, {"notes": [("v2",)], sheet: [header, *rows]})
    if "A_macro" in parts:
        old_workbook(root / ME3_MACRO_WORKBOOK, [ME3_MACRO_HEADER, *ME3_MACRO_ROWS])
    if "C" in parts:
        workbook(root / ME3_C_WORKBOOK, {"Sheet1": [ME3_C_HEADER, *ME3_C_ROWS]})
        for subject, count, onset, offset, *_ in ME3_C_ROWS:
            names = [f"{subject:02}/{count}/color/{n}.jpg" for n in range(onset - 2, offset + 3)]
            recording(root, names, subject)
    for folder, numbers in ME3_FOLDERS.items():
        there = [n for n in numbers if (folder, n) != ("spNO.1/a", 13)]
        person = int(folder[5:].split("/")[0])
        recording(root, [f"{folder}/color/{n}.jpg" for n in there], person)
        recording(root, [f"{folder}/depth/{n}.png" for n in there], person)


def old_workbook(path: Path, rows: Sequence[Sequence[Any]]) -> None:
    """A spreadsheet of the kind before 2007 (.xls)."""
    import xlwt

    book = xlwt.Workbook()
    sheet = book.add_sheet("Sheet1")
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            sheet.write(number, place, value)
    book.save(str(path))


TREES = {"cas_me2": cas_me2, "cas_me3": cas_me3}
