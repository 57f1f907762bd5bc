"""SMIC-E-HS: `HS_long/SMIC-HS-E_annotation*.xlsx`, and videos with up to three expressions each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from equime_hub.loading_script.real import annotated, tables
from equime_hub.loading_script.real.clip import Expected, Options, RealClip
from equime_hub.loading_script.real.quirks import corrected

WORKBOOKS = tuple(
    f"{folder}SMIC-HS-E_annotation{version}.xlsx"
    for version in ("_2019", "")
    for folder in ("HS_long/", "", "*/HS_long/")
)
COLUMNS = {
    "subject": "Subject",
    "name": "Filename",
    "onset1": "OnsetF",
    "offset1": "OffsetF",
    "onset2": "Onset2F",
    "offset2": "Offset2F",
    "onset3": "Onset3F",
    "offset3": "Offset3F",
    "emotion": "Emotion",
}
BASES = (
    ("HS_long", "SMIC-HS-E"),
    ("SMIC-HS-E",),
    ("SMIC-E_raw image", "HS_long", "SMIC-HS-E"),
)


@dataclass(frozen=True)
class SmicE:
    """Li et al. 2013, the extended videos of the fast camera. No apex and no AUs are annotated.

    Each expression of a video is a clip; the second and third have "-2" and "-3" in their names.
    """

    name: str = "smic_e"
    title: str = "SMIC-E-HS"
    licence: str = "SMIC licence agreement (academic research only, not to be passed on)"
    citation: str = (
        "X. Li, T. Pfister, X. Huang, G. Zhao and M. Pietikäinen: A Spontaneous Micro-expression "
        "Database: Inducement, Collection and Baseline. FG, 2013"
    )
    needs: str = "HS_long/SMIC-HS-E_annotation_2019.xlsx, and HS_long/SMIC-HS-E/s01 and so on."
    fps: Mapping[str, float | None] = field(default_factory=lambda: {"": 100.0})
    expected: Mapping[str, Expected] = field(default_factory=dict)

    def files(self, root: Path) -> Sequence[Path]:
        """The annotation table, if it is there."""
        return annotated.files(root, WORKBOOKS)

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """One clip an expression, up to three a row; see `clip.RealDataset`."""
        annotated.only(self, options)
        path = tables.find(root, *WORKBOOKS)
        rows = tables.read(path, COLUMNS, header_row=1)
        for row in corrected(rows, self.name, fixes=options.fixes):
            subject, video = f"s{annotated.person(row):02}", row.must("name")
            places = [(*base, subject, video) for base in BASES]
            for number in (1, 2, 3):
                onset, offset = f"onset{number}", f"offset{number}"
                if number > 1 and row.text(onset) == row.text(offset) == "":
                    continue
                at = annotated.times(row, onset, "", offset)
                yield RealClip(
                    dataset=self.name,
                    subject=subject,
                    name=video if number == 1 else f"{video}-{number}",
                    fps=self.fps[""],
                    licence=self.licence,
                    label_source="self_report",
                    fixes=row.fixes,
                    row=row.where,
                    **annotated.cut(root, places, row, at, options),
                    **annotated.emotion(self.name, row.text("emotion"), options),
                )
