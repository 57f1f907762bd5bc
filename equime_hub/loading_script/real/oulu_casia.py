"""Oulu-CASIA NIR-VIS: no table; the folders `{NI,VL}/{Strong,Weak,Dark}/P001/Anger` are it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import frames
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import LabFolder, RealDataset
from equime_hub.loading_script.real.notes import say

RAW = ("", "OriginalImg")
CROPPED = ("PreProcess_Img", "PreProcess")
"""Folders that may hold the cameras' folders; the root itself may."""


class OuluCasia(RealDataset):
    """Zhao et al. 2011. Posed macro expressions, from the neutral face to the apex.

    A clip is its folder; there is no offset, and no AUs. Without `Options.part` all cameras and
    lights that are there are read: six views of one expression, of the same person. 25 frames a
    second are the rate that papers name. The expressions were asked for, which no `label_source`
    stands for: it is null.
    """

    name = "oulu_casia"

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """All clips, part by part, by subject and emotion; see `RealDataset.clips`."""
        self.refuse(options)
        parts = [options.part] if options.part else self.parts
        there = {part: _found(root, part, cropped=options.cropped) for part in parts}
        if not any(there.values()):
            kind = "cropped" if options.cropped else "raw"
            raise DatasetError(
                f"{root} has no {kind} clip of {', '.join(parts)}. It needs: {self.needs}"
            )
        for part, found in there.items():
            folder = LabFolder(root, options, part)
            for where in found:
                subject, label = where.split("/")[-2:]
                numbers = folder.numbered(where)
                span = frames.span(numbers, 0, max(numbers, default=None), None)
                yield self.clip(
                    folder,
                    label,
                    subject=subject.upper(),
                    name=label,
                    row=where,
                    **(span if numbers else frames.absent((where,))),
                )


def _found(root: Path, part: str, *, cropped: bool) -> list[str]:
    """Clip folders of one part, relative to the root."""
    camera, light = part.split("_")
    camera, labels = camera.upper(), OuluCasia.expected[part].classes
    found = []
    for top in CROPPED if cropped else RAW:
        names = f"{camera}_Acropped" if cropped else camera, light.capitalize()
        where = frames.folder(root, *filter(None, (top, *names)))
        for path in (root / where).glob("*/*") if where else ():
            subject, label = path.parts[-2:]
            if not path.is_dir():
                continue
            if re.fullmatch(r"P\d+", subject, re.IGNORECASE) and label.capitalize() in labels:
                found.append(f"{where}/{subject}/{label}")
            else:
                say(f"{path} is no clip of Oulu-CASIA: its folders are P001/Anger and so on.")
        if found:
            break
    return sorted(found, key=frames.natural)
