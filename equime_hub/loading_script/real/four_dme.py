"""4DME: `4DME_Labelling_Micro_release v1.xlsx`, and gray frames in `gray_micro`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import annotated, aus, frames, tables
from equime_hub.loading_script.real.clip import Expected, Options, RealClip
from equime_hub.loading_script.real.quirks import corrected
from equime_hub.loading_script.real.tables import Row
from equime_hub.schema.taxonomy import AU_NUMBERS

WORKBOOKS = ("4DME_Labelling_Micro_release v1*.xlsx", "*/4DME_Labelling_Micro_release v1*.xlsx")
FRAMES = "gray_micro"
LABELS = ("Positive", "Negative", "Surprise", "Repression", "Others")
UNITS = {f"AU{number}": number for number in AU_NUMBERS}
COLUMNS: dict[str, tables.Names] = {
    "subject": "sub_ID",
    "name": "fold_name",
    "onset": "Onset",
    "apex": "Apex",
    "offset": "Offset",
    "aus": "AUs",
    "emotion": "Emotion",
    **{name: name for name in (*LABELS, *UNITS)},
}


@dataclass(frozen=True)
class FourDme:
    """Li et al. 2022, micro-expressions of the gray camera. A clip may have several emotions.

    `emotion_raw` joins them with "+", in the order of `LABELS`. `emotion` and `emotion_3` are null
    unless exactly one applies; positive and negative alone are no `emotion` either, and repression
    is none of the three: the release has it beside negative, not under it. Units with
    "(k)" stay in `facs` and do not count in `au_apex`. Where the column of units and the columns
    AU1, AU2 and so on disagree, the clip has a note.

    Assumptions: the columns of `LABELS` hold 1 or 0; where none is 1, the column Emotion counts. A
    folder with as many frames as onset to offset needs is that clip, whatever the numbers in its
    file names; in any other these are the frame numbers of the table.
    """

    name: str = "4dme"
    title: str = "4DME"
    licence: str = "4DME licence agreement (academic research only, not to be passed on)"
    citation: str = (
        "X. Li, S. Cheng, Y. Li, M. Behzad, J. Shen, S. Zafeiriou, M. Pantic and G. Zhao: 4DME: A "
        "Spontaneous 4D Micro-Expression Dataset With Multimodalities. IEEE Transactions on "
        "Affective Computing, 2022"
    )
    needs: str = (
        "4DME_Labelling_Micro_release v1.xlsx, and gray_micro/{sub_ID}/{fold_name} and so on."
    )
    fps: Mapping[str, float | None] = field(default_factory=lambda: {"": 60.0})
    expected: Mapping[str, Expected] = field(default_factory=lambda: {"": Expected(None, 267)})

    def files(self, root: Path) -> Sequence[Path]:
        """The table, if it is there."""
        return annotated.files(root, WORKBOOKS)

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """All rows of the table; see `clip.RealDataset`."""
        annotated.only(self, options)
        path = tables.find(root, *WORKBOOKS)
        rows = tables.read(path, COLUMNS, header_row=1, optional=("emotion", *UNITS))
        for row in corrected(rows, self.name, fixes=options.fixes):
            yield RealClip(
                dataset=self.name,
                subject=row.must("subject"),
                name=row.must("name"),
                fps=self.fps[""],
                licence=self.licence,
                label_source="joint",
                gray=True,
                fixes=row.fixes,
                row=row.where,
                **_cut(root, row, options),
                **annotated.emotion(self.name, _label(row), options),
                **annotated.units(row),
            )


def _label(row: Row) -> str:
    return "+".join(name for name in LABELS if row.integer(name)) or row.text("emotion")


def _disagreement(row: Row) -> tuple[str, ...]:
    """A note on the units that only one of the two ways to write them has."""
    try:
        coded = {code.number for code in aus.parse(row.text("aus"))}
    except DatasetError:
        return ()  # `annotated.units` says what is wrong with the cell
    there = {number for name, number in UNITS.items() if name in row.values}
    marked = {number for name, number in UNITS.items() if row.integer(name)}
    wrong = ", ".join(map(str, sorted((coded & there) ^ marked)))
    said = f"{row.where}: AUs is {row.text('aus')!r}, the columns disagree on {wrong}; AUs counts."
    return (said,) if wrong else ()


def _cut(root: Path, row: Row, options: Options) -> dict[str, Any]:
    """Frames and times, as keyword arguments of `RealClip`; see the assumptions of `FourDme`."""
    place = (FRAMES, row.must("subject"), row.must("name"))
    where, at = frames.folder(root, *place), annotated.times(row)
    at = replace(at, notes=(*at.notes, *_disagreement(row)))
    files = frames.images(root, where) if where else ()
    if at.onset is None or at.offset is None or len(files) != at.offset - at.onset + 1:
        return annotated.cut(root, [place], row, at, options)
    counted = dict(enumerate(files, at.onset))
    return frames.span(counted, at.onset, at.apex, at.offset).times() | {"notes": at.notes}
