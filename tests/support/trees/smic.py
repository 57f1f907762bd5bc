"""SMIC (the folders are the labels) and SMIC-E (a table of up to three expressions a video)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.trees.drawing import recording, workbook

CLIPS = (
    ("HS", "s1", "negative", "s1_ne_01", 186, 8),
    ("HS", "s1", "surprise", "s1_sur_01", 5301, 9),
    ("HS", "s18", "surprise", "s18_sur_03", 99998, 7),
    ("HS", "s20", "positive", "s20_po_02", 12, 6),
    ("VIS", "s08", "positive", "s08_po_01", 3, 6),
    ("NIR", "s08", "positive", "s08_po_01", 3, 6),
)
"""Part, subject folder, label, clip, first frame, frames."""

HEADER = (
    "Subject", "Filename", None, "OnsetF", "OffsetF", "Onset2F", "Offset2F", "Onset3F", "Offset3F",
    None, "FirstF", "LastF", "TotalMF1", "TotalMF2", "TotalMF3", "TotalVL", "Emotion",
)  # fmt: skip
ROWS: tuple[tuple[Any, ...], ...] = (
    (1, "s1_ne_01", None, 103, 107, 110, 113, None, None, None, 101, 115, 5, 4, None, 15,
     "negative"),
    (1, "s1_sur_01", None, 12, 16, None, None, None, None, None, 10, 18, 5, None, None, 9,
     "surprise"),
    (20, "s20_po_02", None, 3, 4, 6, 7, 9, 10, None, 1, 12, 2, 2, 2, 12, "positive"),
)  # fmt: skip
"""Subject, video, -, three onsets and offsets, -, first, last, three lengths, length, label."""


def smic(root: Path) -> None:
    """All three cameras; the cropped folder lacks s18_sur_03, and 5304 of s1_sur_01 is missing."""
    for part, subject, label, clip, first, length in CLIPS:
        numbers = [n for n in range(first, first + length) if (clip, n) != ("s1_sur_01", 5304)]
        person = int(subject[1:])
        for top, prefix in (("SMIC_all_raw", "image"), ("SMIC_all_cropped", "reg_image")):
            if (top, clip) != ("SMIC_all_cropped", "s18_sur_03"):
                where = f"{top}/{part}/{subject}/micro/{label}/{clip}"
                recording(root, [f"{where}/{prefix}{n:06}.bmp" for n in numbers], person)
    recording(root, [f"SMIC_all_raw/HS/s1/non_micro/s1_non_01/image{n:06}.bmp" for n in (1, 2)], 1)


def smic_e(root: Path, rows: Sequence[tuple[Any, ...]] = ROWS) -> None:
    """Long videos of the fast camera."""
    workbook(root / "HS_long/SMIC-HS-E_annotation.xlsx", {"Sheet1": [HEADER, *rows]})
    for row in ROWS:
        where = f"HS_long/SMIC-HS-E/s{row[0]:02}/{row[1]}"
        names = [f"{where}/image{n:06}.jpg" for n in range(row[10], row[11] + 1)]
        recording(root, names, row[0])


TREES = {"smic": smic, "smic_e": smic_e}
