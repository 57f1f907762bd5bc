"""Faces from CelebA-HQ, in the folder that CelebAMask-HQ comes in (Lee et al. 2020).

CelebA-HQ (Karras et al. 2018) is 30,000 images, 1024×1024 and aligned, of 6,217 people; who is
in which is told by CelebA's own identity file (Liu et al. 2015), by way of the mapping between
the two numberings. Attributes, identities and head poses are read first, and only what they
leave is decoded.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from equime_hub.builder.faces import celebamask
from equime_hub.builder.faces.celebamask import IDENTITIES, POSES, Tree
from equime_hub.builder.faces.folder import unchanged
from equime_hub.builder.faces.gates import MAX_YAW, MIN_SHARPNESS, measure
from equime_hub.builder.faces.where import select
from equime_hub.builder.spec import FaceScan, Image, Refused
from equime_hub.errors import FaceError
from equime_hub.files import sha256
from equime_hub.progress import Progress, watched
from equime_hub.schema.records import Face
from equime_hub.schema.taxonomy import IMAGES_AS_PEOPLE
from equime_hub.video.locate import canonical

MAX_MIXED = 0.1
"""Share of images that may differ from most of their person's in the attribute `Male`."""

_Measured = tuple[float, tuple[int, int]]
"""Sharpness, and width and height in pixels."""
_Genders = tuple[str | None, str | None]
"""What an image declares, and what most images of its person do."""


@dataclass(frozen=True)
class Stage:
    """What a step of the selection left.

    Attributes:
        name: The step.
        images: Images left after it.
        people: People in them.
    """

    name: str
    images: int
    people: int

    def __str__(self) -> str:
        return f"{self.images:>8,} images of {self.people:>7,} people  {self.name}"


@dataclass(frozen=True)
class Selection(FaceScan):
    """A scan that says how many images each step left, from all to those kept."""

    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class CelebAHQFaces:
    """The best images of each person in a CelebAMask-HQ folder.

    The images are aligned, so no face is looked for. The attribute `Male` gives the gender that
    an image declares, and most images of a person the person's; age and race stay unknown
    (`Young` is no age).

    Attributes:
        root: The folder; the files are found by name, at any depth.
        where: Condition on the attributes, such as `Smiling=-1 and Eyeglasses=-1`.
        per_person: How many images of a person are kept: the sharpest of those that pass all
            gates, of equally sharp ones the lower number.
        min_sharpness: Least sharpness, see `gates.sharpness`; 0 lets all pass.
        max_yaw: Degrees the head may be turned to the side, by the pose annotations that come
            with the images; 180 lets all pass. None is `MAX_YAW` if the annotations are there,
            and no gate if not: nothing in OpenCV measures it well enough.
        identities: CelebA's identity file, if it is not under `root`.
        subjects_are_images: Take every image for a person of its own. `source_dataset` then
            says so.
        license: Licence of the images.
    """

    root: Path
    where: str | None = None
    per_person: int = 1
    min_sharpness: float = MIN_SHARPNESS
    max_yaw: float | None = None
    identities: Path | None = None
    subjects_are_images: bool = False
    license: str | None = celebamask.LICENSE

    def __post_init__(self) -> None:
        if self.per_person < 1:
            raise FaceError(f"per_person must be 1 or more, got {self.per_person}.")
        if not 0 <= self.min_sharpness < float("inf"):
            raise FaceError(f"min_sharpness must be 0 or more, got {self.min_sharpness}.")
        if self.max_yaw is not None and not 0 <= self.max_yaw <= 180:
            raise FaceError(f"max_yaw must be 0 to 180 degrees, got {self.max_yaw}.")
        if self.subjects_are_images and self.identities:
            raise FaceError(
                f"subjects_are_images leaves {self.identities} unused; give one of the two."
            )

    @property
    def source_dataset(self) -> str:
        """What the rows say about where their faces are from."""
        return f"celebahq ({IMAGES_AS_PEOPLE})" if self.subjects_are_images else "celebahq"

    def scan(self, progress: Progress | None = None) -> Selection:
        """The faces kept, by number of the image, and how many images each step left.

        Damaged images among those decoded are refused.

        Raises:
            FaceError: No such folder, files in it that disagree, nobody who knows who is in
                the images, a condition that cannot be read, or no image left.
        """
        tree = Tree.find(self.root)
        names, columns = celebamask.read_attributes(tree.attributes)
        celebamask.compare(tree, names)
        people = self._people(tree, names, columns.get("Male"))
        stages: list[Stage] = []

        def left(name: str, indices: Iterable[int]) -> list[int]:
            found = list(indices)
            stages.append(Stage(name, len(found), len({people[index] for index in found})))
            return found

        kept = left("in the folder", range(len(names)))
        if self.where is not None:
            kept = left(f"where {self.where}", self._matching(columns))
        gate, frontal = self._frontal(tree, names)
        kept = left(gate, (index for index in kept if frontal[index]))
        sharp, refused = _measure(tree, names, kept, progress)
        kept = left(
            f"sharpness {self.min_sharpness:g} or more",
            (index for index, found in sharp.items() if found[0] >= self.min_sharpness),
        )
        kept = left(f"best {self.per_person} a person", self._best(kept, people, sharp))
        if not kept:
            steps = "; ".join(f"{stage.name}: {stage.images}" for stage in stages)
            damaged = f" {refused[0].source_image}: {refused[0].reason}" if refused else ""
            raise FaceError(f"No image is left ({steps}). Loosen the gates.{damaged}")
        genders = _genders(people, columns.get("Male"))
        return Selection(
            tuple(self._face(tree, names[i], people[i], genders[i], sharp[i][1]) for i in kept),
            refused,
            tuple(stages),
        )

    def pixels(self, face: Face) -> Image:
        """The image of a face, H×W×3 uint8 RGB.

        Raises:
            FaceError: The file is gone, or no longer the one that was scanned.
        """
        return unchanged(self.root, face)

    def _matching(self, columns: dict[str, npt.NDArray[np.int8]]) -> list[int]:
        assert self.where is not None
        chosen, clauses = select(self.where, columns)
        found: list[int] = np.flatnonzero(chosen).tolist()
        if not found:
            counts = ", ".join(f"{clause}: {images:,}" for clause, images in clauses.items())
            raise FaceError(
                f"--where {self.where!r} leaves no image. Images by clause: {counts}; together 0."
            )
        return found

    def _frontal(self, tree: Tree, names: Sequence[str]) -> tuple[str, list[bool]]:
        """The gate in words, and whether each image passes."""
        if tree.poses is None:
            if self.max_yaw is not None and self.max_yaw < 180:
                raise FaceError(
                    f"{self.root} has no {POSES}, so nothing says how far heads are turned. Take "
                    "it from the CelebAMask-HQ archive, or leave --max-yaw out."
                )
            return f"turned any way ({POSES} is not there)", [True] * len(names)
        limit = MAX_YAW if self.max_yaw is None else self.max_yaw
        yaws = celebamask.read_yaws(tree.poses, names)
        return f"turned {limit:g}° to the side or less", [abs(yaw) <= limit for yaw in yaws]

    def _best(
        self, kept: list[int], people: Sequence[str], sharp: dict[int, _Measured]
    ) -> list[int]:
        # Equally sharp images go by their number, so that the choice is the same everywhere.
        of_person: dict[str, list[int]] = defaultdict(list)
        for index in sorted(kept, key=lambda index: (-sharp[index][0], index)):
            of_person[people[index]].append(index)
        return sorted(i for images in of_person.values() for i in images[: self.per_person])

    def _people(
        self, tree: Tree, names: Sequence[str], male: npt.NDArray[np.int8] | None
    ) -> list[str]:
        """Who is in each image."""
        if self.subjects_are_images:
            return [f"celebahq-image-{celebamask.number_of(name)}" for name in names]
        path = self.identities or tree.identities
        if path is None:
            raise FaceError(
                f"{self.root} has no {IDENTITIES}, so nothing says who is in which image, and an "
                "image number is no person: the 30,000 images show 6,217 people, and in a random "
                "80/20 split of images 86.5 % of the test images share a person with train. The "
                "file (202,599 lines such as '000001.jpg 2880') is in the folder Anno of CelebA's "
                "own download, mmlab.ie.cuhk.edu.hk/projects/CelebA.html. Put it under the folder "
                "or name it with --identities. --subjects-are-images takes every image for a "
                "person, and the dataset then says so."
            )
        people = celebamask.read_people(tree, path, names)
        if male is not None:
            _check_genders(path, people, male)
        return people

    def _face(
        self, tree: Tree, name: str, person: str, genders: _Genders, size: tuple[int, int]
    ) -> Face:
        declared, gender = genders
        return Face(
            subject_id=person,
            source_dataset=self.source_dataset,
            source_image=tree.name(name),
            source_sha256=sha256(tree.images / name),
            landmarks=canonical(*size),
            license=self.license,
            gender=gender,
            demographics_source="CelebA attributes" if gender else None,
            declared_gender=declared,
        )


def _measure(
    tree: Tree, names: Sequence[str], kept: Sequence[int], progress: Progress | None
) -> tuple[dict[int, _Measured], tuple[Refused, ...]]:
    """Index → sharpness and size, of the images that can be read."""
    measured: dict[int, _Measured] = {}
    refused: list[Refused] = []
    for index in watched(kept, progress):
        try:
            measured[index] = measure(tree.images / names[index])
        except FaceError as error:
            refused.append(Refused(tree.name(names[index]), str(error)))
    return measured, tuple(refused)


def _genders(people: Sequence[str], male: npt.NDArray[np.int8] | None) -> list[_Genders]:
    """Of each image what it declares, and what most images of its person do; None at a tie."""
    if male is None:
        return [(None, None)] * len(people)
    votes = Counter[str]()
    for person, vote in zip(people, male.tolist(), strict=True):
        votes[person] += vote
    return [
        (_gender(vote), _gender(votes[person]))
        for person, vote in zip(people, male.tolist(), strict=True)
    ]


def _gender(votes: int) -> str | None:
    return None if votes == 0 else "man" if votes > 0 else "woman"


def _check_genders(path: Path, people: Sequence[str], male: npt.NDArray[np.int8]) -> None:
    """Refuse identities that mix men and women: they are for images in another order.

    Among images of people with several, few differ from the person's other images in `Male`;
    in a wrong order a quarter and more do. Fewer than 20 such images say nothing.
    """
    images = Counter(people)
    several = [i for i, person in enumerate(people) if images[person] > 1]
    genders = _genders(people, male)
    mixed = sum(declared != most for declared, most in (genders[i] for i in several))
    if len(several) >= 20 and mixed > MAX_MIXED * len(several):
        raise FaceError(
            f"By {path}, {mixed:,} of {len(several):,} images differ in the attribute Male from "
            "most images of their person, so it numbers the images in another way: use CelebA's "
            f"{IDENTITIES}."
        )
