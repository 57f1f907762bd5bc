"""A made-up CelebAMask-HQ folder in the official layout, of people who are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import PIL.Image

from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.spec import Image
from equime_hub.schema.records import Face

SIZE = 128
NAMES = ("5_o_Clock_Shadow", "Blurry", "Eyeglasses", "Male", "Smiling", "Young")


@dataclass(frozen=True)
class Portrait:
    """One image: whose, and what its lines say."""

    person: int
    smiling: int = -1
    eyeglasses: int = -1
    yaw: float = 0.0
    blur: float = 0.0

    @property
    def male(self) -> int:
        return 1 if drawn()[0][self.person].gender == "man" else -1


PORTRAITS = (
    Portrait(0, blur=0.6),
    Portrait(1),
    Portrait(0),
    Portrait(2, smiling=1),
    Portrait(0, smiling=1),
    Portrait(1, yaw=-45.5),
    Portrait(3, blur=6.0),
    Portrait(2, blur=0.5),
    Portrait(3, eyeglasses=1),
    Portrait(1, blur=0.7),
    Portrait(0, yaw=30.0),
)
"""Image 0, 1, 2 …; four people with 4, 3, 2 and 2 images."""


@cache
def drawn(people: int = 4) -> tuple[tuple[Face, ...], tuple[Image, ...]]:
    source = DrawnFaces(people, 0, SIZE)
    faces = source.scan().faces
    return faces, tuple(source.pixels(face) for face in faces)


def celeba_file(index: int) -> str:
    """The name in CelebA of an image of CelebA-HQ: another number, neither 1 to 1 nor in order."""
    return f"{202_599 - 7 * index:06d}.jpg"


def identity(person: int) -> int:
    return 2880 + 13 * person


def make(root: Path, portraits: tuple[Portrait, ...] = PORTRAITS, poses: bool = True) -> Path:
    """Write the folder, with CelebA's identities in Anno/, and give its path."""
    (root / "CelebA-HQ-img").mkdir(parents=True)
    (root / "Anno").mkdir()
    (root / "CelebAMask-HQ-mask-anno" / "0").mkdir(parents=True)
    PIL.Image.new("L", (8, 8)).save(root / "CelebAMask-HQ-mask-anno/0/00000_skin.png")
    rows, mapping, pose_rows, people = [], [], [], ["000001.jpg 77"]
    for index, portrait in enumerate(portraits):
        image = drawn()[1][portrait.person]
        if portrait.blur:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), portrait.blur), np.uint8)
        save(root / f"CelebA-HQ-img/{index}.jpg", image)
        values = (-1, -1, portrait.eyeglasses, portrait.male, portrait.smiling, 1)
        rows.append(f"{index}.jpg  {' '.join(map(str, values))}")
        file = celeba_file(index)
        mapping.append(f"{index:<8}{int(file[:6]) - 1:<12}{file}")
        pose_rows.append(f"{index}.jpg {portrait.yaw} 3.25 -0.5")
        people.append(f"{file} {identity(portrait.person)}")
    lines = {
        "CelebAMask-HQ-attribute-anno.txt": [str(len(rows)), " ".join(NAMES) + " ", *rows],
        "CelebA-HQ-to-CelebA-mapping.txt": ["idx     orig_idx    orig_file", *mapping],
        "Anno/identity_CelebA.txt": people,
    }
    if poses:
        lines["CelebAMask-HQ-pose-anno.txt"] = [str(len(rows)), "Yaw Pitch Raw", *pose_rows]
    for name, text in lines.items():
        (root / name).write_text("\n".join(text) + "\n")
    return root


def save(path: Path, image: Image) -> None:
    PIL.Image.fromarray(image).save(path, quality=95)


def edit(path: Path, old: str, new: str) -> None:
    """Replace in a file what must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
