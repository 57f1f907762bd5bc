"""SAMM: `SAMM_Micro_FACS_Codes_v2.xlsx` and its clips; the part "long" is SAMM Long Videos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from equime_hub.loading_script.real.clip import RealClip
from equime_hub.loading_script.real.dataset import LabFolder, RealDataset
from equime_hub.loading_script.real.tables import TableRow, Times


class Samm(RealDataset):
    """Davison et al. 2018 (clips), Yap et al. 2020 (long videos).

    Without `Options.part` the clips are read, with "long" the expressions of the long videos,
    micro and macro. Their table names no emotion; an onset or offset of 0 in it is the apex.
    """

    name = "samm"

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
