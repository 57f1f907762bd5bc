"""SAMM: `SAMM_Micro_FACS_Codes_v2.xlsx` and its clips; the part "long" is SAMM Long Videos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from equime_hub.loading_script.real import annotated, tables
from equime_hub.loading_script.real.clip import Expected, Options, RealClip
from equime_hub.loading_script.real.quirks import corrected

LAYOUT = annotated.Layout(
    workbooks=(
        "SAMM_Micro_FACS_Codes_v2.xlsx",
        "*Micro_FACS_Codes_v2.xlsx",
        "*/*Micro_FACS_Codes_v2.xlsx",
    ),
    columns={
        "subject": "Subject",
        "name": "Filename",
        "onset": "Onset Frame",
        "apex": "Apex Frame",
        "offset": "Offset Frame",
        "aus": "Action Units",
        "emotion": "Estimated Emotion",
    },
    header_row=14,
    subject="{:03}",
    raw=((), ("SAMM",)),
    cropped=(("SAMM_CROP",), ("SAMM_Cropped",)),
    label_source="joint",
    gray=True,
)

LONG_WORKBOOKS = tuple(
    f"{folder}SAMM_LongVideos_V{version}_Release.xls*"
    for version in (3, 2, 1)
    for folder in ("", "*/")
)
LONG_COLUMNS = {
    "subject": "Subject",
    "name": "Filename",
    "onset": "Onset",
    "apex": "Apex",
    "offset": "Offset",
    "type": "Type",
    "aus": "Action Units",
}
CLASSES = {
    "Anger": 57,
    "Happiness": 26,
    "Other": 26,
    "Surprise": 15,
    "Contempt": 12,
    "Disgust": 9,
    "Fear": 8,
    "Sadness": 6,
}


@dataclass(frozen=True)
class Samm:
    """Davison et al. 2018 (clips), Yap et al. 2020 (long videos).

    Without `Options.part` the clips are read, with "long" the expressions of the long videos,
    micro and macro. Their table names no emotion; an onset or offset of 0 in it is the apex.
    """

    name: str = "samm"
    title: str = "SAMM"
    licence: str = "SAMM release agreement (academic research only, not to be passed on)"
    citation: str = (
        "A. K. Davison, C. Lansley, N. Costen, K. Tan and M. H. Yap: SAMM: A Spontaneous "
        "Micro-Facial Movement Dataset. IEEE Transactions on Affective Computing, 2018. "
        "C. H. Yap, C. Kendrick and M. H. Yap: SAMM Long Videos: A Spontaneous Facial Micro- and "
        "Macro-Expressions Dataset. FG, 2020"
    )
    needs: str = (
        "SAMM_Micro_FACS_Codes_v2.xlsx and 006/006_1_2 and so on; for the part long "
        "SAMM_LongVideos_V3_Release.xlsx and SAMM_longvideos/006_1 and so on."
    )
    fps: Mapping[str, float | None] = field(default_factory=lambda: {"": 200.0, "long": 200.0})
    expected: Mapping[str, Expected] = field(
        default_factory=lambda: {"": Expected(subjects=29, clips=159, classes=CLASSES)}
    )

    def files(self, root: Path) -> Sequence[Path]:
        """The tables that are there."""
        return annotated.files(root, LAYOUT.workbooks, LONG_WORKBOOKS)

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """All rows of the part's table; see `clip.RealDataset`."""
        annotated.only(self, options, cropped=("",))
        if options.part is None:
            yield from annotated.clips(self, LAYOUT, root, options)
        else:
            yield from self._long(root, options)

    def _long(self, root: Path, options: Options) -> Iterator[RealClip]:
        path = tables.find(root, *LONG_WORKBOOKS)
        rows = tables.read(path, LONG_COLUMNS, sheet="FACS_Movement_Only", header_row=10)
        for row in corrected(rows, self.name, fixes=options.fixes):
            name = row.must("name")
            video = "_".join(name.split("_")[:2])
            yield RealClip(
                dataset=self.name,
                part="long",
                subject=LAYOUT.subject.format(annotated.person(row)),
                name=name,
                fps=self.fps["long"],
                licence=self.licence,
                expression="macro" if row.text("type").lower().startswith("macro") else "micro",
                gray=LAYOUT.gray,
                fixes=row.fixes,
                row=row.where,
                **annotated.cut(root, [("SAMM_longvideos", video)], row, _seen(row), options),
                **annotated.units(row),
            )


def _seen(row: tables.Row) -> annotated.Times:
    """Times of a row of the long videos; an onset or offset of 0 is the apex."""
    zeros = {name: row.values["apex"] for name in ("onset", "offset") if row.integer(name) == 0}
    return annotated.times(replace(row, values={**row.values, **zeros}))
