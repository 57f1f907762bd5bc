"""CAS(ME)³: part A (micro and macro) and part C (micro); the color frames, not the depth."""

from __future__ import annotations

from collections.abc import Iterator

from equime_hub.loading_script.real.clip import RealClip
from equime_hub.loading_script.real.dataset import LabFolder, RealDataset
from equime_hub.loading_script.real.frames import Place
from equime_hub.loading_script.real.tables import TableRow

TOPS: tuple[Place, ...] = ((), ("part_A",), ("part_C",))


class CasMe3(RealDataset):
    """Li et al. 2022. Without `Options.part` all whose table is there are read.

    Depth is not read. A recording holds many expressions, so a clip of part A is called by its
    letter, onset and offset ("c-5-34"). The emotion is the self-report. Part C has no apex, and
    its labels are neg, pos, sur and others. The camera of part A dropped frames: by its authors
    the first seven or eight of most recordings and some later ones, which touches a tenth of the
    clips (issue 3 of jingtingEmmaLi/CAS-ME-3).

    Assumptions: the macro table counts frames as the micro table does and heads its columns alike;
    the frames of part C are `01/1/color/{n}.jpg` (sub, count).
    """

    name = "cas_me3"

    def row_clips(self, row: TableRow, folder: LabFolder) -> Iterator[RealClip]:
        """One clip a row, but none of a micro-expression in the table of part A_macro."""
        kind = "macro" if folder.part == "A_macro" else "micro"
        if kind == "macro" and row.expression() != kind:
            return
        subject, name, recording = _c(row) if folder.part == "C" else _a(row)
        span = folder.cut([(*top, *recording, "color") for top in TOPS], row)
        yield self.row_clip(row, folder, span, subject=subject, name=name, expression=kind)


def _a(row: TableRow) -> tuple[str, str, Place]:
    """Subject, clip and recording of a row of part A; the letter's case does not count."""
    number = row.must("subject").lower().removeprefix("spno.")
    if not number.isdecimal():
        raise row.error("subject", f"is {row.text('subject')!r}, not like spNO.1")
    subject, letter = f"spNO.{int(number)}", row.must("name").lower()
    return subject, f"{letter}-{row.text('onset')}-{row.text('offset')}", (subject, letter)


def _c(row: TableRow) -> tuple[str, str, Place]:
    subject, name = f"{row.person():02}", row.must("name")
    return subject, name, (subject, name)
