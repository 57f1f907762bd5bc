"""CASME II: `CASME2-coding-*.xlsx`, raw frames in `CASME2-RAW`, faces in `Cropped`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from equime_hub.loading_script.real import annotated
from equime_hub.loading_script.real.clip import Expected, Options, RealClip

LAYOUT = annotated.Layout(
    workbooks=(
        "CASME2-coding-20190701.xlsx",
        "CASME2-coding-20140508.xlsx",
        "CASME2-coding*.xlsx",
        "*/CASME2-coding*.xlsx",
    ),
    columns={
        "subject": "Subject",
        "name": "Filename",
        "onset": "OnsetFrame",
        "apex": "ApexFrame",
        "offset": "OffsetFrame",
        "aus": "Action Units",
        "emotion": "Estimated Emotion",
    },
    header_row=1,
    subject="sub{:02}",
    raw=(("CASME2-RAW",), ("CASME2-RAW", "CASME2-RAW"), ("CASME2_RAW_selected",)),
    cropped=(("Cropped",), ("Cropped", "Cropped"), ("Cropped-updated", "Cropped")),
    label_source="joint",
)


@dataclass(frozen=True)
class Casme2:
    """Yan et al. 2014. The emotion is estimated from AUs, self-report and the video shown.

    Of the cropped faces the release lacks some of sub16's EP01_08.
    """

    name: str = "casme2"
    title: str = "CASME II"
    licence: str = "CASME II licence agreement (academic research only, not to be passed on)"
    citation: str = (
        "W.-J. Yan, X. Li, S.-J. Wang, G. Zhao, Y.-J. Liu, Y.-H. Chen and X. Fu: CASME II: An "
        "Improved Spontaneous Micro-Expression Database and the Baseline Evaluation. PLoS ONE, 2014"
    )
    needs: str = "CASME2-coding-20140508.xlsx, or a later one, and CASME2-RAW/sub01 and so on."
    fps: Mapping[str, float | None] = field(default_factory=lambda: {"": 200.0})
    expected: Mapping[str, Expected] = field(
        default_factory=lambda: {"": Expected(26, 255, incomplete={"casme2-sub16-EP01_08": 1})}
    )

    def files(self, root: Path) -> Sequence[Path]:
        """The coding table, if it is there."""
        return annotated.files(root, LAYOUT.workbooks)

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """All rows of the table; see `clip.RealDataset`."""
        annotated.only(self, options, cropped=("",))
        yield from annotated.clips(self, LAYOUT, root, options)
