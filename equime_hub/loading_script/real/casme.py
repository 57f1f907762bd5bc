"""CASME: `casme.xlsx`, raw frames in `CASME_raw_selected`, faces in `Cropped`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from equime_hub.loading_script.real import annotated
from equime_hub.loading_script.real.clip import Expected, Options, RealClip

LAYOUT = annotated.Layout(
    workbooks=("casme.xlsx", "casme.xls", "*/casme.xlsx"),
    columns={
        "subject": "Subject",
        "name": "Filename",
        "onset": "OnsetF",
        "apex": ("ApexF1", "ApexF"),
        "offset": "OffsetF",
        "aus": "AU",
        "emotion": "Emotion",
    },
    header_row=1,
    subject="sub{:02}",
    raw=(("CASME_raw_selected",),),
    cropped=(("Cropped",), ("CASME_cropped_selected",)),
    label_source="joint",
)


@dataclass(frozen=True)
class Casme:
    """Yan et al. 2013. The apex is the first of two; the emotion is judged as in CASME II."""

    name: str = "casme"
    title: str = "CASME"
    licence: str = "CASME licence agreement (academic research only, not to be passed on)"
    citation: str = (
        "W.-J. Yan, Q. Wu, Y.-J. Liu, S.-J. Wang and X. Fu: CASME Database: A Dataset of "
        "Spontaneous Micro-Expressions Collected From Neutralized Faces. FG, 2013"
    )
    needs: str = "casme.xlsx, and CASME_raw_selected/sub01 and so on."
    fps: Mapping[str, float | None] = field(default_factory=lambda: {"": 60.0})
    expected: Mapping[str, Expected] = field(
        default_factory=lambda: {"": Expected(subjects=19, clips=189)}
    )

    def files(self, root: Path) -> Sequence[Path]:
        """The coding table, if it is there."""
        return annotated.files(root, LAYOUT.workbooks)

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """All rows of the table; see `clip.RealDataset`."""
        annotated.only(self, options, cropped=("",))
        yield from annotated.clips(self, LAYOUT, root, options)
