"""CAS(ME)²: one workbook, whose naming sheets say which folder of `rawpic` a row means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from equime_hub.loading_script.real import annotated, frames, tables
from equime_hub.loading_script.real.clip import Expected, Options, RealClip
from equime_hub.loading_script.real.labels import emotion_3
from equime_hub.loading_script.real.quirks import corrected
from equime_hub.loading_script.real.tables import Row

WORKBOOKS = (
    "CAS(ME)^2code_final(Updated).xls*",
    "CAS(ME)^2code_final.xls*",
    "*/CAS(ME)^2code_final(Updated).xls*",
    "*/CAS(ME)^2code_final.xls*",
)
CODES, PEOPLE, VIDEOS = "CASFEcode_final", "naming rule1", "naming rule2"
COLUMNS = {
    "subject": 0,
    "name": 1,
    "onset": 2,
    "apex": 3,
    "offset": 4,
    "aus": 5,
    "valence": 6,
    "type": 7,
    "emotion": 8,
}
EXPRESSIONS = {"micro-expression": "micro", "macro-expression": "macro"}


@dataclass(frozen=True)
class CasMe2:
    """Qu et al. 2018. Micro and macro, told apart by the column `expression`.

    `emotion_raw` and `emotion` are the self-report. `emotion_3` is the release's own class
    (negative, positive, surprise, others); with `Options.label_map` it is mapped from the
    self-report. An offset of 0 was not seen, so it is the apex.

    Assumptions: the naming sheets have no header; in "naming rule1" the second column is the
    folder (s15) and the third the subject's number, in "naming rule2" the first is the video's
    code (0101) and the second its name (disgust1). `cropped` is laid out as `rawpic`.
    """

    name: str = "cas_me2"
    title: str = "CAS(ME)²"
    licence: str = "CAS(ME)² licence agreement (academic research only, not to be passed on)"
    citation: str = (
        "F. Qu, S.-J. Wang, W.-J. Yan, H. Li, S. Wu and X. Fu: CAS(ME)²: A Database for "
        "Spontaneous Macro-Expression and Micro-Expression Spotting and Recognition. IEEE "
        "Transactions on Affective Computing, 2018"
    )
    needs: str = "CAS(ME)^2code_final(Updated).xlsx, and rawpic/s15/15_0101… and so on."
    fps: Mapping[str, float | None] = field(default_factory=lambda: {"": 30.0})
    expected: Mapping[str, Expected] = field(
        default_factory=lambda: {"": Expected(subjects=22, clips=357)}
    )

    def files(self, root: Path) -> Sequence[Path]:
        """The workbook, if it is there."""
        return annotated.files(root, WORKBOOKS)

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """All rows of the first sheet; see `clip.RealDataset`."""
        annotated.only(self, options, cropped=("",))
        path = tables.find(root, *WORKBOOKS)
        rows = tables.read(path, COLUMNS, sheet=CODES)
        people = _names(path, PEOPLE, {"key": 2, "value": 1})
        videos = _names(path, VIDEOS, {"key": 1, "value": 0})
        last: dict[str, dict[int, str]] = {}
        for row in corrected(rows, self.name, fixes=options.fixes):
            subject = _named(row, "subject", str(annotated.person(row)), people, PEOPLE)
            video = row.must("name").split("_")[0].lower()
            code = _named(row, "name", video, videos, VIDEOS).zfill(4)
            place = _place(root, row, "cropped" if options.cropped else "rawpic", subject, code)
            if row.integer("offset") == 0:
                row = replace(row, values={**row.values, "offset": row.values["apex"]})
            yield RealClip(
                dataset=self.name,
                subject=subject,
                name=row.must("name"),
                fps=self.fps[""],
                licence=self.licence,
                label_source="self_report",
                expression=_expression(row),
                fixes=row.fixes,
                row=row.where,
                **annotated.cut(root, [place], row, annotated.times(row), options, last),
                **self._labels(row, options),
                **annotated.units(row),
            )

    def _labels(self, row: Row, options: Options) -> dict[str, Any]:
        """The three label columns, as keyword arguments of `RealClip`."""
        found = annotated.emotion(self.name, row.text("emotion"), options)
        if options.label_map is None:
            found["emotion_3"] = emotion_3(self.name, row.text("valence"))
        return found


def _names(path: Path, sheet: str, columns: Mapping[str, int]) -> dict[str, str]:
    """A naming sheet as name → its other name, both as text in lower case."""
    rows = tables.read(path, columns, sheet=sheet)
    return {row.must("key").lower().lstrip("0"): row.must("value").lower() for row in rows}


def _named(row: Row, column: str, key: str, names: Mapping[str, str], sheet: str) -> str:
    if key not in names:
        raise row.error(column, f"is {row.text(column)!r}, which the sheet {sheet!r} does not have")
    return names[key]


def _expression(row: Row) -> str:
    kind = row.must("type").lower()
    if kind not in EXPRESSIONS:
        raise row.error("type", f"is {kind!r}, not {' or '.join(EXPRESSIONS)}")
    return EXPRESSIONS[kind]


def _place(root: Path, row: Row, top: str, subject: str, code: str) -> annotated.Names:
    """Folder of a video: s15 and 0101 are "rawpic/s15/15_0101disgustingteeth"."""
    start = f"{subject.removeprefix('s')}_{code}"
    where = frames.folder(root, top, subject)
    there = sorted(path.name for path in (root / where).iterdir()) if where else []
    fitting = [name for name in there if re.match(rf"{re.escape(start)}(?!\d)", name)]
    if len(fitting) > 1:
        raise row.error("name", f"fits {where}/{' and '.join(fitting)}. Move one elsewhere")
    return (top, subject, fitting[0] if fitting else start)
