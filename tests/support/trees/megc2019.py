"""MEGC 2019: the organisers' list beside three releases; small ones, or of the official counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np

from tests.support.trees.casme import CASME2_HEADER, CASME2_WORKBOOK, casme2
from tests.support.trees.drawing import workbook
from tests.support.trees.samm import HEADER, WORKBOOK, samm
from tests.support.trees.smic import smic

Listed = tuple[str, str | int, str, int]
"""Dataset, subject, clip, class."""

LIST = "combined_3class_gt.csv"
ROWS: tuple[Listed, ...] = (
    ("casme2", "sub01", "EP02_01f", 1),
    ("casme2", "sub02", "EP01_11f", 0),
    ("casme2", "sub05", "EP09_05f", 2),
    ("casme2", "sub16", "EP01_08", 0),
    ("smic", "s01", "s1_ne_01", 0),
    ("smic", "s01", "s1_sur_01", 2),
    ("smic", "s20", "s20_po_02", 1),
    ("samm", 6, "006_1_2", 1),
    ("samm", 9, "009_6_1", 0),
    ("samm", 11, "011_1_1", 2),
    ("samm", 28, "028_4_1", 0),
)
OFFICIAL = {
    "casme2": {"negative": 88, "positive": 32, "surprise": 25},
    "smic": {"negative": 70, "positive": 51, "surprise": 43},
    "samm": {"negative": 92, "positive": 26, "surprise": 15},
}
SUBJECTS = {"casme2": 24, "smic": 16, "samm": 28}

DROPPED = ((4, "EP12_01f", "disgust"), (5, "EP12_03f", "disgust"), (24, "EP02_07", "disgust"))
"""Clips of CASME II that the rule would take and the list does not have."""
OTHERS = ((1, "EP30_01", "sadness"), (2, "EP30_02", "fear"), (3, "EP30_03", "others"))

_RAW = {
    "casme2": {"negative": ("disgust", "repression"), "positive": ("happiness",),
               "surprise": ("surprise",)},
    "samm": {"negative": ("Anger", "Contempt", "Disgust", "Fear", "Sadness"),
             "positive": ("Happiness",), "surprise": ("Surprise",)},
}  # fmt: skip


def megc2019(root: Path, rows: Iterable[Listed] = ROWS) -> None:
    """A few clips of each."""
    write_list(root, rows)
    casme2(root / "CASME II")
    smic(root / "SMIC")
    samm(root / "samm")


def write_list(root: Path, rows: Iterable[Listed]) -> None:
    """No header, and a blank line between the datasets, as copies of it have."""
    lines = [",".join(map(str, row)) for row in rows]
    root.mkdir(parents=True, exist_ok=True)
    (root / LIST).write_text("\r\n".join([*lines[:3], "", *lines[3:]]) + "\r\n", encoding="utf-8")


def official(root: Path) -> list[Listed]:
    """442 clips of 68 people and some more of the same releases; three frames of 2×2 pixels each.

    Returns:
        The list.
    """
    image = cv2.imencode(".bmp", np.full((2, 2), 128, np.uint8))[1].tobytes()
    rows = [*_casme2(root / "casme2", image), *_smic(root / "smic", image),
            *_samm(root / "samm", image)]  # fmt: skip
    write_list(root, rows)
    return rows


def _labels(dataset: str) -> list[tuple[int, str]]:
    """Class and raw label of each clip."""
    raw = _RAW.get(dataset, {name: (name,) for name in OFFICIAL[dataset]})
    return [(number, label) for number, (name, count) in enumerate(OFFICIAL[dataset].items())
            for label, _ in zip(cycle(raw[name]), range(count), strict=False)]  # fmt: skip


def _frames(folder: Path, names: Sequence[str], image: bytes) -> None:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(image)


def _casme2(root: Path, image: bytes) -> list[Listed]:
    found: list[Listed] = []
    clips = [(n % 24 + 1, f"EP01_{n:02}", raw) for n, (_, raw) in enumerate(_labels("casme2"))]
    table: list[Sequence[object]] = [CASME2_HEADER]
    for subject, clip, raw in (*clips, *DROPPED, *OTHERS):
        apex = "/" if clip == "EP12_01f" else 2
        table.append((subject, clip, None, 1, apex, 3, None, "4", raw))
        where = root / f"CASME2-RAW/sub{subject:02}/{clip}"
        _frames(where, [f"img{n}.jpg" for n in (1, 2, 3)], image)
    for (subject, clip, _), (number, _) in zip(clips, _labels("casme2"), strict=True):
        found.append(("casme2", f"sub{subject:02}", clip, number))
    workbook(root / CASME2_WORKBOOK, {"Sheet1": table})
    return found


def _smic(root: Path, image: bytes) -> list[Listed]:
    found: list[Listed] = []
    for n, (number, label) in enumerate(_labels("smic")):
        subject, clip = n % 16 + 1, f"s{n % 16 + 1}_{label[:2]}_{n:02}"
        where = root / f"SMIC_all_raw/HS/s{subject}/micro/{label}/{clip}"
        _frames(where, [f"image{n:06}.bmp" for n in (8, 9, 10)], image)
        found.append(("smic", f"s{subject:02}", clip, number))
    return found


def _samm(root: Path, image: bytes) -> list[Listed]:
    found: list[Listed] = []
    table: list[Sequence[object]] = [(f"Note {n}",) for n in range(13)] + [HEADER]
    for n, (number, raw) in enumerate([*_labels("samm"), (-1, "Other"), (-1, "Other")]):
        subject, clip = n % 28 + 6, f"{n % 28 + 6:03}_{n // 28 + 1}_1"
        table.append((subject, clip, 1, 1, 2, 3, 3, "Micro - 1/2", "4", raw, 1, None))
        where = root / f"{subject:03}/{clip}"
        _frames(where, [f"{subject:03}_{k:04}.jpg" for k in (1, 2, 3)], image)
        if number >= 0:
            found.append(("samm", subject, clip, number))
    workbook(root / WORKBOOK, {"MICRO_ONLY": table})
    return found


TREES = {"megc2019": megc2019}
