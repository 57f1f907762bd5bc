"""Faces from a folder of images.

Who is who comes from a CSV file, or else from the file names: `anna_01.jpg` and `anna_02.png` are
both of `anna`, in whatever sub-folders they lie, since what follows the last `_` is a number; any
other name is a person by itself. So `IMG_1.jpg` and `IMG_2.jpg` pass for one person: better two
people taken for one than one person in two splits. A CSV file settles it.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import hypot
from pathlib import Path, PurePosixPath

import numpy as np
import PIL.Image
import PIL.ImageOps

from equime_hub.builder.spec import FaceScan, Image, Refused
from equime_hub.errors import FaceError
from equime_hub.files import read_csv, sha256
from equime_hub.progress import Progress, watched
from equime_hub.schema.records import Face, Landmarks
from equime_hub.schema.taxonomy import GENDERS, RACES, age_group

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")
"""What a file must hold, whatever its suffix says; no other decoder sees its bytes."""
MAX_PIXELS = 100_000_000
"""Larger images are refused by their header, before memory is taken for them."""
MIN_EYE_DISTANCE = 20
"""Pixels between the eyes below which there is no expression to see."""
REQUIRED = ("file", "subject_id")
OPTIONAL = ("gender", "age", "race", "license")
"""Columns of the CSV file that says who is in which image."""


@dataclass(frozen=True)
class FolderFaces:
    """All images under a folder, one face each.

    Images with none, several or too small faces, and files that are no readable image, are
    listed as refused. Colours of any kind become 8-bit RGB: gray and CMYK are converted, 16 bits
    are scaled, transparency shows white. EXIF orientation is applied.

    Attributes:
        root: The folder. Files are taken by suffix (`SUFFIXES`), at any depth, sorted by path;
            hidden ones are passed over, links that lead out of the folder are refused.
        aligned: The images are aligned as CelebA-HQ and FFHQ are: no face is looked for, its
            parts are where that alignment puts them.
        subjects: CSV file (UTF-8) with the columns `file` (path under `root`) and `subject_id`,
            and optionally `gender`, `age` (years), `race` and `license`; an empty cell is
            unknown. An image without a row is then refused.
        source_dataset: Name of the collection; by default the folder's.
        license: Licence of the images for which the CSV file says none.
    """

    root: Path
    aligned: bool = False
    subjects: Path | None = None
    source_dataset: str | None = None
    license: str | None = None

    def scan(self, progress: Progress | None = None) -> FaceScan:
        """All faces, by path, and the images refused, each with one sentence.

        Raises:
            FaceError: No folder, no usable image in it, or a CSV file that does not fit it.
        """
        names = _image_names(self.root)
        rows = None if self.subjects is None else read_rows(self.subjects, names)
        faces: list[Face] = []
        refused: list[Refused] = []
        seen: dict[str, Face] = {}
        for name in watched(names, progress):
            try:
                face = self._face(name, rows)
                first = seen.setdefault(face.source_sha256, face)
                if first.subject_id != face.subject_id:
                    raise FaceError(
                        f"It is a copy of {first.source_image}, which is {first.subject_id!r}; "
                        "one person would count as two."
                    )
                faces.append(face)
            except FaceError as error:
                refused.append(Refused(_printable(name), str(error)))
        if not faces:
            reasons = " ".join(f"{r.source_image}: {r.reason}" for r in refused[:3])
            raise FaceError(
                f"None of the {len(names)} images under {self.root} is usable. {reasons}"
            )
        return FaceScan(tuple(faces), tuple(refused))

    def pixels(self, face: Face) -> Image:
        """The upright image of a face, H×W×3 uint8 RGB.

        Raises:
            FaceError: The file is gone, or no longer the one that was scanned.
        """
        return unchanged(self.root, face)

    def _face(self, name: str, rows: dict[str, dict[str, str]] | None) -> Face:
        path = self.root / name
        if _is_outside(path, self.root):
            raise FaceError(
                f"It links to {os.path.realpath(path)}, outside the folder; copy it in."
            )
        if name != _printable(name):
            raise FaceError("Its name is not UTF-8; rename it.")
        row = {"subject_id": _subject(name)} if rows is None else rows.get(name)
        if row is None:
            raise FaceError(f"{self.subjects} has no row for it; add one that says who it is.")
        landmarks = _landmarks(read(path), self.aligned)
        gender, race = row.get("gender") or None, row.get("race") or None
        age = float(row["age"]) if row.get("age") else None
        declared = gender or race or age is not None
        return Face(
            subject_id=row["subject_id"],
            source_dataset=self.source_dataset or self.root.resolve().name,
            source_image=name,
            source_sha256=sha256(path),
            landmarks=landmarks,
            license=row.get("license") or self.license,
            gender=gender,
            age=age,
            age_group=age_group(age),
            race=race,
            demographics_source=self.subjects.name if self.subjects and declared else None,
            declared_gender=gender,
            declared_age=age,
            declared_race=race,
        )


def read_rows(path: Path, names: Collection[str]) -> dict[str, dict[str, str]]:
    """Rows of the file of people by image, checked: column → cell, empty if unknown.

    Args:
        path: CSV file in UTF-8.
        names: POSIX paths of the images there are.

    Raises:
        FaceError: No CSV file, another header, an unknown value, an image listed twice or not
            there; one sentence with the line.
    """
    lines = read_csv(path, FaceError)
    _check_header(path, lines[0][1])
    rows: dict[str, dict[str, str]] = {}
    for number, row in lines:
        where = f"{path}, line {number}"
        row["file"] = PurePosixPath(row["file"]).as_posix()
        _check_row(where, row)
        if row["file"] in rows:
            raise FaceError(f"{where}: {row['file']} is listed twice; keep one row.")
        if row["file"] not in names:
            raise FaceError(f"{where}: there is no image {row['file']} in the folder.")
        rows[row["file"]] = row
    return rows


def _check_header(path: Path, header: Collection[str]) -> None:
    unknown = [column for column in header if column not in REQUIRED + OPTIONAL]
    missing = [column for column in REQUIRED if column not in header]
    if unknown or missing:
        raise FaceError(
            f"{path} has the header {','.join(header)!r}; it needs {' and '.join(REQUIRED)}, "
            f"may have {', '.join(OPTIONAL)}, and nothing else."
        )


def _check_row(where: str, row: dict[str, str]) -> None:
    if not row["subject_id"]:
        raise FaceError(f"{where}: subject_id is empty; say who it is.")
    for column, classes in {"gender": GENDERS, "race": RACES}.items():
        if row.get(column) and row[column] not in classes:
            raise FaceError(
                f"{where}: {column} is {row[column]!r}; write one of {', '.join(classes)}, "
                "or nothing if it is unknown."
            )
    if row.get("age") and not re.fullmatch(r"1?\d{1,2}(\.\d+)?", row["age"]):
        raise FaceError(f"{where}: age is {row['age']!r}; write years as a number such as 34.")


def unchanged(root: Path, face: Face) -> Image:
    """The upright image of a face under a folder, H×W×3 uint8 RGB.

    Raises:
        FaceError: The file is gone, or no longer the one that was scanned.
    """
    path = root / face.source_image
    try:
        found = sha256(path)
    except OSError as error:
        raise FaceError(
            f"{path} cannot be read ({error.strerror}): put it back, build with --faces if the "
            "photographs were moved, or plan again without it."
        ) from error
    if found != face.source_sha256:
        raise FaceError(
            f"{path} has changed: its SHA-256 is {found}, the plan has {face.source_sha256}; "
            "put the old file back, or plan again."
        )
    return read(path)


def read(path: Path) -> Image:
    """Read an image file upright, as H×W×3 uint8 RGB.

    Raises:
        FaceError: No image, a damaged one, or one of more than `MAX_PIXELS`; one sentence.
    """
    with opened(path) as image:
        PIL.ImageOps.exif_transpose(image, in_place=True)
        return _rgb(image)


@contextmanager
def opened(path: Path) -> Iterator[PIL.Image.Image]:
    """An image file whose header is checked and whose pixels are still to be decoded.

    Raises:
        FaceError: As `read`, also for what goes wrong inside the block.
    """
    if not path.is_file():
        raise FaceError("It is no regular file.")
    if not path.stat().st_size:
        raise FaceError("The file is empty (0 bytes).")
    try:
        with warnings.catch_warnings():
            # Pillow warns of large images by a limit of its own; ours is checked below.
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            with PIL.Image.open(path, formats=FORMATS) as image:
                _check_size(*image.size)
                yield image
    except FaceError:
        raise
    except PIL.Image.DecompressionBombError as error:
        raise FaceError(f"The image has far too many pixels: {error}") from error
    except PIL.UnidentifiedImageError as error:
        raise FaceError(f"The file holds no {', '.join(FORMATS)} image.") from error
    except Exception as error:  # on damaged files, decoders raise nearly anything
        raise FaceError(f"The image is damaged or cannot be read: {error}.") from error


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise FaceError(
            f"The image has {width}×{height} pixels, more than {MAX_PIXELS // 10**6} million; "
            "make it smaller."
        )
    if min(width, height) < 2 * MIN_EYE_DISTANCE:
        raise FaceError(
            f"The image has {width}×{height} pixels; a face that can be used needs at least "
            f"{2 * MIN_EYE_DISTANCE} each way."
        )


def _rgb(image: PIL.Image.Image) -> Image:
    if image.mode.startswith("I;16"):
        # Pillow would clip instead of scale.
        gray = np.round(np.asarray(image) / 257).astype(np.uint8)
        return np.repeat(gray[:, :, None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise FaceError("The image has 32 bits a pixel, of unknown range; save it with 8 or 16.")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = PIL.Image.alpha_composite(PIL.Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))


def _landmarks(image: Image, aligned: bool) -> Landmarks:
    from equime_hub.video.locate import canonical, locate

    height, width = image.shape[:2]
    found = [canonical(width, height)] if aligned else locate(image)
    if not found:
        raise FaceError("No face was found in it; use a portrait from the front.")
    if len(found) > 1:
        raise FaceError(f"{len(found)} faces were found in it; crop it to one.")
    (x0, y0), (x1, y1) = found[0].left_eye, found[0].right_eye
    if (distance := hypot(x1 - x0, y1 - y0)) < MIN_EYE_DISTANCE:
        raise FaceError(
            f"The face is too small: its eyes are {int(distance)} pixels apart, "
            f"at least {MIN_EYE_DISTANCE} are needed."
        )
    return found[0]


def _image_names(root: Path) -> list[str]:
    """POSIX paths under the root of what may be an image, and of folders that stay closed."""
    if not root.is_dir():
        raise FaceError(f"{root} is no folder; give the folder that holds the images.")
    names = []
    for path in root.rglob("*"):
        relative = path.relative_to(root)
        if any(part.startswith(".") for part in relative.parts):
            continue
        if path.is_dir():
            listed = _is_outside(path, root) or not os.access(path, os.R_OK | os.X_OK)
        else:
            listed = path.suffix.lower() in SUFFIXES
        if listed:
            names.append(relative.as_posix())
    if not names:
        raise FaceError(f"There is no image under {root}; looked for {' '.join(SUFFIXES)}.")
    return sorted(names)


def _is_outside(path: Path, root: Path) -> bool:
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _subject(name: str) -> str:
    stem = PurePosixPath(name).stem
    numbered = re.fullmatch(r"(.+)_\d+", stem)
    return numbered[1] if numbered else stem


def _printable(name: str) -> str:
    """A path whose bytes may not be UTF-8, as text that can be written."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
