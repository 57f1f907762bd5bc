"""SAMM: `SAMM_Micro_FACS_Codes_v2.xlsx` and its clips; the part "long" is SAMM Long Videos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from equime_hub.loading_script.real.clip import RealClip
from equime_hub.loading_script.real.dataset import Expected, LabFolder, RealDataset
from equime_hub.loading_script.real.labels import three
from equime_hub.loading_script.real.tables import Annotation, TableRow, Times, coding_columns

CLASSES = dict(
    Anger=57, Happiness=26, Other=26, Surprise=15, Contempt=12, Disgust=9, Fear=8, Sadness=6
)


class Samm(RealDataset):
    """Davison et al. 2018 (clips), Yap et al. 2020 (long videos).

    Without `Options.part` the clips are read, with "long" the expressions of the long videos,
    micro and macro. Their table names no emotion; an onset or offset of 0 in it is the apex.
    """

    name = "samm"
    title = "SAMM"
    licence = "SAMM release agreement (academic research only, not to be passed on)"
    citation = (
        "A. K. Davison, C. Lansley, N. Costen, K. Tan and M. H. Yap: SAMM: A Spontaneous "
        "Micro-Facial Movement Dataset. IEEE Transactions on Affective Computing, 2018. "
        "C. H. Yap, C. Kendrick and M. H. Yap: SAMM Long Videos: A Spontaneous Facial Micro- and "
        "Macro-Expressions Dataset. FG, 2020"
    )
    needs = (
        "SAMM_Micro_FACS_Codes_v2.xlsx and 006/006_1_2 and so on; for the part long "
        "SAMM_LongVideos_V3_Release.xlsx and SAMM_longvideos/006_1 and so on."
    )
    fps = {"": 200.0, "long": 200.0}
    expected = {"": Expected(subjects=29, clips=159, classes=CLASSES)}
    tables = {
        "": Annotation(
            (
                "SAMM_Micro_FACS_Codes_v2.xlsx",
                "*Micro_FACS_Codes_v2.xlsx",
                "*/*Micro_FACS_Codes_v2.xlsx",
            ),
            coding_columns(
                "Onset Frame", "Apex Frame", "Offset Frame", "Action Units", "Estimated Emotion"
            ),
            header_row=14,
        ),
        "long": Annotation(
            [
                f"{folder}SAMM_LongVideos_V{version}_Release.xls*"
                for version in (3, 2, 1)
                for folder in ("", "*/")
            ],
            coding_columns("Onset", "Apex", "Offset", "Action Units", type="Type"),
            sheet="FACS_Movement_Only",
            header_row=10,
        ),
    }
    subject = "{:03}"
    raw = ((), ("SAMM",))
    cropped = (("SAMM_CROP",), ("SAMM_Cropped",))
    cropped_parts = ("",)
    label_source = "joint"
    gray = True
    label_maps = {"megc3": three("anger", "contempt", "disgust", "fear", "sadness")}

    def row_clips(self, row: TableRow, folder: LabFolder) -> Iterator[RealClip]:
        """One clip a row; in the part "long" its frames are within those of a video."""
        if not folder.part:
            yield from super().row_clips(row, folder)
            return
        video = "_".join(row.must("name").split("_")[:2])
        span = folder.cut([("SAMM_longvideos", video)], row, _seen(row))
        kind = "macro" if row.text("type").lower().startswith("macro") else "micro"
        yield self.row_clip(row, folder, span, expression=kind, label_source=None)


def _seen(row: TableRow) -> Times:
    """Times of a row of the long videos; an onset or offset of 0 is the apex."""
    zeros = {name: row.values["apex"] for name in ("onset", "offset") if row.integer(name) == 0}
    return replace(row, values={**row.values, **zeros}).times()
