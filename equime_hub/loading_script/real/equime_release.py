"""EquiME, also called ME-VLM: synthetic clips, in the folders of its code or of its README."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from equime_hub.loading_script.real import equime_metadata, frames
from equime_hub.loading_script.real.clip import VIDEO_SUFFIXES, Options, RealClip
from equime_hub.loading_script.real.dataset import LabFolder, RealDataset
from equime_hub.loading_script.real.labels import emotion_of
from equime_hub.loading_script.real.notes import say

FORMS = {
    "hq_emotion": (("hq_emotion",),),
    "me_vlm": (("ME-VLM", "emotion_categories"), ("emotion_categories",)),
}
"""Part → folders that may hold the folders of emotions: of the code, and of the README."""

GENDERS = {"m": "man", "f": "woman"}

_NAMES = {"hq_emotion": r"([mf])_(\d+)", "me_vlm": r"([mf])_(\d+)_\d+"}
_EXAMPLES = {"hq_emotion": "m_123.mp4", "me_vlm": "m_123_1.mp4"}


class EquimeRelease(RealDataset):
    """Tan et al. 2025. The videos are stored as they are; a part is a form of the release.

    The subject is the number of a CelebA-HQ image, and 30,000 images show 6,217 people: rows say
    so in `source_dataset`. The gender in a file's name is what CelebA declares. Onset, apex and
    offset are not released. What the README's JSON files add, `equime_metadata` says. How many
    clips there are is told in three ways, so nothing is compared; so is the licence, of which the
    README's is taken.
    """

    name = "equime_release"

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """All videos, form by form, by emotion and name; see `RealDataset.clips`."""
        self.refuse(options)
        for part in [options.part] if options.part else self.parts:
            if (top := frames.first_folder(root, FORMS[part])) is not None:
                yield from self._part(LabFolder(root, options, part), top)

    def _part(self, folder: LabFolder, top: str) -> Iterator[RealClip]:
        example = _EXAMPLES[folder.part]
        for path in _sorted((folder.root / top).iterdir()):
            if path.is_dir() and emotion_of(path.name) is None:
                say(f"{path} is no emotion; videos left out: {len(_videos(path))}.")
            elif path.is_dir():
                videos = _videos(path)
                for video in videos:
                    if (named := re.fullmatch(_NAMES[folder.part], video.stem)) is None:
                        say(f"{video} is left out: names in {top} are like {example}.")
                    else:
                        yield self._clip(folder, video, named)
                equime_metadata.say_strays(path, {video.stem for video in videos})

    def _clip(self, folder: LabFolder, path: Path, named: re.Match[str]) -> RealClip:
        where, label = path.relative_to(folder.root).as_posix(), path.parent.name
        columns: dict[str, equime_metadata.Value] = {}
        notes: tuple[str, ...] = ()
        if folder.part == "me_vlm":
            columns, notes = equime_metadata.read(folder.root, path)
        return self.clip(
            folder,
            label,
            subject=str(int(named[2])),
            name=f"{label}_{path.stem}",
            frames=(where,),
            gender=GENDERS[named[1]],
            generator="LTX-Video",
            images_as_people=True,
            row=where,
            others=tuple(columns.items()),
            notes=notes,
        )


def _videos(folder: Path) -> list[Path]:
    return _sorted(p for p in folder.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)


def _sorted(paths: Any) -> list[Path]:
    there = (path for path in paths if not path.name.startswith("."))
    return sorted(there, key=lambda path: frames.natural(path.name))
