from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from equime_hub.builder.faces.align import align
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.measure.attributes import ATTRIBUTES, AttributeEstimate, Crop, measure
from equime_hub.builder.spec import Image
from equime_hub.errors import EquimeError, FaceError
from equime_hub.schema.records import Face
from equime_hub.schema.taxonomy import age_group

SOURCE = DrawnFaces(7, seed=3, size=64)
FACES = SOURCE.scan().faces
PORTRAITS = {face.source_sha256: SOURCE.pixels(face) for face in FACES}
MEMORY = Path("memory.jsonl")


class Brightness:
    """An estimator whose answers can be checked by hand; `sizes` are the batches it was given."""

    size = 32

    def __init__(self, tool: str = "brightness 1", stop_after: int = 99) -> None:
        self.tool = tool
        self.sizes: list[int] = []
        self.stop_after = stop_after

    def estimate(self, crops: npt.NDArray[np.uint8]) -> list[AttributeEstimate]:
        if len(self.sizes) == self.stop_after:
            raise KeyboardInterrupt
        self.sizes.append(len(crops))
        return [
            AttributeEstimate(
                "man", 0.75, float(crop.mean() / 4), 0.5, "white", float(crop.mean() / 255)
            )
            for crop in crops
        ]


def crop(face: Face, size: int) -> Image:
    return align(PORTRAITS[face.source_sha256], face.landmarks, size, size)[0]


def without(*names: str) -> Crop:
    """`crop`, but some images cannot be had."""

    def some(face: Face, size: int) -> Image:
        if face.source_image in names:
            raise FaceError("It is gone.")
        return crop(face, size)

    return some


def also(face: Face, name: str) -> Face:
    """Another image of the same person, with the last one's portrait."""
    return replace(FACES[-1], subject_id=face.subject_id, source_image=name)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_every_person_is_estimated(batch_size: int) -> None:
    estimator = Brightness()
    calls: list[tuple[int, int]] = []
    measured = measure(
        FACES, crop, estimator, MEMORY, batch_size=batch_size, progress=lambda *c: calls.append(c)
    )
    assert (measured.made, measured.refused) == (7, ())
    assert sum(estimator.sizes) == 7 and max(estimator.sizes) == min(batch_size, 7)
    assert calls == sorted(calls) and calls[-1] == (7, 7)
    for before, after in zip(FACES, measured.faces, strict=True):
        expected = float(crop(before, 32).mean() / 4)
        assert (after.gender, after.gender_score) == ("man", 0.75)
        assert after.age == expected and after.age_group == age_group(expected)
        assert after.demographics_source == "brightness 1"
        assert (after.declared_gender, after.declared_age) == (before.gender, before.age)
        assert after.declared_race == before.race
        assert (after.subject_id, after.landmarks) == (before.subject_id, before.landmarks)


def test_a_person_is_estimated_once_on_the_first_image() -> None:
    others = [also(FACES[0], f"other-{number}.png") for number in range(3)]
    estimator = Brightness()
    measured = measure([*FACES[:2], *others], crop, estimator, MEMORY)
    assert measured.made == sum(estimator.sizes) == 2
    first, second, *rest = measured.faces
    assert {(f.age, f.age_score, f.race_score) for f in rest} == {
        (first.age, first.age_score, first.race_score)
    }
    assert first.age == float(crop(FACES[0], 32).mean() / 4) != second.age


def test_what_cannot_be_used_is_named_and_the_next_image_taken() -> None:
    bad = FACES[0].source_image
    faces = [FACES[0], FACES[1], also(FACES[0], "other.png")]
    measured = measure(faces, without(bad), Brightness(), MEMORY)
    assert [(r.source_image, r.reason) for r in measured.refused] == [(bad, "It is gone.")]
    assert measured.faces[0].age == measured.faces[2].age == float(crop(FACES[-1], 32).mean() / 4)


def test_who_has_no_usable_image_stays_unknown() -> None:
    measured = measure(FACES, without(FACES[2].source_image), Brightness(), MEMORY)
    lost = measured.faces[2]
    assert {lost.gender, lost.gender_score, lost.age, lost.age_score, lost.age_group} == {None}
    assert {lost.race, lost.race_score, lost.demographics_source} == {None}
    assert (lost.declared_gender, lost.declared_race) == (FACES[2].gender, FACES[2].race)
    assert measured.made == 6


def test_a_blank_face_is_not_estimated() -> None:
    def take(face: Face, size: int) -> Image:
        blank = np.full((size, size, 3), 77, np.uint8)
        return blank if face is FACES[0] else crop(face, size)

    measured = measure(FACES, take, Brightness(), MEMORY)
    assert [refused.reason for refused in measured.refused] == ["The face is blank."]
    assert measured.faces[0].gender is None


def test_nobody_usable_is_an_error() -> None:
    names = [face.source_image for face in FACES]
    with pytest.raises(FaceError, match=r"No image of 7 people can be used\. .*It is gone"):
        measure(FACES, without(*names), Brightness(), MEMORY)


def test_a_declared_value_of_the_source_is_not_replaced() -> None:
    face = replace(FACES[0], gender="man", declared_gender="woman")
    assert measure([face], crop, Brightness(), MEMORY).faces[0].declared_gender == "woman"


# Memory


def test_a_stopped_run_goes_on() -> None:
    with pytest.raises(KeyboardInterrupt):
        measure(FACES, crop, Brightness(stop_after=2), MEMORY, batch_size=2)
    rest = Brightness()
    measured = measure(FACES, crop, rest, MEMORY, batch_size=2)
    assert (measured.made, rest.sizes) == (3, [2, 1])
    assert measured.faces == measure(FACES, crop, Brightness(), Path("fresh.jsonl")).faces


def test_only_what_is_new_is_measured() -> None:
    first = measure(FACES[:5], crop, Brightness(), MEMORY)
    again = Brightness()
    measured = measure(FACES, crop, again, MEMORY)
    assert measured.made == sum(again.sizes) == 2
    assert measured.faces[:5] == first.faces
    idle = Brightness()
    assert measure(FACES, crop, idle, MEMORY).made == 0 and not idle.sizes


def test_faces_remember_without_a_file() -> None:
    first = measure(FACES, crop, Brightness(), MEMORY)
    MEMORY.unlink()
    idle = Brightness()
    assert measure(first.faces, crop, idle, MEMORY) == replace(first, made=0)
    assert not idle.sizes and not MEMORY.exists()


def test_another_tool_or_crop_is_measured_again() -> None:
    first = measure(FACES, crop, Brightness(), MEMORY)
    newer = measure(first.faces, crop, Brightness("brightness 2"), MEMORY)
    assert newer.made == 7 and newer.faces[0].demographics_source == "brightness 2"
    shifted = replace(FACES[0].landmarks, chin=(30.0, 60.0))
    moved = [replace(FACES[0], landmarks=shifted), *FACES[1:]]
    assert measure(moved, crop, Brightness(), MEMORY).made == 1


def test_what_was_estimated_is_never_taken_for_declared() -> None:
    plain = replace(FACES[0], gender=None, age=None, race=None, age_group=None)
    first = measure([plain], crop, Brightness(), MEMORY)
    second = measure(first.faces, crop, Brightness("brightness 2"), MEMORY)
    (face,) = second.faces
    assert (face.gender, face.race) == ("man", "white")
    assert {face.declared_gender, face.declared_age, face.declared_race} == {None}


@pytest.mark.parametrize("junk", ['{"face": "ab', "null", "[]", '{"tool": "brightness 1"}', "\xff"])
def test_a_torn_file_loses_one_line(junk: str) -> None:
    first = measure(FACES, crop, Brightness(), MEMORY)
    lines = MEMORY.read_text().splitlines()
    MEMORY.write_text("\n".join(lines[:-1]) + "\n" + lines[-1][:-9] + "\n" + junk)
    assert measure(FACES, crop, Brightness(), MEMORY) == replace(first, made=1)
    assert measure(FACES, crop, Brightness(), MEMORY).made == 0


# Bad input


def test_a_batch_of_none_is_refused() -> None:
    with pytest.raises(FaceError, match="batch size must be 1 or more, got 0"):
        measure(FACES, crop, Brightness(), MEMORY, batch_size=0)


@pytest.mark.parametrize(
    "values",
    [
        {"gender": "Man", "gender_score": 0.5},
        {"gender": "man"},
        {"gender_score": 0.5},
        {"race": "martian", "race_score": 0.5},
        {"age": -1.0, "age_score": 0.5},
        {"age": float("nan"), "age_score": 0.5},
        {"age": 30.0, "age_score": 1.5},
        {"age": 30.0, "age_score": float("nan")},
    ],
)
def test_an_impossible_estimate_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(FaceError, match="An estimate must be one of woman, man"):
        AttributeEstimate(**values)  # type: ignore[arg-type]


def test_an_unknown_estimator_is_a_sentence() -> None:
    with pytest.raises(EquimeError, match="There is no attribute estimator 'crystal ball'"):
        ATTRIBUTES.get("crystal ball")
