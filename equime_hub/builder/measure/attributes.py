"""Age, gender and race of people, estimated once a person on one source face.

The frames of a clip show the person of its source face, so nothing is gained by asking again for
each of them. What the source itself declares stays in the `declared_` fields of `Face`.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from equime_hub import seeds
from equime_hub.builder.spec import Image, Refused
from equime_hub.errors import FaceError
from equime_hub.progress import Progress
from equime_hub.registry import Registry
from equime_hub.schema.records import Face
from equime_hub.schema.taxonomy import GENDERS, RACES, age_group

ATTRIBUTES = Registry(
    "attribute estimator",
    {"deepface": "equime_hub.builder.measure.deepface:DeepFace"},
    group="equime_hub.attributes",
)
"""Estimators by name: each is a class that implements `Estimator` and is made with the one
argument `download`, whether it may fetch weights that are missing."""

BATCH_SIZE = 8
"""On a CPU, larger batches gain nothing."""
_BLANK = 16
"""Grey levels between the darkest and the brightest value under which a crop shows nothing."""


Crop = Callable[[Face, int], Image]
"""Gives an aligned face, size×size×3 RGB; raises a FaceError if it cannot be had."""


@dataclass(frozen=True)
class AttributeEstimate:
    """What an estimator says of a face; None where it has no answer.

    Every answer has a score: by it, a `Face` tells what was estimated from what was declared.

    Attributes:
        gender: One of `GENDERS`.
        gender_score: Confidence in [0, 1].
        age: Apparent age in years.
        age_score: Confidence in [0, 1].
        race: One of `RACES`.
        race_score: Confidence in [0, 1].

    Raises:
        FaceError: Another class, an impossible age or score, or an answer without a score.
    """

    gender: str | None = None
    gender_score: float | None = None
    age: float | None = None
    age_score: float | None = None
    race: str | None = None
    race_score: float | None = None

    def __post_init__(self) -> None:
        pairs = (
            (self.gender, self.gender_score, self.gender in GENDERS),
            (self.age, self.age_score, self.age is not None and 0 <= self.age < 150),
            (self.race, self.race_score, self.race in RACES),
        )
        for value, score, valid in pairs:
            if (value, score) != (None, None) and not (
                valid and score is not None and 0 <= score <= 1
            ):
                raise FaceError(
                    f"An estimate must be one of {', '.join(GENDERS)}; one of {', '.join(RACES)}; "
                    f"years under 150; each with a score from 0 to 1. Got {self}."
                )


class Estimator(Protocol):
    """What estimates attributes. Making one is cheap; a model is loaded by the first call."""

    @property
    def tool(self) -> str:
        """Name, version and all else that its answers depend on; becomes demographics_source."""

    @property
    def size(self) -> int:
        """Side of the square crops it wants, in pixels."""

    def estimate(self, crops: npt.NDArray[np.uint8]) -> list[AttributeEstimate]:
        """One estimate a crop, in order.

        Args:
            crops: n×`size`×`size`×3 RGB, aligned faces.
        """


@dataclass(frozen=True)
class Measured:
    """What came of `measure`.

    Attributes:
        faces: All faces in their order; those of a person have the same estimate.
        refused: Images that could not be used. A person without any other has no attributes.
        made: People estimated now; the others were known.
    """

    faces: tuple[Face, ...]
    refused: tuple[Refused, ...]
    made: int


def measure(
    faces: Sequence[Face],
    crop: Crop,
    estimator: Estimator,
    memory: Path,
    *,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> Measured:
    """Estimate the attributes of every person on the first of their faces that can be used.

    What `memory` or the faces themselves hold of this tool is not measured again, so that a run
    that was stopped goes on.

    Args:
        faces: All faces; the order of a person's faces decides which is taken.
        crop: Gives the aligned faces.
        estimator: What estimates.
        memory: File to which every finished batch is added, as JSON lines by image and landmarks.
        batch_size: Crops given together.
        progress: Told of people.

    Raises:
        FaceError: Nobody can be used, or the batch size is not positive.
        EquimeError: The estimator cannot work: its package or weights are missing or damaged.
    """
    if batch_size < 1:
        raise FaceError(f"The batch size must be 1 or more, got {batch_size}.")
    known = _recall(memory, faces, estimator.tool)
    people: dict[str, list[Face]] = defaultdict(list)
    for face in faces:
        people[face.subject_id].append(face)
    chosen: dict[str, str] = {}
    refused: list[Refused] = []
    batch: dict[str, Image] = {}
    made = 0
    for number, (subject, own) in enumerate(people.items(), 1):
        key, image = _first_usable(own, known, lambda f: crop(f, estimator.size), refused)
        chosen[subject] = key
        if image is not None:
            batch[key] = image
        if len(batch) == batch_size or (batch and number == len(people)):
            found = estimator.estimate(np.stack(list(batch.values())))
            known |= _remembered(memory, estimator.tool, dict(zip(batch, found, strict=True)))
            made += len(batch)
            batch.clear()
        if progress is not None:
            progress(number - len(batch), len(people))
    if refused and not any(chosen.values()):
        raise FaceError(
            f"No image of {len(people)} people can be used. {refused[0].source_image}: "
            f"{refused[0].reason}"
        )
    done = tuple(_filled(f, known.get(chosen[f.subject_id]), estimator.tool) for f in faces)
    return Measured(done, tuple(refused), made)


def _first_usable(
    own: Sequence[Face],
    known: Mapping[str, AttributeEstimate],
    take: Callable[[Face], Image],
    refused: list[Refused],
) -> tuple[str, Image | None]:
    """Key of a person's first face that can be used, and its crop unless it is known.

    Without any, the key is empty. Unusable images are added to `refused`.
    """
    for face in own:
        key = _key(face)
        if key in known:
            return key, None
        try:
            image = take(face)
            if np.ptp(image) < _BLANK:
                raise FaceError("The face is blank.")
            return key, image
        except FaceError as error:
            refused.append(Refused(face.source_image, str(error)))
    return "", None


def _filled(face: Face, found: AttributeEstimate | None, tool: str) -> Face:
    """A face with its person's estimate, or with nothing; what was declared moves aside."""
    claimed = {
        f"declared_{name}": getattr(face, name)
        for name in ("gender", "age", "race")
        if getattr(face, f"declared_{name}") is None and getattr(face, f"{name}_score") is None
    }
    return replace(
        face,
        **claimed,
        **asdict(found or AttributeEstimate()),
        age_group=age_group(found.age) if found else None,
        demographics_source=tool if found else None,
    )


def _key(face: Face) -> str:
    """What is measured: an image, and where the face is in it."""
    return f"{face.source_sha256}-{seeds.digest(face.landmarks.flat())[:16]}"


def _recall(memory: Path, faces: Sequence[Face], tool: str) -> dict[str, AttributeEstimate]:
    """What is known of a tool, by key; lines that cannot be read are measured again."""
    names = [field.name for field in fields(AttributeEstimate)]
    known = {
        _key(face): AttributeEstimate(**{name: getattr(face, name) for name in names})
        for face in faces
        if face.demographics_source == tool
    }
    lines = memory.read_text("utf-8", "replace").splitlines() if memory.exists() else []
    for line in lines:
        try:
            row = json.loads(line)
            key, of = row.pop("face"), row.pop("tool")
            if of == tool:
                known[key] = AttributeEstimate(**row)
        except (FaceError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return known


def _remembered(
    memory: Path, tool: str, new: dict[str, AttributeEstimate]
) -> dict[str, AttributeEstimate]:
    """Write down what was found, and give it back."""
    rows = ({"face": key, "tool": tool, **asdict(found)} for key, found in new.items())
    # The line break comes first: should the last line be torn, the next is whole.
    text = "".join("\n" + json.dumps(row) for row in rows)
    memory.parent.mkdir(parents=True, exist_ok=True)
    with memory.open("a", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return new
