"""CASME: `casme.xlsx`, raw frames in `CASME_raw_selected`, faces in `Cropped`."""

from __future__ import annotations

from equime_hub.loading_script.real.dataset import RealDataset


class Casme(RealDataset):
    """Yan et al. 2013. The apex is the first of two; the emotion is judged as in CASME II."""

    name = "casme"
