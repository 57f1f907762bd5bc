"""SMIC: no table; the folders `{HS,VIS,NIR}/s1/micro/{label}/{clip}` are the labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import frames
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import LabFolder, RealDataset
from equime_hub.loading_script.real.notes import say
from equime_hub.schema.taxonomy import EMOTIONS_3

RAW, CROPPED = "SMIC_all_raw", "SMIC_all_cropped"

Key = tuple[int, str, str]
"""Subject, label and clip, however many zeros the folders' names have."""

_SUBJECT = re.compile(r"s0*(\d+)", re.IGNORECASE)


class Smic(RealDataset):
    """Li et al. 2013. Parts are the cameras; without `Options.part` all that are there are read.

    A clip is its folder, from the first number to the last; no apex and no AUs are annotated. What
    is in `non_micro` is left. A clip that only the other one of the raw and the cropped folder has
    is given without frames, so that it is reported: of the release itself s18_sur_03 was never
    cropped.
    """

    name = "smic"

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """All clips, camera by camera, by subject, label and name; see `RealDataset.clips`."""
        self.refuse(options)
        top, other = (CROPPED, RAW) if options.cropped else (RAW, CROPPED)
        parts = [options.part] if options.part else self.parts
        there = {part: _found(root, top, part) for part in parts}
        if not any(there.values()):
            cameras = ", ".join(part.upper() for part in parts)
            raise DatasetError(f"{root}/{top} has no clip of {cameras}. It needs: {self.needs}")
        for part, found in there.items():
            folder = LabFolder(root, options, part)
            lacking = {key: (top, *place[-5:]) for key, place in _found(root, other, part).items()}
            for _, place in sorted((lacking | found).items()):
                yield self._clip(folder, place)

    def _clip(self, folder: LabFolder, place: tuple[str, ...]) -> RealClip:
        *_, subject, _, label, name = place
        numbers = folder.numbered(frames.folder(folder.root, *place))
        span = frames.span(numbers, min(numbers, default=None), None, max(numbers, default=None))
        return self.clip(
            folder,
            label,
            subject=f"s{int(subject[1:]):02}",
            name=name,
            row="/".join(place),
            **(span if numbers else frames.absent(place)),
        )


def _found(root: Path, top: str, part: str) -> dict[Key, tuple[str, ...]]:
    """Clip folders of one camera below `SMIC_all_raw` or `SMIC_all_cropped`."""
    found = {}
    for base in ((top, part.upper()), (top, top, part.upper())):
        where = frames.folder(root, *base)
        for path in (root / where).glob("*/micro/*/*") if where else ():
            subject, _, label, name = path.parts[-4:]
            number = _SUBJECT.fullmatch(subject)
            if number is None or label not in EMOTIONS_3:
                say(f"{path} is no clip of SMIC, whose folders are s1/micro/negative and so on.")
            elif path.is_dir():
                key = (int(number[1]), label, re.sub("^s0+", "s", name.lower()))
                found[key] = (*Path(where or "").parts, subject, "micro", label, name)
    return found
