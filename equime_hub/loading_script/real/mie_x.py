"""MiE-X: synthetic micro-expressions; the folders `{image}_{source}_{class}` say all there is."""

from __future__ import annotations

import filecmp
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import frames
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import LabFolder, RealDataset
from equime_hub.loading_script.real.notes import say

SOURCES = {"exp": "expert", "mae": "macro", "oulu": "macro", "mmew": "micro"}
"""Where the AUs are from: rules of experts, CK+ or another macro dataset, Oulu-CASIA, MMEW.
The generator's last version writes AUs of MMEW into folders that it calls "mae" too; which version
made the release is not said."""

LENGTHS = (2, 10)
"""Frames of the two forms: onset and apex, or eight more between them."""

STATIC = "Onset and apex are the same picture: the clip shows no expression."

_NAME = re.compile(rf"(?P<image>.+)_(?P<source>{'|'.join(SOURCES)})_(?P<class>[012])")


class MieX(RealDataset):
    """Liu et al. 2022. A part is where the AUs are from; without `Options.part` all are read.

    The frames are onset and apex, or ten from onset to apex; there is no offset. How fast they
    follow each other is not declared, so `fps` is null. The subject is the image. A pair whose
    two files are the same shows no expression; it stays, and is listed (of the 15,000 pairs that
    EquiME measured, 934 are). Whose AUs were borrowed is not released.
    """

    name = "mie_x"

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """All clips, by image, source and class; see `RealDataset.clips`."""
        self.refuse(options)
        static = 0
        for path in _folders(root):
            named = _NAME.fullmatch(path.name)
            if named is None:
                say(f"{path} is no clip of MiE-X, whose folders are 000123_exp_0 and so on.")
            elif options.part in (None, named["source"]):
                clip = self._clip(LabFolder(root, options, named["source"]), path, named)
                static += bool(clip.notes)
                yield clip
        if static:
            say(f"Clips of MiE-X whose onset and apex are the same picture: {static}. They stay.")

    def _clip(self, folder: LabFolder, path: Path, named: re.Match[str]) -> RealClip:
        where = path.relative_to(folder.root).as_posix()
        span = _span(folder, where)
        names = [folder.root / name for name in span["frames"]]
        is_static = names and filecmp.cmp(names[0], names[-1], shallow=False)
        return self.clip(
            folder,
            self.numbers[int(named["class"])],
            subject=named["image"],
            name=path.name,
            au_source=SOURCES[named["source"]],
            generator="GANimation",
            images_as_people=True,
            row=where,
            notes=(STATIC,) if is_static else (),
            **span,
        )


def _folders(root: Path) -> Iterator[Path]:
    """Folders of clips, in natural order: in the root, or in a folder of it."""
    for path in _within(root):
        yield from [path] if _NAME.fullmatch(path.name) else _within(path) or [path]


def _within(folder: Path) -> list[Path]:
    there = (path for path in folder.glob("[!.]*") if path.is_dir())
    return sorted(there, key=lambda path: frames.natural(path.name))


def _span(folder: LabFolder, where: str) -> dict[str, Any]:
    """Frames from onset to apex; none, if one of the two is missing.

    Raises:
        DatasetError: A frame that is in neither form.
    """
    numbered = folder.numbered(where)
    last = max(numbered, default=0)
    length = next((length for length in LENGTHS if last < length), None)
    if length is None:
        raise DatasetError(
            f"{numbered[last]} is not in a clip of MiE-X, which has {LENGTHS[0]} or {LENGTHS[1]} "
            "frames from number 0. Move it elsewhere."
        )
    span = frames.span(numbered, 0, length - 1, None)
    if not {0, length - 1} <= set(numbered):
        return {"frames": (), "missing": span["missing"] if numbered else (where,)}
    return span | {"apex_source": "planned"}
