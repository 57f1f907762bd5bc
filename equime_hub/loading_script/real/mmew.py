"""MMEW: `MMEW_Micro_Exp.xlsx`, clips by emotion in `Micro_Expression`, and `Macro_Expression`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from equime_hub.loading_script.real import frames
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import LabFolder, RealDataset
from equime_hub.loading_script.real.frames import Place
from equime_hub.loading_script.real.tables import TableRow

MICRO, MACRO = "Micro_Expression", "Macro_Expression"
TOPS: tuple[Place, ...] = ((), ("MMEW_Final",))


class Mmew(RealDataset):
    """Ben et al. 2021. Parts are "micro" and "macro"; without `Options.part` what is there is read.

    Macro-expressions have no table: the folder names the emotion, and each folder of frames below
    it is a clip without times.

    Assumption: a macro clip is `Macro_Expression/S01/anger/1` or, if the emotion's folder holds
    frames itself, `Macro_Expression/S01/anger`. Both are read.
    """

    name = "mmew"

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """Rows of the table, then folders of macro-expressions; see `RealDataset.clips`."""
        self.refuse(options)
        macro = frames.first_folder(root, [(*top, MACRO) for top in TOPS])
        micro = options.part is None and (self.tables["micro"].is_in(root) or not macro)
        if micro or options.part == "micro":
            yield from self.part_clips(LabFolder(root, options, "micro"))
        if macro and options.part != "micro":
            yield from self._macro(LabFolder(root, options, "macro"), macro)

    def row_clips(self, row: TableRow, folder: LabFolder) -> Iterator[RealClip]:
        """One clip a row, in the folder of its emotion."""
        own = MICRO, row.must("emotion"), row.must("name")
        yield self.row_clip(row, folder, folder.cut([(*top, *own) for top in TOPS], row))

    def _macro(self, folder: LabFolder, top: str) -> Iterator[RealClip]:
        for subject, label, *rest in _folders(folder.root / top):
            where = "/".join((top, subject, label, *rest))
            yield self.clip(
                folder,
                label,
                subject=subject.upper(),
                name="-".join((label.lower(), *rest)),
                label_source=None,
                expression="macro",
                row=where,
                **frames.span(folder.numbered(where), None, None, None),
            )


def _folders(top: Path) -> Iterator[Place]:
    """Folders of frames below `Macro_Expression`: subject, emotion and, if there is one, clip."""
    for path in sorted(top.glob("*/*"), key=lambda path: frames.natural(path.as_posix())):
        if path.is_dir():
            inner = sorted((p.name for p in path.iterdir() if p.is_dir()), key=frames.natural)
            if not inner or any(p.suffix.lower() in frames.IMAGE_SUFFIXES for p in path.iterdir()):
                yield path.parts[-2:]
            yield from ((*path.parts[-2:], name) for name in inner)
