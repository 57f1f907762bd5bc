"""DFME, as CCAC 2024 gave it out: `train_data/coding.xlsx` and a folder of frames a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from equime_hub.loading_script.real.clip import RealClip
from equime_hub.loading_script.real.dataset import LabFolder, RealDataset
from equime_hub.loading_script.real.notes import say
from equime_hub.loading_script.real.tables import TableRow, Times

UNDECLARED = "At which rate it was filmed is not declared: fps is null."


class DfmeRelease(RealDataset):
    """Zhao et al. 2023. Parts are `tables`; without `Options.part` all that are there are read.

    Of DFME's 7,526 clips the challenge gave out 2,629 of 259 people, none of whom is in two parts.

    A clip is its whole folder; onset and apex are annotated, the offset is not. It was filmed at
    500, 300 or 200 fps (recordings A, B and C). Only the table says at which: a clip for which it
    does not has a null `fps` and a note, and a remark counts them. Labels of test_A and test_B are
    withheld; if the table has them all the same, they are read.

    Assumptions: the test parts lie in `test_A_data` and `test_B_data`, each with its own
    coding.xlsx; a column "Part" (A, B or C) or "FPS", where there is one, tells the rate.
    """

    name = "dfme"

    @property
    def parts(self) -> list[str]:
        """The parts of the challenge; `fps` has the recordings instead."""
        return list(self.tables)

    def part_clips(self, folder: LabFolder) -> Iterator[RealClip]:
        """All rows of a part's table; a remark counts those without a declared rate."""
        rows, top = self.rows(folder), f"{folder.part}_data"
        undeclared = []
        for row in rows:
            at, fps = _times(row), self._rate(row)
            if fps is None:
                undeclared.append(row)
                at = replace(at, notes=(*at.notes, UNDECLARED))
            span = folder.cut([(top, row.must("name"))], row, at)
            source = "joint" if row.text("emotion") else None
            yield self.row_clip(row, folder, span, fps=fps, label_source=source)
        if undeclared:
            say(
                f"{top}/{undeclared[0].file} does not say at which rate {len(undeclared)}"
                f" of {len(rows)} clips were filmed (first: row {undeclared[0].number}): their fps "
                "is null. Add a column Part (A, B or C) or FPS (500, 300 or 200)."
            )

    def _rate(self, row: TableRow) -> float | None:
        """Declared rate; None if there is no such column or the cell is empty.

        Raises:
            DatasetError: The cell is none of the three recordings or rates, or they contradict
                each other.
        """
        recording = row.text("recording").upper().removeprefix("PART").strip(" -_")
        if recording and recording not in self.fps:
            raise row.error("recording", f"is {row.text('recording')!r}, not A, B or C")
        fps = self.fps[recording]
        if (said := row.integer("fps")) is not None:
            if said not in self.fps.values():
                raise row.error("fps", f"is {said}, not 500, 300 or 200")
            if fps not in (None, said):
                raise row.error("fps", f"is {said}, but recording {recording} has {fps:g}")
            fps = float(said)
        return fps


def _times(row: TableRow) -> Times:
    """Onset and apex; an apex before the onset is left out."""
    onset, apex = row.integer("onset"), row.integer("apex")
    if onset is not None and apex is not None and apex < onset:
        note = f"{row.where}: the apex {apex} is before the onset {onset}; not taken."
        return Times(onset, notes=(note,))
    return Times(onset, apex)
