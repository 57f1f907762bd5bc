"""CAS(ME)³: part A (micro and macro) and part C (micro); the color frames, not the depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from equime_hub.loading_script.real import annotated, tables
from equime_hub.loading_script.real.clip import Expected, Options, RealClip
from equime_hub.loading_script.real.quirks import corrected
from equime_hub.loading_script.real.tables import Row

TOPS: tuple[annotated.Names, ...] = ((), ("part_A",), ("part_C",))
_A: dict[str, tables.Names] = {
    "subject": "Subject",
    "name": "Filename",
    "onset": "Onset",
    "apex": "Apex",
    "offset": "Offset",
    "aus": "AU",
    "emotion": "emotion",
}
_C: dict[str, tables.Names] = {
    "subject": "sub",
    "name": "count",
    "onset": "onset",
    "offset": "offset",
    "aus": "au",
    "emotion": "emotion",
}
CLASSES = {
    "disgust": 250,
    "surprise": 187,
    "others": 161,
    "fear": 86,
    "anger": 64,
    "sad": 57,
    "happy": 55,
}


@dataclass(frozen=True)
class Table:
    """Annotation of one part.

    Attributes:
        workbooks: Patterns of the file, the newest first.
        columns: As `tables.read` takes them.
        sheet: Its name; None is the first.
        expression: Of all its rows; "macro" leaves out those of another "Expression type".
        optional: Columns that may be absent.
    """

    workbooks: Sequence[str]
    columns: Mapping[str, tables.Names]
    sheet: str | None = None
    expression: str = "micro"
    optional: Sequence[str] = ()


def _anywhere(*names: str) -> tuple[str, ...]:
    return (*names, *(f"*/{name}" for name in names))


TABLES = {
    "A": Table(_anywhere("cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"), _A, "label"),
    "A_macro": Table(
        _anywhere("CAS(ME)3_part_A_v2.xls"),
        {**_A, "type": "Expression type"},
        expression="macro",
        optional=("aus", "emotion"),
    ),
    "C": Table(_anywhere("CAS(ME)3_part_C_ME.xlsx"), _C),
}
"""Part → its table."""


@dataclass(frozen=True)
class CasMe3:
    """Li et al. 2022. Parts are `TABLES`; without `Options.part` all whose table is there are read.

    Depth is not read. A recording holds many expressions, so a clip of part A is called by its
    letter, onset and offset ("c-5-34"). The emotion is the self-report. Part C has no apex, and
    its labels are neg, pos, sur and others. The camera of part A dropped frames: by its authors
    the first seven or eight of most recordings and some later ones, which touches a tenth of the
    clips (issue 3 of jingtingEmmaLi/CAS-ME-3).

    Assumptions: the macro table counts frames as the micro table does and heads its columns alike;
    the frames of part C are `01/1/color/{n}.jpg` (sub, count).
    """

    name: str = "cas_me3"
    title: str = "CAS(ME)³"
    licence: str = "CAS(ME)³ licence agreement (academic research only, not to be passed on)"
    citation: str = (
        "J. Li, Z. Dong, S. Lu, S.-J. Wang, W.-J. Yan, Y. Ma, Y. Liu, C. Huang and X. Fu: "
        "CAS(ME)³: A Third Generation Facial Spontaneous Micro-Expression Database With Depth "
        "Information and High Ecological Validity. IEEE Transactions on Pattern Analysis and "
        "Machine Intelligence, 2022"
    )
    needs: str = (
        "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx and spNO.1/a/color and so on; for the part "
        "A_macro CAS(ME)3_part_A_v2.xls; for the part C CAS(ME)3_part_C_ME.xlsx and 01/1/color "
        "and so on."
    )
    fps: Mapping[str, float | None] = field(default_factory=lambda: dict.fromkeys(TABLES, 30.0))
    expected: Mapping[str, Expected] = field(
        default_factory=lambda: {
            "A": Expected(100, 860, CLASSES, {"cas_me3-A-*": 86}),
            "A_macro": Expected(100, 3_346, incomplete={"cas_me3-A_macro-*": 335}),
            "C": Expected(31, 165, {"neg": 99, "sur": 30, "others": 20, "pos": 16}),
        }
    )

    def files(self, root: Path) -> Sequence[Path]:
        """The tables that are there."""
        return annotated.files(root, *(table.workbooks for table in TABLES.values()))

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """All rows, part by part; see `clip.RealDataset`."""
        annotated.only(self, options)
        there = [part for part in TABLES if annotated.there(root, TABLES[part].workbooks)]
        for part in [options.part] if options.part else there or ["A"]:
            table = TABLES[part]
            path = tables.find(root, *table.workbooks)
            rows = tables.read(
                path, table.columns, sheet=table.sheet, header_row=1, optional=table.optional
            )
            last: dict[str, dict[int, str]] = {}
            for row in corrected(rows, self.name, fixes=options.fixes):
                if "type" not in table.columns or _expression(row) == table.expression:
                    yield self._clip(root, part, row, options, last)

    def _clip(
        self, root: Path, part: str, row: Row, options: Options, last: dict[str, dict[int, str]]
    ) -> RealClip:
        subject, name, recording = _c(row) if part == "C" else _a(row)
        places = [(*top, *recording, "color") for top in TOPS]
        return RealClip(
            dataset=self.name,
            part=part,
            subject=subject,
            name=name,
            fps=self.fps[part],
            licence=self.licence,
            label_source="self_report",
            expression=TABLES[part].expression,
            fixes=row.fixes,
            row=row.where,
            **annotated.cut(root, places, row, annotated.times(row), options, last),
            **annotated.emotion(self.name, row.text("emotion"), options),
            **annotated.units(row),
        )


def _a(row: Row) -> tuple[str, str, annotated.Names]:
    """Subject, clip and recording of a row of part A; the letter's case does not count."""
    number = row.must("subject").lower().removeprefix("spno.")
    if not number.isdecimal():
        raise row.error("subject", f"is {row.text('subject')!r}, not like spNO.1")
    subject, letter = f"spNO.{int(number)}", row.must("name").lower()
    return subject, f"{letter}-{row.text('onset')}-{row.text('offset')}", (subject, letter)


def _c(row: Row) -> tuple[str, str, annotated.Names]:
    subject, name = f"{annotated.person(row):02}", row.must("name")
    return subject, name, (subject, name)


def _expression(row: Row) -> str:
    kind = row.must("type").lower()
    for expression in ("micro", "macro"):
        if kind.startswith(expression):
            return expression
    raise row.error("type", f"is {kind!r}, neither a micro- nor a macro-expression")
