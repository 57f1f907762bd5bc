"""SMIC-E-HS: `HS_long/SMIC-HS-E_annotation*.xlsx`, and videos with up to three expressions each."""

from __future__ import annotations

from collections.abc import Iterator

from equime_hub.loading_script.real.clip import RealClip
from equime_hub.loading_script.real.dataset import LabFolder, RealDataset
from equime_hub.loading_script.real.smic import Smic
from equime_hub.loading_script.real.tables import Annotation, TableRow


class SmicE(RealDataset):
    """Li et al. 2013, the extended videos of the fast camera. No apex and no AUs are annotated.

    Each expression of a video is a clip; the second and third have "-2" and "-3" in their names.
    """

    name = "smic_e"
    title = "SMIC-E-HS"
    licence = Smic.licence
    citation = Smic.citation
    needs = "HS_long/SMIC-HS-E_annotation_2019.xlsx, and HS_long/SMIC-HS-E/s01 and so on."
    fps = {"": 100.0}
    tables = {
        "": Annotation(
            [
                f"{folder}SMIC-HS-E_annotation{version}.xlsx"
                for version in ("_2019", "")
                for folder in ("HS_long/", "", "*/HS_long/")
            ],
            dict(
                subject="Subject",
                name="Filename",
                onset1="OnsetF",
                offset1="OffsetF",
                onset2="Onset2F",
                offset2="Offset2F",
                onset3="Onset3F",
                offset3="Offset3F",
                emotion="Emotion",
            ),
        )
    }
    subject = "s{:02}"
    raw = (
        ("HS_long", "SMIC-HS-E"),
        ("SMIC-HS-E",),
        ("SMIC-E_raw image", "HS_long", "SMIC-HS-E"),
    )
    label_source = "self_report"
    label_maps = Smic.label_maps

    def row_clips(self, row: TableRow, folder: LabFolder) -> Iterator[RealClip]:
        """One clip an expression, up to three a row."""
        subject, video = self.subject_of(row), row.must("name")
        places = [(*top, subject, video) for top in self.raw]
        for number in (1, 2, 3):
            onset, offset = f"onset{number}", f"offset{number}"
            if number > 1 and row.text(onset) == row.text(offset) == "":
                continue
            span = folder.cut(places, row, row.times(onset, "", offset))
            name = video if number == 1 else f"{video}-{number}"
            yield self.row_clip(row, folder, span, name=name)
