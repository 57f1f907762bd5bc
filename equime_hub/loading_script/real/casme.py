"""CASME: `casme.xlsx`, raw frames in `CASME_raw_selected`, faces in `Cropped`."""

from __future__ import annotations

from equime_hub.loading_script.real.dataset import Expected, RealDataset
from equime_hub.loading_script.real.tables import Annotation, coding_columns


class Casme(RealDataset):
    """Yan et al. 2013. The apex is the first of two; the emotion is judged as in CASME II."""

    name = "casme"
    title = "CASME"
    licence = "CASME licence agreement (academic research only, not to be passed on)"
    citation = (
        "W.-J. Yan, Q. Wu, Y.-J. Liu, S.-J. Wang and X. Fu: CASME Database: A Dataset of "
        "Spontaneous Micro-Expressions Collected From Neutralized Faces. FG, 2013"
    )
    needs = "casme.xlsx, and CASME_raw_selected/sub01 and so on."
    fps = {"": 60.0}
    expected = {"": Expected(subjects=19, clips=189)}
    tables = {
        "": Annotation(
            ("casme.xlsx", "casme.xls", "*/casme.xlsx"),
            coding_columns("OnsetF", ("ApexF1", "ApexF"), "OffsetF", "AU", "Emotion"),
        )
    }
    subject = "sub{:02}"
    raw = (("CASME_raw_selected",),)
    cropped = (("Cropped",), ("CASME_cropped_selected",))
    cropped_parts = ("",)
    label_source = "joint"
