"""The annotation files of CelebAMask-HQ and CelebA's identities: found, read and compared."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from equime_hub.errors import FaceError

IMAGES = "CelebA-HQ-img"
ATTRIBUTES = "CelebAMask-HQ-attribute-anno.txt"
MAPPING = "CelebA-HQ-to-CelebA-mapping.txt"
POSES = "CelebAMask-HQ-pose-anno.txt"
IDENTITIES = "identity_CelebA.txt"
_MASKS = "CelebAMask-HQ-mask-anno"

LICENSE = "non-commercial research and education only"
"""What the authors of CelebAMask-HQ allow, in short."""


def is_tree(folder: Path) -> bool:
    """Whether a folder is CelebAMask-HQ's, or holds it directly."""
    return any(folder.glob(ATTRIBUTES)) or any(folder.glob(f"*/{ATTRIBUTES}"))


@dataclass(frozen=True)
class Tree:
    """Where the files are; None is "not there"."""

    root: Path
    images: Path
    attributes: Path
    mapping: Path | None
    poses: Path | None
    identities: Path | None

    def name(self, image: str) -> str:
        """POSIX path of an image under the root."""
        return (self.images / image).relative_to(self.root).as_posix()

    @classmethod
    def find(cls, root: Path) -> Tree:
        """Look for the files by name; of several, the shallowest counts.

        Raises:
            FaceError: No such folder, or no images or no attributes in it.
        """
        if not root.is_dir():
            raise FaceError(f"{root} is no folder; give the one that holds {IMAGES}.")
        found: dict[str, Path] = {}
        wanted = (IMAGES, ATTRIBUTES, MAPPING, POSES, IDENTITIES)
        for folder, folders, files in os.walk(root):
            for name in {*folders, *files}.intersection(wanted):
                path = Path(folder, name)
                old = found.get(name, path)
                found[name] = min(old, path, key=lambda path: (len(path.parts), path))
            # Never looked into: they hold 400,000 files.
            folders[:] = [name for name in folders if name not in (IMAGES, _MASKS)]
        for name in (IMAGES, ATTRIBUTES):
            if name not in found:
                raise FaceError(
                    f"{root} holds no {name}, so it is no CelebAMask-HQ folder; unpack the whole "
                    "archive there, or read it as --source folder."
                )
        return cls(root, *map(found.get, wanted))  # type: ignore[arg-type]  # the first two are there


def _rows(path: Path, skip: int, cells: int) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of every line after the first `skip` that is not blank."""
    for number, line in enumerate(_lines(path), 1):
        found = line.split()
        if number <= skip or not found:
            continue
        if len(found) != cells:
            raise FaceError(
                f"{path}, line {number} has {len(found)} cells, expected {cells}: {line[:60]!r}."
            )
        yield number, found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FaceError(f"{path} cannot be read as text: {error}.") from error


def number_of(name: str) -> int:
    """Number of an image, from its name."""
    return int(name.removesuffix(".jpg"))


def read_attributes(path: Path) -> tuple[list[str], dict[str, npt.NDArray[np.int8]]]:
    """Names of the images, by number, and attribute → 1 or -1 for each.

    Raises:
        FaceError: The file cannot be read, or is not whole; the message names the line.
    """
    first = (*_lines(path)[:2], "", "")
    header = first[1].split()
    if not re.fullmatch(r"\s*\d+\s*", first[0]) or not header or len({*header}) < len(header):
        raise FaceError(
            f"{path} must begin with a line that says how many images there are, and one with the "
            f"names of the attributes, each once; got {first[0][:40]!r} and {first[1][:40]!r}."
        )
    rows: dict[str, list[str]] = {}
    for number, (name, *values) in _rows(path, 2, len(header) + 1):
        if not re.fullmatch(r"(0|[1-9]\d{0,8})\.jpg", name) or name in rows:
            raise FaceError(
                f"{path}, line {number} is for {name!r}; expected the number of an image, such as "
                "12.jpg, each once."
            )
        wrong = [pair for pair in zip(header, values, strict=True) if pair[1] not in ("1", "-1")]
        if wrong:
            attribute, value = wrong[0]
            raise FaceError(f"{path}, line {number}: {attribute} is {value!r}, expected 1 or -1.")
        rows[name] = values
    if len(rows) != int(first[0]):
        raise FaceError(
            f"{path} announces {int(first[0]):,} images and has lines for {len(rows):,}; it is "
            "not whole, unpack it again."
        )
    names = sorted(rows, key=number_of)
    table = np.array([rows[name] for name in names], "U2").astype(np.int8)
    table = table.reshape(len(names), len(header))
    return names, {name: table[:, column] for column, name in enumerate(header)}


def compare(tree: Tree, names: Sequence[str]) -> None:
    """See that every image has a line and every line an image.

    Raises:
        FaceError: How many have none, and which first.
    """
    images = {entry.name for entry in os.scandir(tree.images) if entry.name.endswith(".jpg")}
    lines = set(names)
    if not images:
        raise FaceError(f"{tree.images} holds no .jpg image; unpack the whole archive.")
    if images == lines:
        return
    raise FaceError(
        f"{tree.images} and {tree.attributes.name} disagree: {_some(images - lines)} of "
        f"{len(images):,} images without a line, {_some(lines - images)} of {len(lines):,} lines "
        "without an image. Unpack both from one archive."
    )


def _some(names: Collection[str]) -> str:
    """How many, and which first."""
    first = ", ".join(sorted(names)[:3])
    return f"{len(names):,} ({first}{', …' if len(names) > 3 else ''})" if names else "0"


def read_yaws(path: Path, names: Sequence[str]) -> list[float]:
    """Degrees each head is turned to the side, from lines such as `0.jpg yaw pitch roll`.

    Raises:
        FaceError: The file cannot be read, or does not know all images.
    """
    yaws: dict[str, float] = {}
    for number, (name, *angles) in _rows(path, 2, 4):
        try:
            yaws[name] = float(angles[0])
        except ValueError:
            raise FaceError(
                f"{path}, line {number}: the yaw is {angles[0]!r}, expected degrees."
            ) from None
    _demand_lines(path, names, yaws)
    return [yaws[name] for name in names]


def _demand_lines(path: Path, names: Sequence[str], known: Collection[str]) -> None:
    if missing := set(names).difference(known):
        raise FaceError(
            f"{path} has no line for {_some(missing)} of {len(names):,} images; unpack it again."
        )


def read_people(tree: Tree, path: Path, names: Sequence[str]) -> list[str]:
    """Who is in each image, such as "celeba-2880", by way of CelebA's own numbering.

    Args:
        tree: Where the mapping between the numberings is.
        path: CelebA's identity file, lines such as `000001.jpg 2880`.
        names: The images.

    Raises:
        FaceError: There is no mapping, or the identities are for another numbering.
    """
    if tree.mapping is None:
        raise FaceError(
            f"There is no {MAPPING} beside {tree.attributes}, so image numbers cannot be told in "
            "CelebA's numbering, which identities are in. It is part of the CelebAMask-HQ archive."
        )
    originals = {f"{index}.jpg": file for _, (index, _, file) in _rows(tree.mapping, 1, 3)}
    _demand_lines(tree.mapping, names, originals)
    identities: dict[str, str] = {}
    for number, (file, person) in _rows(path, 0, 2):
        if not person.isdecimal() or identities.setdefault(file, person) != person:
            raise FaceError(
                f"{path}, line {number} says that {file} shows {person!r}; expected one number of "
                "a person an image, as in '000001.jpg 2880'."
            )
    if unknown := {originals[name] for name in names} - set(identities):
        raise FaceError(
            f"{path} knows nobody in {_some(unknown)} of the {len(names):,} CelebA images that "
            f"{tree.mapping.name} leads to; its own images are {_some(identities)}. It is for "
            f"another numbering or not whole: use CelebA's {IDENTITIES} of 202,599 lines."
        )
    return [f"celeba-{int(identities[originals[name]])}" for name in names]
