"""CK+: posed macro expressions; one small text file a sequence has its emotion or its AUs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import aus, frames
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import LabFolder, RealDataset
from equime_hub.loading_script.real.frames import Place
from equime_hub.loading_script.real.labels import spelled
from equime_hub.loading_script.real.notes import say

FOLDERS: Mapping[str, Sequence[Place]] = {
    "images": (("cohn-kanade-images",), ("extended-cohn-kanade-images", "cohn-kanade-images")),
    "emotion": (("Emotion",), ("Emotion_labels", "Emotion")),
    "facs": (("FACS",), ("FACS_labels", "FACS")),
}
"""Of the three archives, some of which unpack into a folder of their own."""

LABELS = ("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
"""By their numbers in the emotion files."""

Numbers = list[list[int]]
"""A label file: whole numbers, line by line."""


class CkPlus(RealDataset):
    """Lucey et al. 2010. From the neutral face to the apex, at which the sequence ends.

    The label files are named after the frame of the apex; there is no offset. The 266 sequences
    without label stay, without emotion, and are listed. What decides on an emotion is the AUs. No
    frame rate is declared, so `fps` is null.
    """

    name = "ck_plus"
    # What others call CK+ has these seven; 0 is the neutral face, which they leave out.
    numbers = {number: spelled(label) for number, label in enumerate(LABELS) if number}

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """All sequences, by subject; see `RealDataset.clips`."""
        self.refuse(options)
        tops = {kind: frames.first_folder(root, FOLDERS[kind]) for kind in FOLDERS}
        for kind in ("emotion", "facs"):
            if tops[kind] is None:
                name = FOLDERS[kind][0][0]
                say(f"{root} has no folder {name}: what it says of the clips is unknown.")
        places = {
            place
            for kind, top in tops.items()
            for place in _sequences(root, top, empty=kind == "images")
        }
        unlabelled = 0
        for place in sorted(places, key=lambda place: frames.natural("/".join(place))):
            clip = self._clip(LabFolder(root, options, ""), tops, place)
            unlabelled += clip.emotion_raw is None
            yield clip
        if unlabelled:
            of = f"{unlabelled} of {len(places)}"
            say(f"Sequences of CK+ without emotion label: {of}. They stay.")

    def _clip(
        self, folder: LabFolder, tops: Mapping[str, str | None], place: tuple[str, str]
    ) -> RealClip:
        root = folder.root
        emotion, emotion_file = _numbers(root, tops, place, "emotion")
        units, facs_file = _numbers(root, tops, place, "facs")
        label = _label(emotion, emotion_file)
        return self.clip(
            folder,
            label,
            subject=place[0],
            name="_".join(place),
            label_source="action_units" if label else None,
            row="/".join(place),
            notes=() if label else ("It has no emotion label.",),
            **_span(folder, tops["images"], place, emotion_file or facs_file),
            **_units(units, facs_file),
        )


def _folder(root: Path, top: str | None, place: tuple[str, str]) -> str | None:
    return frames.folder(root, *top.split("/"), *place) if top else None


def _sequences(root: Path, top: str | None, *, empty: bool) -> Iterator[tuple[str, str]]:
    """Subject and number, such as ("S005", "001"), of every folder two levels down.

    Of label folders the empty ones do not count: the release has them for unlabelled sequences.
    """
    for path in (root / top).glob("*/*") if top else ():
        subject, number = path.parts[-2:]
        if re.fullmatch(r"S\d+", subject) and number.isdecimal() and path.is_dir():
            if empty or any(path.glob("[!.]*")):
                yield subject, number
        elif path.is_dir():
            say(f"{path} is no sequence of CK+, whose folders are S005/001 and so on.")


def _numbers(
    root: Path, tops: Mapping[str, str | None], place: tuple[str, str], kind: str
) -> tuple[Numbers, Path | None]:
    """A sequence's label file of one kind, and where it is; without any, no line and None.

    Raises:
        DatasetError: Several files, or something else than whole numbers.
    """
    where = _folder(root, tops[kind], place)
    found = sorted((root / where).glob(f"[!.]*_{kind}.txt")) if where else []
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise DatasetError(f"{where} has several label files: {names}. Move all but one elsewhere.")
    if not found:
        return [], None
    path = frames.inside(root, found[0])
    text = path.read_bytes().decode("utf-8", "replace")
    try:
        values = [[float(word) for word in line.split()] for line in text.splitlines()]
        if any(value % 1 for line in values for value in line):
            raise ValueError
        return [[int(value) for value in line] for line in values if line], path
    except (ValueError, OverflowError) as error:
        raise _wrong(path, f"says {text.strip()[:60]!r}, which are not whole numbers") from error


def _label(lines: Numbers, path: Path | None) -> str:
    if path is None:
        return ""
    numbers = [number for line in lines for number in line]
    if len(numbers) != 1 or not 0 <= numbers[0] < len(LABELS):
        raise _wrong(path, f"says {numbers}, not one number from 0 (neutral) to 7 (surprise)")
    return LABELS[numbers[0]]


def _units(lines: Numbers, path: Path | None) -> dict[str, Any]:
    """The AU columns; an intensity is 1 to 5, or 0 if the coder gave none."""
    codes = []
    for line in lines:
        if len(line) != 2 or not 0 < line[0] < 100 or not 0 <= line[1] <= 5:
            assert path is not None
            raise _wrong(path, f"says {line}, not an action unit and its intensity from 0 to 5")
        codes.append(aus.Code(line[0], intensity=" ABCDE"[line[1]].strip() or None))
    return {"facs": aus.render(codes) or None, "au_apex": aus.vector(codes)}


def _span(
    folder: LabFolder, top: str | None, place: tuple[str, str], labelled: Path | None
) -> dict[str, Any]:
    """All frames: the first is neutral, the apex is the frame that a label file is named after."""
    numbered = folder.numbered(_folder(folder.root, top, place))
    if not numbered:
        return frames.absent((*FOLDERS["images"][0], *place))
    number = re.search(r"_(\d+)_[a-z]+$", labelled.stem) if labelled else None
    apex = int(number[1]) if number else max(numbered)
    return frames.span(numbered, min(numbered), max(apex, min(numbered)), None)


def _wrong(path: Path, problem: str) -> DatasetError:
    return DatasetError(f"{path} {problem}. Copy it again from the release.")
