"""CASME II: `CASME2-coding-*.xlsx`, raw frames in `CASME2-RAW`, faces in `Cropped`."""

from __future__ import annotations

from equime_hub.loading_script.real.dataset import Expected, RealDataset
from equime_hub.loading_script.real.labels import HE3, three
from equime_hub.loading_script.real.tables import Annotation, coding_columns


class Casme2(RealDataset):
    """Yan et al. 2014. The emotion is estimated from AUs, self-report and the video shown.

    Of the cropped faces the release lacks some of sub16's EP01_08.
    """

    name = "casme2"
    title = "CASME II"
    licence = "CASME II licence agreement (academic research only, not to be passed on)"
    citation = (
        "W.-J. Yan, X. Li, S.-J. Wang, G. Zhao, Y.-J. Liu, Y.-H. Chen and X. Fu: CASME II: An "
        "Improved Spontaneous Micro-Expression Database and the Baseline Evaluation. PLoS ONE, 2014"
    )
    needs = "CASME2-coding-20140508.xlsx, or a later one, and CASME2-RAW/sub01 and so on."
    fps = {"": 200.0}
    expected = {"": Expected(26, 255, incomplete={"casme2-sub16-EP01_08": 1})}
    tables = {
        "": Annotation(
            (
                "CASME2-coding-20190701.xlsx",
                "CASME2-coding-20140508.xlsx",
                "CASME2-coding*.xlsx",
                "*/CASME2-coding*.xlsx",
            ),
            coding_columns(
                "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion"
            ),
        )
    }
    subject = "sub{:02}"
    raw = (("CASME2-RAW",), ("CASME2-RAW", "CASME2-RAW"), ("CASME2_RAW_selected",))
    cropped = (("Cropped",), ("Cropped", "Cropped"), ("Cropped-updated", "Cropped"))
    cropped_parts = ("",)
    label_source = "joint"
    label_maps = {
        "megc3": three("disgust", "repression"),
        "equime3": HE3 | {"repression": "negative"},
    }
