"""MMEW: `MMEW_Micro_Exp.xlsx`, clips by emotion in `Micro_Expression`, and `Macro_Expression`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from equime_hub.loading_script.real import annotated, frames, tables
from equime_hub.loading_script.real.clip import Expected, Options, RealClip
from equime_hub.loading_script.real.quirks import corrected

WORKBOOKS = ("MMEW_Micro_Exp.xlsx", "MMEW_Micro_Exp*.xlsx", "*/MMEW_Micro_Exp*.xlsx")
COLUMNS = {
    "subject": "Subject",
    "name": "Filename",
    "onset": "OnsetFrame",
    "apex": "ApexFrame",
    "offset": "OffsetFrame",
    "aus": "Action Units",
    "emotion": "Estimated Emotion",
}
MICRO, MACRO = "Micro_Expression", "Macro_Expression"
TOPS: tuple[annotated.Names, ...] = ((), ("MMEW_Final",))
CLASSES = {
    "happiness": 36,
    "surprise": 89,
    "anger": 8,
    "disgust": 72,
    "fear": 16,
    "sadness": 13,
    "others": 66,
}


@dataclass(frozen=True)
class Mmew:
    """Ben et al. 2021. Parts are "micro" and "macro"; without `Options.part` what is there is read.

    Macro-expressions have no table: the folder names the emotion, and each folder of frames below
    it is a clip without times.

    Assumption: a macro clip is `Macro_Expression/S01/anger/1` or, if the emotion's folder holds
    frames itself, `Macro_Expression/S01/anger`. Both are read.
    """

    name: str = "mmew"
    title: str = "MMEW"
    licence: str = "MMEW licence agreement (academic research only, not to be passed on)"
    citation: str = (
        "X. Ben, Y. Ren, J. Zhang, S.-J. Wang, K. Kpalma, W. Meng and Y.-J. Liu: Video-Based "
        "Facial Micro-Expression Analysis: A Survey of Datasets, Features and Algorithms. IEEE "
        "Transactions on Pattern Analysis and Machine Intelligence, 2021"
    )
    needs: str = (
        "MMEW_Micro_Exp.xlsx, and Micro_Expression/anger/S01-01-001 and so on; for the part macro "
        "Macro_Expression/S01/anger and so on."
    )
    fps: Mapping[str, float | None] = field(default_factory=lambda: {"micro": 90.0, "macro": 90.0})
    expected: Mapping[str, Expected] = field(
        default_factory=lambda: {"micro": Expected(subjects=30, clips=300, classes=CLASSES)}
    )

    def files(self, root: Path) -> Sequence[Path]:
        """The table of micro-expressions, if it is there."""
        return annotated.files(root, WORKBOOKS)

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """Rows of the table, then folders of macro-expressions; see `clip.RealDataset`."""
        annotated.only(self, options)
        macro = next(filter(None, (frames.folder(root, *top, MACRO) for top in TOPS)), None)
        micro = options.part is None and (annotated.there(root, WORKBOOKS) or not macro)
        if micro or options.part == "micro":
            yield from self._micro(root, options)
        if macro and options.part != "micro":
            yield from self._macro(root, macro, options)

    def _micro(self, root: Path, options: Options) -> Iterator[RealClip]:
        rows = tables.read(tables.find(root, *WORKBOOKS), COLUMNS, header_row=1)
        for row in corrected(rows, self.name, fixes=options.fixes):
            name, label = row.must("name"), row.must("emotion")
            places = [(*top, MICRO, label, name) for top in TOPS]
            yield RealClip(
                dataset=self.name,
                part="micro",
                subject=f"S{annotated.person(row):02}",
                name=name,
                fps=self.fps["micro"],
                licence=self.licence,
                label_source="joint",
                fixes=row.fixes,
                row=row.where,
                **annotated.cut(root, places, row, annotated.times(row), options),
                **annotated.emotion(self.name, label, options),
                **annotated.units(row),
            )

    def _macro(self, root: Path, top: str, options: Options) -> Iterator[RealClip]:
        for subject, label, *rest in _folders(root / top):
            where = "/".join((top, subject, label, *rest))
            there = frames.numbered(frames.images(root, where))
            yield RealClip(
                dataset=self.name,
                part="macro",
                subject=subject.upper(),
                name="-".join((label.lower(), *rest)),
                fps=self.fps["macro"],
                licence=self.licence,
                expression="macro",
                row=where,
                **frames.span(there, None, None, None).times(),  # type: ignore[arg-type]
                **annotated.emotion(self.name, label, options),
            )


def _folders(top: Path) -> Iterator[annotated.Names]:
    """Folders of frames below `Macro_Expression`: subject, emotion and, if there is one, clip."""
    for path in sorted(top.glob("*/*"), key=lambda path: frames.natural(path.as_posix())):
        if path.is_dir():
            inner = sorted((p.name for p in path.iterdir() if p.is_dir()), key=frames.natural)
            if not inner or any(p.suffix.lower() in frames.IMAGE_SUFFIXES for p in path.iterdir()):
                yield path.parts[-2:]
            yield from ((*path.parts[-2:], name) for name in inner)
