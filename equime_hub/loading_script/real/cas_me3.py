"""CAS(ME)³: part A (micro and macro) and part C (micro); the color frames, not the depth."""

from __future__ import annotations

from collections.abc import Iterator

from equime_hub.loading_script.real.clip import RealClip
from equime_hub.loading_script.real.dataset import Expected, LabFolder, RealDataset
from equime_hub.loading_script.real.frames import Place
from equime_hub.loading_script.real.tables import Annotation, TableRow, coding_columns

TOPS: tuple[Place, ...] = ((), ("part_A",), ("part_C",))
_A = coding_columns("Onset", "Apex", "Offset", "AU", "emotion")
CLASSES = dict(disgust=250, surprise=187, others=161, fear=86, anger=64, sad=57, happy=55)


def _anywhere(name: str) -> tuple[str, str]:
    return name, f"*/{name}"


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
    title = "CAS(ME)³"
    licence = "CAS(ME)³ licence agreement (academic research only, not to be passed on)"
    citation = (
        "J. Li, Z. Dong, S. Lu, S.-J. Wang, W.-J. Yan, Y. Ma, Y. Liu, C. Huang and X. Fu: "
        "CAS(ME)³: A Third Generation Facial Spontaneous Micro-Expression Database With Depth "
        "Information and High Ecological Validity. IEEE Transactions on Pattern Analysis and "
        "Machine Intelligence, 2022"
    )
    needs = (
        "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx and spNO.1/a/color and so on; for the part "
        "A_macro CAS(ME)3_part_A_v2.xls; for the part C CAS(ME)3_part_C_ME.xlsx and 01/1/color "
        "and so on."
    )
    fps = dict.fromkeys(("A", "A_macro", "C"), 30.0)
    expected = {
        "A": Expected(100, 860, CLASSES, {"cas_me3-A-*": 86}),
        "A_macro": Expected(100, 3_346, incomplete={"cas_me3-A_macro-*": 335}),
        "C": Expected(31, 165, {"neg": 99, "sur": 30, "others": 20, "pos": 16}),
    }
    tables = {
        "A": Annotation(_anywhere("cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"), _A, "label"),
        "A_macro": Annotation(
            _anywhere("CAS(ME)3_part_A_v2.xls"),
            _A | {"type": "Expression type"},
            optional=("aus", "emotion"),
        ),
        "C": Annotation(
            _anywhere("CAS(ME)3_part_C_ME.xlsx"),
            dict(
                subject="sub",
                name="count",
                onset="onset",
                offset="offset",
                aus="au",
                emotion="emotion",
            ),
        ),
    }
    label_source = "self_report"

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
