"""CAS(ME)²: one workbook, whose naming sheets say which folder of `rawpic` a row means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from equime_hub.loading_script.real import frames
from equime_hub.loading_script.real.clip import RealClip
from equime_hub.loading_script.real.dataset import LabFolder, RealDataset
from equime_hub.loading_script.real.frames import Place
from equime_hub.loading_script.real.labels import emotion_3
from equime_hub.loading_script.real.tables import Annotation, TableRow

PEOPLE, VIDEOS = "naming rule1", "naming rule2"


class CasMe2(RealDataset):
    """Qu et al. 2018. Micro and macro, told apart by the column `expression`.

    `emotion_raw` and `emotion` are the self-report. `emotion_3` is the release's own class
    (negative, positive, surprise, others); with `Options.label_map` it is mapped from the
    self-report. An offset of 0 was not seen, so it is the apex.

    Assumptions: the naming sheets have no header; in "naming rule1" the second column is the
    folder (s15) and the third the subject's number, in "naming rule2" the first is the video's
    code (0101) and the second its name (disgust1). `cropped` is laid out as `rawpic`.
    """

    name = "cas_me2"

    def part_clips(self, folder: LabFolder) -> Iterator[RealClip]:
        """All rows of the first sheet; the naming sheets are read once."""
        rows, path = self.rows(folder), self.tables[folder.part].find(folder.root)
        people = _names(path, PEOPLE, {"key": 2, "value": 1})
        videos = _names(path, VIDEOS, {"key": 1, "value": 0})
        top = "cropped" if folder.options.cropped else "rawpic"
        for row in rows:
            subject = _named(row, "subject", str(row.person()), people, PEOPLE)
            video = row.must("name").split("_")[0].lower()
            code = _named(row, "name", video, videos, VIDEOS).zfill(4)
            place = _place(folder.root, row, top, subject, code)
            if row.integer("offset") == 0:
                row = replace(row, values={**row.values, "offset": row.values["apex"]})
            known: dict[str, str | None] = {"subject": subject, "expression": row.expression()}
            if folder.options.label_map is None:
                known["emotion_3"] = emotion_3(self.name, row.text("valence"))
            yield self.row_clip(row, folder, folder.cut([place], row), **known)


def _names(path: Path, sheet: str, columns: Mapping[str, int]) -> dict[str, str]:
    """A naming sheet as name → its other name, both as text in lower case."""
    rows = Annotation((), columns, sheet).read(path)
    return {row.must("key").lower().lstrip("0"): row.must("value").lower() for row in rows}


def _named(row: TableRow, column: str, key: str, names: Mapping[str, str], sheet: str) -> str:
    if key not in names:
        raise row.error(column, f"is {row.text(column)!r}, which the sheet {sheet!r} does not have")
    return names[key]


def _place(root: Path, row: TableRow, top: str, subject: str, code: str) -> Place:
    """Folder of a video: s15 and 0101 are "rawpic/s15/15_0101disgustingteeth"."""
    start = f"{subject.removeprefix('s')}_{code}"
    where = frames.folder(root, top, subject)
    there = sorted(path.name for path in (root / where).iterdir()) if where else []
    fitting = [name for name in there if re.match(rf"{re.escape(start)}(?!\d)", name)]
    if len(fitting) > 1:
        raise row.error("name", f"fits {where}/{' and '.join(fitting)}. Move one elsewhere")
    return (top, subject, fitting[0] if fitting else start)
