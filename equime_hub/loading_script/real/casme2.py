"""CASME II: `CASME2-coding-*.xlsx`, raw frames in `CASME2-RAW`, faces in `Cropped`."""

from __future__ import annotations

from equime_hub.loading_script.real.dataset import RealDataset


class Casme2(RealDataset):
    """Yan et al. 2014. The emotion is estimated from AUs, self-report and the video shown.

    Of the cropped faces the release lacks some of sub16's EP01_08.
    """

    name = "casme2"
