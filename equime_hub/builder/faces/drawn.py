"""The face source `drawn`: people who do not exist, drawn by code.

Nobody has to consent and nothing has to be downloaded, so examples and tests start here. The
attributes are declared, not guessed: they are what the drawing was made from.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from equime_hub import seeds
from equime_hub.builder.faces.drawing.look import Colour, Look, landmarks
from equime_hub.builder.faces.drawing.paint import paint
from equime_hub.builder.spec import FaceScan, Image
from equime_hub.errors import FaceError
from equime_hub.files import beside
from equime_hub.progress import Progress, watched
from equime_hub.schema import taxonomy as tx
from equime_hub.schema.records import Face

MIN_SIZE, MAX_SIZE = 64, 2048


@dataclass(frozen=True)
class DrawnFaces:
    """Faces drawn by code, aligned as CelebA-HQ's are.

    Face i depends on `seed` and i alone, so that a larger `count` adds faces and changes none.
    Any 12 consecutive faces hold both genders and all six age groups, any 72 every combination
    of gender, age group and race once. All are adults.

    Attributes:
        count: How many.
        seed: Which people.
        size: Side of the images in pixels.
    """

    count: int
    seed: int = 0
    size: int = 512

    def __post_init__(self) -> None:
        if self.count < 1:
            raise FaceError(f"Cannot draw {self.count} faces: count must be 1 or more.")
        if not MIN_SIZE <= self.size <= MAX_SIZE:
            raise FaceError(
                f"Cannot draw faces of {self.size} pixels: size must be {MIN_SIZE} to {MAX_SIZE}."
            )

    def scan(self, progress: Progress | None = None) -> FaceScan:
        """All faces, each drawn once for its hash."""
        return FaceScan(tuple(map(self._face, watched(range(self.count), progress))))

    def pixels(self, face: Face) -> Image:
        """The portrait, drawn again.

        Raises:
            FaceError: The face is none of this source's, or its hash is another.
        """
        found = re.fullmatch(rf"drawn-{self.seed}-(\d{{5,}})", face.subject_id)
        if found is None:
            raise FaceError(
                f"{face.subject_id!r} was not drawn with seed {self.seed}: use the seed that "
                f"stands in its name."
            )
        image = self._paint(int(found[1]))
        if _sha256(image) != face.source_sha256:
            raise FaceError(
                f"{face.subject_id} comes out as {_sha256(image)[:12]}…, expected "
                f"{face.source_sha256[:12]}…: use the size it was planned with (now {self.size}) "
                "and the same version of this package, or make the plan again."
            )
        return image

    def _paint(self, index: int) -> Image:
        return paint(look_of(self.seed, index), self.size)

    def _face(self, index: int) -> Face:
        name = f"drawn-{self.seed}-{index:05d}"
        person = person_of(self.seed, index)
        return Face(
            subject_id=name,
            source_dataset="drawn",
            source_image=f"{name}.png",
            source_sha256=_sha256(self._paint(index)),
            license="CC0-1.0",
            landmarks=landmarks(look_of(self.seed, index), self.size),
            gender=person.gender,
            age=person.age,
            age_group=tx.age_group(person.age),
            race=person.race,
            demographics_source="drawn",
        )


def _sha256(image: Image) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


# --- who ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DrawnPerson:
    """What is declared of a face; see `Face`."""

    gender: str
    age: float
    race: str


_AGES = ((18, 20), (20, 31), (31, 41), (41, 51), (51, 61), (61, 80))
"""Of each age group, the upper bound excluded; nobody under 18 is drawn."""


def person_of(seed: int, index: int) -> DrawnPerson:
    """Gender, age and race of a face: spread evenly over the indices, not drawn at random."""
    place = index + 12 * (seeds.derive("drawn", "first", seed) % 6)
    pair, gender = divmod(place, 2)
    low, high = _AGES[pair % 6]
    return DrawnPerson(
        gender=tx.GENDERS[gender],
        age=float(seeds.generator("drawn", "age", seed, index).integers(low, high)),
        race=tx.RACES[(pair + pair // 6) % 6],
    )


# --- what they look like ------------------------------------------------------------------------

_DATA = beside(__file__, "drawn.json")
_COLOURS: dict[str, list[Colour]] = _DATA["colours"]
_MEASURES: dict[str, tuple[float, float, float]] = _DATA["measures"]
"""Field of `Look` → mean of men, mean of women, and standard deviation, in the order of drawing."""
_RACES: dict[str, dict[str, Any]] = _DATA["races"]
"""Of a group the lightest and the darkest `skin`, the palettes of `hair` and `eyes`, how full its
`lips` are, and the `measures` that differ from `_MEASURES`."""


def look_of(seed: int, index: int) -> Look:
    """How face `index` is drawn."""
    person = person_of(seed, index)
    rng = seeds.generator("drawn", "look", seed, index)
    lines = float(np.clip((person.age - 22) / 48 + rng.normal(0, 0.06), 0, 1))
    return Look(
        seed=seeds.derive("drawn", "texture", seed, index),
        woman=person.gender == "woman",
        lines=lines,
        light=float(rng.choice((-1, 1), p=(0.6, 0.4))),
        **_colours(person, rng),
        **_hair(person, lines, rng),
        **_measures(person, lines, rng),
    )


def _near(rng: np.random.Generator, mean: float, spread: float) -> float:
    """A normal number within two standard deviations."""
    return mean + spread * float(np.clip(rng.normal(), -2, 2))


def _mix(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (x + (y - x) * share for x, y in zip(a, b, strict=True))
    return red, green, blue


def _times(colour: Colour, factors: Colour) -> Colour:
    red, green, blue = (c * f for c, f in zip(colour, factors, strict=True))
    return red, green, blue


def _any(rng: np.random.Generator, colours: str) -> Colour:
    known = _COLOURS[colours]
    red, green, blue = known[int(rng.integers(len(known)))]
    return red, green, blue


def _colours(person: DrawnPerson, rng: np.random.Generator) -> dict[str, Any]:
    race, woman = _RACES[person.race], person.gender == "woman"
    lightest, darkest = race["skin"]
    skin = _mix(lightest, darkest, float(rng.uniform()))
    lip = _times(skin, (0.88, 0.62, 0.62) if woman else (0.86, 0.68, 0.66))
    makeup = float(rng.uniform()) if woman else 0.0
    if makeup > 0.5:
        lip = _mix(lip, _times(skin, (0.82, 0.34, 0.40)), 0.8 * makeup)
    grey = float(np.clip((person.age - 47) / 24 + rng.normal(0, 0.2), 0, 1)) * (person.age > 38)
    hair = _any(rng, race["hair"])
    brow = _mix(hair, (40, 29, 24), 0.6)
    freckled = person.race == "white" and rng.uniform() < 0.35
    return {
        "skin": skin,
        "lip": lip,
        "makeup": makeup,
        "hair": _mix(hair, (196, 194, 192), 0.85 * grey),
        "brow": _mix(brow, (150, 146, 142), 0.6 * grey),
        "iris": _any(rng, race["eyes"]),
        "cloth": _any(rng, "clothes"),
        "backdrop": _any(rng, "backdrops"),
        "freckles": float(rng.uniform(0.4, 1)) if freckled else 0.0,
        "glasses": _any(rng, "frames") if rng.uniform() < 0.16 else None,
    }


def _hair(person: DrawnPerson, lines: float, rng: np.random.Generator) -> dict[str, Any]:
    woman = person.gender == "woman"
    kind = "black " if person.race == "black" else "older " if woman and person.age > 55 else ""
    styles: list[str] = _DATA["styles"][kind + person.gender]
    if not woman and person.age > 45:
        styles = [*styles, "bald", "bald"]
    style = styles[int(rng.integers(len(styles)))]
    receded = 0.0 if woman else 0.02 + 0.05 * max(lines - 0.3, 0)
    beards = (0.12, 0.2, 0.45, 0.9)
    beard = float(rng.choice(beards, p=(0.35, 0.25, 0.2, 0.2)))
    return {
        "style": style,
        "volume": _near(rng, 0.010, 0.006),
        "hairline": receded + _near(rng, 0, 0.006),
        "wave": 1.0 if style == "wavy" else float(rng.uniform(0, 0.3)),
        "beard": 0.0 if woman else beard,
    }


def _measures(person: DrawnPerson, lines: float, rng: np.random.Generator) -> dict[str, Any]:
    """Where the parts of the face are, and how large; age makes eyes and lips smaller."""
    race, woman, asian = _RACES[person.race], person.gender == "woman", person.race == "asian"
    height = _near(rng, 0.046 if woman else 0.042, 0.002)
    low_fold = {"crease": (0.007, 0.007, 0.001)} if asian and rng.uniform() < 0.6 else {}
    known = {**_MEASURES, **race["measures"], **low_fold}
    found = {name: _near(rng, each[woman], each[2]) for name, each in known.items()}
    found["eye_h"] = height * (0.88 if asian else 1) * (1 - 0.10 * lines)
    found["eye_tilt"] -= 0.002 * lines
    found["nose_w"] *= 0.97 if woman else 1.05
    for lip in ("lip_up", "lip_low"):
        found[lip] *= race["lips"] * (1 - 0.3 * lines)
    return found
