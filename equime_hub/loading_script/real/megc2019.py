"""MEGC 2019: the composite of CASME II, SMIC and SAMM, by the organisers' list of 442 clips."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import REAL, frames
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import RealDataset, listed
from equime_hub.loading_script.real.labels import classify, emotion_3
from equime_hub.loading_script.real.notes import say
from equime_hub.loading_script.real.tables import TableRow

LIST = "combined_3class_gt.csv"
FOLDERS = {
    "casme2": ("casme2", "CASMEII", "CASME II", "CASME_II"),
    "smic": ("smic",),
    "samm": ("samm",),
}
"""Dataset → folders below the root that may hold its release, whatever their letter case."""

_PARTS = {"smic": "hs"}
_SUBJECTS = {"casme2": "sub{:02}", "smic": "s{:02}", "samm": "{:03}"}


class Megc2019(RealDataset):
    """See et al. 2019. Who is in it and what it is called is the list's word.

    The list has no header; its columns are dataset, subject, clip and class (0 negative, 1
    positive, 2 surprise). Frames, times and AUs are those of the three releases. Of CASME II only
    disgust and repression are negative; clips of the releases that the list does not have stay
    out. A part is a dataset, such as "casme2".
    """

    name = "megc2019"

    def files(self, root: Path) -> list[Path]:
        """The list, and the annotation files of the releases."""
        there = super().files(root)
        for name in FOLDERS:
            if (folder := _folder(root, name)) is not None:
                there += REAL.get(name)().files(root / folder)
        return there

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """Clips of the list, in its order; see `RealDataset.clips`."""
        self.refuse(options)
        table = self.tables[""]
        if not table.is_in(root):
            raise DatasetError(
                f"{root} has no {LIST}, the organisers' list of 442 clips (dataset, subject, clip, "
                "class). Take it from the MEGC 2019 site; its clips follow from no rule."
            )
        rows: dict[str, list[TableRow]] = {}
        for row in table.read(table.find(root)):
            name = row.must("dataset").lower()
            if name not in FOLDERS:
                raise row.error("dataset", f"is {name!r}, not one of {', '.join(FOLDERS)}")
            rows.setdefault(name, []).append(row)
        for name in [options.part] if options.part else rows:
            folder = _folder(root, name)
            if folder is None:
                raise DatasetError(
                    f"{root} has no folder {name} with the release of {REAL.get(name)().title}. "
                    f"Copy it there, or choose another part than {name}."
                )
            yield from self._of(root, folder, name, rows.get(name, []), options)

    def _of(
        self, root: Path, folder: str, name: str, rows: Sequence[TableRow], options: Options
    ) -> Iterator[RealClip]:
        """Clips of one of the datasets."""
        dataset: RealDataset = REAL.get(name)()
        own = replace(options, part=_PARTS.get(name), label_map=None)
        there = {
            _key(clip.subject, clip.name): clip for clip in listed(dataset, root / folder, own)
        }
        for row in rows:
            number = row.integer("class")
            label = None if number is None else self.numbers.get(number)
            if label is None:
                raise row.error("class", f"is {row.text('class')!r}, not 0, 1 or 2")
            key = _key(row.must("subject"), row.must("name"))
            clip = there.get(key)
            if clip is None:
                subject, clip_name = _SUBJECTS[name].format(key[0]), row.must("name")
                clip = RealClip(name, subject, clip_name, (), self.fps[name], dataset.licence,
                                missing=(f"{subject}/{clip_name}",))  # fmt: skip
            elif (ours := classify("megc3", name, clip.emotion_raw)) != label:
                say(f"{row.where} says {label}, {clip.row} {clip.emotion_raw} ({ours or 'no class'}"
                    " of megc3). The list counts.")  # fmt: skip
            yield replace(
                clip,
                dataset=self.name,
                part=name,
                subject=f"{name}/{clip.subject}",
                frames=tuple(f"{folder}/{path}" for path in clip.frames),
                missing=tuple(f"{folder}/{path}" for path in clip.missing),
                emotion_raw=label,
                emotion_3=emotion_3(self.name, label, options.label_map),
                row=row.where,
            )


def _folder(root: Path, name: str) -> str | None:
    """Folder of a dataset's release, relative to the root."""
    return frames.first_folder(root, [(folder,) for folder in FOLDERS[name]])


def _key(subject: str, name: str) -> tuple[int, object]:
    """Number of a subject and name of a clip, however both are padded with zeros."""
    return int(re.sub(r"\D", "", subject) or 0), frames.natural(name)
