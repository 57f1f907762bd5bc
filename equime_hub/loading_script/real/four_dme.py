"""4DME: `4DME_Labelling_Micro_release v1.xlsx`, and gray frames in `gray_micro`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import aus, frames
from equime_hub.loading_script.real.clip import RealClip
from equime_hub.loading_script.real.dataset import LabFolder, RealDataset
from equime_hub.loading_script.real.tables import TableRow
from equime_hub.schema.taxonomy import AU_NUMBERS

LABELS = ("Positive", "Negative", "Surprise", "Repression", "Others")
UNITS = {f"AU{number}": number for number in AU_NUMBERS}


class FourDme(RealDataset):
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

    name = "4dme"

    def row_clips(self, row: TableRow, folder: LabFolder) -> Iterator[RealClip]:
        """One clip a row; for its frames see the assumptions of `FourDme`."""
        place = ("gray_micro", self.subject_of(row), row.must("name"))
        where, at = frames.folder(folder.root, *place), row.times()
        at = replace(at, notes=(*at.notes, *_disagreement(row)))
        files = frames.images(folder.root, where) if where else ()
        if at.onset is None or at.offset is None or len(files) != at.offset - at.onset + 1:
            span = folder.cut([place], row, at)
        else:
            counted = dict(enumerate(files, at.onset))
            span = frames.span(counted, at.onset, at.apex, at.offset) | {"notes": at.notes}
        label = "+".join(each for each in LABELS if row.integer(each)) or row.text("emotion")
        yield self.row_clip(row, folder, span, label=label)


def _disagreement(row: TableRow) -> tuple[str, ...]:
    """A note on the units that only one of the two ways to write them has."""
    try:
        coded = {code.number for code in aus.parse(row.text("aus"))}
    except DatasetError:
        return ()  # `RealDataset.row_clip` says what is wrong with the cell
    there = {number for name, number in UNITS.items() if name in row.values}
    marked = {number for name, number in UNITS.items() if row.integer(name)}
    wrong = ", ".join(map(str, sorted((coded & there) ^ marked)))
    said = f"{row.where}: AUs is {row.text('aus')!r}, the columns disagree on {wrong}; AUs counts."
    return (said,) if wrong else ()
