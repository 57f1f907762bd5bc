"""SMIC-E-HS: `HS_long/SMIC-HS-E_annotation*.xlsx`, and videos with up to three expressions each."""

from __future__ import annotations

from collections.abc import Iterator

from equime_hub.loading_script.real.clip import RealClip
from equime_hub.loading_script.real.dataset import LabFolder, RealDataset
from equime_hub.loading_script.real.smic import Smic
from equime_hub.loading_script.real.tables import TableRow


class SmicE(RealDataset):
    """Li et al. 2013, the extended videos of the fast camera. No apex and no AUs are annotated.

    Each expression of a video is a clip; the second and third have "-2" and "-3" in their names.
    """

    name = "smic_e"
    licence = Smic.licence
    citation = Smic.citation

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
