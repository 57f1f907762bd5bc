"""What a licensed folder holds against what the official release has, without reading a pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from equime_hub.errors import EquimeError
from equime_hub.loading_script.real import REAL, sheets
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import RealDataset, listed
from equime_hub.loading_script.real.labels import spelled
from equime_hub.loading_script.real.notes import collected

_NAMED = 3
"""Files and clips that a line names before it says how many more there are."""


@dataclass(frozen=True)
class Line:
    """One line of an inspection.

    Attributes:
        what: What was looked at, such as "clips" or "missing frames".
        found: What is there.
        official: What the official release has; None if nothing is to compare.
        status: "ok", "differs", "missing" or "note".
    """

    what: str
    found: str
    official: str | None = None
    status: str = "note"


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        dataset: Name in the registry.
        root: The folder.
        lines: In the order of the text.
    """

    dataset: str
    root: Path
    lines: tuple[Line, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing differs from the official release and nothing is missing."""
        return all(line.status in ("ok", "note") for line in self.lines)

    def text(self) -> str:
        """For the eye: one line a finding."""
        width = max(len(line.what) for line in self.lines)
        return "\n".join(
            f"{line.status:<8} {line.what:<{width}}  {line.found}"
            + (f" (official: {line.official})" if line.official and line.status != "ok" else "")
            for line in self.lines
        )

    def to_json(self) -> dict[str, Any]:
        """For programs: plain values."""
        return {
            "dataset": self.dataset,
            "root": str(self.root),
            "ok": self.ok,
            "lines": [asdict(line) for line in self.lines],
        }


def inspect(name: str, root: Path, options: Options | None = None) -> Inspection:
    """Compare a folder with the official release.

    Annotation tables are read and folders are listed; no image is opened, so that it takes seconds.

    Args:
        name: In the registry.
        root: The lab's folder.
        options: What is wanted of it; None is the usual.

    Raises:
        EquimeError: There is no such dataset. What is wrong with the folder is a line instead.
    """
    dataset: RealDataset = REAL.get(name)()
    lines: list[Line] = []
    clips: list[RealClip] = []
    with collected() as remarks:
        try:
            if root.is_dir():
                lines += [_annotation(root, p) for p in dataset.files(root) if p.is_file()]
            clips = listed(dataset, root, options or Options())
        except EquimeError as error:
            lines.append(Line("release", str(error), status="missing"))
    if clips:
        lines += [*_parts(dataset, clips), *_files(dataset, clips), *_listed(clips)]
    lines += [Line("remark", remark) for remark in remarks]
    return Inspection(name, root, tuple(lines))


def _annotation(root: Path, path: Path) -> Line:
    names = ", ".join(sheets.names(path))
    found = f"{path.relative_to(root)}{f', sheets: {names}' if names else ''}"
    return Line("annotation", f"{found}, MD5 {sheets.md5(path)}")


def _parts(dataset: RealDataset, clips: Sequence[RealClip]) -> Iterator[Line]:
    """Subjects, clips and classes of every part that was read, and which parts were not."""
    for part in dict.fromkeys(clip.part or "" for clip in clips):
        there = [clip for clip in clips if (clip.part or "") == part]
        expected = dataset.expected.get(part)
        prefix = f"{part} " if part else ""
        subjects = len({clip.subject for clip in there})
        yield _count(f"{prefix}subjects", subjects, expected.subjects if expected else None)
        yield _count(f"{prefix}clips", len(there), expected.clips if expected else None)
        raw = Counter(spelled(clip.emotion_raw) or "no label" for clip in there)
        classes = expected.classes if expected else {}
        official = {spelled(name): count for name, count in classes.items()}
        for name in dict.fromkeys([*official, *raw]):
            yield _count(f"{prefix}{name}", raw[name], official.get(name, 0) if official else None)
    for part, expected in dataset.expected.items():
        if part and all(clip.part != part for clip in clips):
            found = f"none read; if they are there, choose them with --part {part}"
            yield Line(f"{part} clips", found, str(expected.clips))


def _count(what: str, found: int, official: int | None) -> Line:
    if official is None:
        return Line(what, str(found))
    return Line(what, str(found), str(official), "ok" if found == official else "differs")


def _files(dataset: RealDataset, clips: Sequence[RealClip]) -> Iterator[Line]:
    lacking = [clip for clip in clips if clip.missing or not clip.frames]
    known = _incomplete(dataset, lacking)
    lost = [clip for clip in lacking if clip.clip_id not in known]
    missing = [name for clip in lost if clip.frames for name in clip.missing]
    empty = [clip.clip_id for clip in lost if not clip.frames]
    for what, names in (("missing frames", missing), ("clips without frames", empty)):
        yield Line(what, _some(names), "0", "missing" if names else "ok")
    if known:
        yield Line("incomplete in the release itself", _some(known))


def _incomplete(dataset: RealDataset, lacking: Sequence[RealClip]) -> list[str]:
    """Ids of clips that the release itself has not whole, unless more are not than it lacks."""
    found = []
    for expected in dataset.expected.values():
        for pattern, count in expected.incomplete.items():
            fitting = [
                clip.clip_id
                for clip in lacking
                if clip.clip_id == pattern
                or (fnmatchcase(clip.clip_id, pattern) and len(clip.missing) <= len(clip.frames))
            ]
            found += fitting if len(fitting) <= count else []
    return found


def _listed(clips: Sequence[RealClip]) -> Iterator[Line]:
    """What corrections touched, and what an import lists."""
    touched = [clip.clip_id for clip in clips if clip.fixes]
    if touched:
        yield Line("corrected clips", _some(touched))
    by_note: dict[str, list[str]] = {}
    for clip in clips:
        for note in clip.notes:
            by_note.setdefault(note, []).append(clip.clip_id)
    for note, ids in list(by_note.items())[:_NAMED]:
        more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
        yield Line("listed", f"{ids[0]}{more}: {note}")
    if len(by_note) > _NAMED:
        yield Line("listed", f"and {len(by_note) - _NAMED} more; an import lists all of them")


def _some(names: Sequence[str]) -> str:
    if not names:
        return "0"
    more = ", ..." if len(names) > _NAMED else ""
    return f"{len(names)}: {', '.join(names[:_NAMED])}{more}"
