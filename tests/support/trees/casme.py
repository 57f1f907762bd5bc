"""CASME and CASME II as they are unpacked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.trees.drawing import recording, workbook

CASME2_WORKBOOK = "CASME2-coding-20140508.xlsx"
CASME2_HEADER = (
    "Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units",
    "Estimated Emotion",
)  # fmt: skip
CASME2_ROWS: tuple[tuple[Any, ...], ...] = (
    ("01", "EP02_01f", None, 46, 49, 53, None, "6+12", "happiness"),
    ("01", "EP19_05f", None, 21, 24, 26, None, "4+L10", "others"),
    ("02", "EP01_11f", None, 46, 48, 52, None, "R12A", "disgust"),
    ("04", "EP12_01f", None, 261, "/", 281, None, "4", "disgust"),
    ("05", "EP09_05f", None, 8, 8, 14, None, "4 or 7", "surprise"),
    ("16", "EP01_08", None, 93, 94, 99, None, 17, "repression"),
    ("24", "EP02_07", None, 9, 12, 15, None, "1", "sadness"),
    ("26", "EP15_01", None, 60, 62, 66, None, "1+4", "fear"),
)
"""Subject, clip, -, onset, apex, offset, -, AUs, emotion."""

CASME_WORKBOOK = "casme.xlsx"
CASME_HEADER = (
    "Subject", "Filename", None, "OnsetF", "ApexF1", "ApexF2", "OffsetF", None, "AU", "Emotion",
)  # fmt: skip
CASME_ROWS: tuple[tuple[Any, ...], ...] = (
    (1, "EP01_5", None, 97, 100, 0, 103, None, "L14", "tense"),
    (1, "EP03_1", None, 5, 8, 9, 11, None, "12+6", "happiness"),
    (7, "EP07_4", None, 30, 32, None, 36, None, "4+7", "repression"),
    (12, "EP12_2", None, 99, 100, None, 104, None, "1+2", "surprise"),
)
"""Subject, clip, -, onset, apex, second apex, offset, -, AUs, emotion."""


def casme2(root: Path, rows: Sequence[tuple[Any, ...]] = CASME2_ROWS, preamble: int = 0) -> None:
    """Raw and cropped frames; the cropped ones of sub16 EP01_08 end at 96."""
    notes = [("CASME II",)] * preamble
    workbook(root / CASME2_WORKBOOK, {"Sheet1": [*notes, CASME2_HEADER, *rows]})
    for subject, clip, _, onset, _, offset, *_ in CASME2_ROWS:
        where = f"sub{subject}/{clip}"
        end = 96 if clip == "EP01_08" else offset
        raw = [f"CASME2-RAW/{where}/img{n}.jpg" for n in range(onset - 3, offset + 4)]
        faces = [f"Cropped/{where}/reg_img{n}.jpg" for n in range(onset, end + 1)]
        recording(root, raw, int(subject))
        recording(root, faces, int(subject))


def casme(root: Path, rows: Sequence[tuple[Any, ...]] = CASME_ROWS) -> None:
    """File names of the later subjects have three digits."""
    workbook(root / CASME_WORKBOOK, {"Sheet1": [CASME_HEADER, *rows]})
    for subject, clip, _, onset, _, _, offset, *_ in CASME_ROWS:
        digits = 3 if subject > 6 else 1
        for folder, prefix in (("CASME_raw_selected", ""), ("Cropped", "reg_")):
            names = [
                f"{folder}/sub{subject:02}/{clip}/{prefix}{clip}-{n:0{digits}}.jpg"
                for n in range(onset, offset + 1)
            ]
            recording(root, names, subject)


TREES = {"casme2": casme2, "casme": casme}
