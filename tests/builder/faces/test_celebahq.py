from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from equime_hub import configs
from equime_hub.builder.faces import SOURCES
from equime_hub.builder.faces.celebahq import CelebAHQFaces, Selection
from equime_hub.builder.faces.celebamask import is_tree
from equime_hub.builder.faces.folder import read
from equime_hub.builder.spec import FaceScan
from equime_hub.errors import FaceError
from equime_hub.files import sha256
from equime_hub.video.locate import canonical
from tests.support.celeba import (
    NAMES,
    PORTRAITS,
    SIZE,
    Portrait,
    celeba_file,
    drawn,
    edit,
    identity,
    make,
    save,
)

ATTRIBUTES = "CelebAMask-HQ-attribute-anno.txt"
MAPPING = "CelebA-HQ-to-CelebA-mapping.txt"
POSES = "CelebAMask-HQ-pose-anno.txt"
IDENTITIES = "Anno/identity_CelebA.txt"
EVERYTHING = {"per_person": 99, "min_sharpness": 0.0, "max_yaw": 180.0}


@pytest.fixture
def hq(tmp_path: Path) -> Path:
    return make(tmp_path / "CelebAMask-HQ")


def numbers(scan: FaceScan) -> list[int]:
    return [int(Path(face.source_image).stem) for face in scan.faces]


def stages(selection: Selection) -> list[tuple[int, int]]:
    return [(stage.images, stage.people) for stage in selection.stages]


# Who


def test_one_subject_a_person(hq: Path) -> None:
    scan = CelebAHQFaces(hq).scan()
    assert [face.subject_id for face in scan.faces] == [
        f"celeba-{identity(person)}" for person in (1, 0, 2, 3)
    ]
    # The sharp ones; of equally sharp ones the lower number.
    assert numbers(scan) == [1, 2, 3, 8]


def test_all_images_of_a_person_are_one_subject(hq: Path) -> None:
    scan = CelebAHQFaces(hq, **EVERYTHING).scan()  # type: ignore[arg-type]
    assert numbers(scan) == list(range(len(PORTRAITS)))
    assert [face.subject_id for face in scan.faces] == [
        f"celeba-{identity(portrait.person)}" for portrait in PORTRAITS
    ]
    people = drawn()[0]
    for face, portrait in zip(scan.faces, PORTRAITS, strict=True):
        assert face.gender == face.declared_gender == people[portrait.person].gender
        assert face.demographics_source == "CelebA attributes"
        unknown = {face.age, face.age_group, face.race, face.declared_age, face.declared_race}
        assert unknown == {None}


def test_a_face(hq: Path) -> None:
    source = CelebAHQFaces(hq)
    face = source.scan().faces[1]
    path = hq / "CelebA-HQ-img/2.jpg"
    assert face.source_image == "CelebA-HQ-img/2.jpg"
    assert face.source_sha256 == sha256(path)
    assert face.source_dataset == "celebahq"
    assert face.license == "non-commercial research and education only"
    assert face.landmarks == canonical(SIZE, SIZE)
    assert np.array_equal(source.pixels(face), read(path))


def test_the_gender_of_a_person_is_what_most_images_declare(tmp_path: Path) -> None:
    hq = make(tmp_path / "hq")
    line = (hq / ATTRIBUTES).read_text().splitlines()[2 + 4]
    male = PORTRAITS[4].male
    edit(hq / ATTRIBUTES, line, line.replace(f" {male} 1 1", f" {-male} 1 1"))
    faces = CelebAHQFaces(hq, **EVERYTHING).scan().faces  # type: ignore[arg-type]
    gender = drawn()[0][0].gender
    assert faces[4].declared_gender not in (None, gender)
    assert [face.gender for face in faces if face.subject_id == faces[4].subject_id] == [gender] * 4


def test_without_the_attribute_male_nothing_is_declared(hq: Path) -> None:
    edit(hq / ATTRIBUTES, "Male", "Grinning")
    faces = CelebAHQFaces(hq).scan().faces
    declared = {(f.gender, f.declared_gender, f.demographics_source) for f in faces}
    assert declared == {(None, None, None)}


def test_no_identities_is_refused(hq: Path) -> None:
    (hq / IDENTITIES).unlink()
    with pytest.raises(FaceError) as caught:
        CelebAHQFaces(hq).scan()
    for words in (
        "no identity_CelebA.txt", "an image number is no person", "30,000 images show 6,217 people",
        "86.5 %", "mmlab.ie.cuhk.edu.hk/projects/CelebA.html", "--identities",
        "--subjects-are-images",
    ):  # fmt: skip
        assert words in str(caught.value)


def test_images_may_be_taken_for_people_and_the_rows_say_so(hq: Path) -> None:
    (hq / IDENTITIES).unlink()
    (hq / MAPPING).unlink()
    scan = CelebAHQFaces(hq, subjects_are_images=True).scan()
    assert [face.subject_id for face in scan.faces] == [
        f"celebahq-image-{number}" for number in (0, 1, 2, 3, 4, 7, 8, 9, 10)
    ]
    assert {face.source_dataset for face in scan.faces} == {"celebahq (subjects are images)"}


def test_identities_may_lie_anywhere(hq: Path, tmp_path: Path) -> None:
    expected = CelebAHQFaces(hq).scan().faces
    moved = (hq / IDENTITIES).rename(tmp_path / "who.txt")
    assert CelebAHQFaces(hq, identities=moved).scan().faces == expected
    moved.rename(hq / "identity_CelebA.txt")
    assert CelebAHQFaces(hq).scan().faces == expected


def test_the_tree_may_lie_deeper(tmp_path: Path) -> None:
    hq = make(tmp_path / "data/CelebAMask-HQ")
    source = CelebAHQFaces(tmp_path)
    scan = source.scan()
    assert scan.faces[0].source_image == "data/CelebAMask-HQ/CelebA-HQ-img/1.jpg"
    assert source.pixels(scan.faces[0]).shape == (SIZE, SIZE, 3)
    assert [f.subject_id for f in scan.faces] == [
        f.subject_id for f in CelebAHQFaces(hq).scan().faces
    ]
    assert is_tree(hq)
    assert is_tree(tmp_path / "data")
    assert not is_tree(hq / "CelebA-HQ-img")


# Which


def test_counts_at_every_stage(hq: Path) -> None:
    calls: list[tuple[int, int]] = []
    source = CelebAHQFaces(hq, where="Smiling=-1 and not Eyeglasses=1", per_person=2)
    scan = source.scan(lambda *call: calls.append(call))
    assert [(stage.name, stage.images, stage.people) for stage in scan.stages] == [
        ("in the folder", 11, 4),
        ("where Smiling=-1 and not Eyeglasses=1", 8, 4),
        ("turned 30° to the side or less", 7, 4),
        ("sharpness 10 or more", 6, 3),
        ("best 2 a person", 5, 3),
    ]
    assert numbers(scan) == [1, 2, 7, 9, 10]
    # Only what attributes and poses leave is decoded.
    assert calls == [(done, 7) for done in range(8)]


@pytest.mark.parametrize(("k", "kept"), [(1, 4), (2, 7), (3, 8), (4, 9)])
def test_the_k_sharpest_of_each_person(hq: Path, k: int, kept: int) -> None:
    scan = CelebAHQFaces(hq, per_person=k).scan()
    assert stages(scan)[-1] == (kept, 4)
    assert numbers(scan) == sorted(numbers(scan))
    smaller = CelebAHQFaces(hq, per_person=max(1, k - 1)).scan()
    assert set(numbers(smaller)) <= set(numbers(scan))


@pytest.mark.parametrize(
    ("yaw", "kept"), [(0.0, 9), (29.9, 9), (30.0, 10), (45.5, 11), (180.0, 11)]
)
def test_turned_heads(hq: Path, yaw: float, kept: int) -> None:
    scan = CelebAHQFaces(hq, max_yaw=yaw, min_sharpness=0, per_person=99).scan()
    assert len(scan.faces) == kept


def test_without_pose_annotations_there_is_no_gate_unless_it_is_asked_for(tmp_path: Path) -> None:
    hq = make(tmp_path / "hq", poses=False)
    scan = CelebAHQFaces(hq).scan()
    assert scan.stages[1].images == 11
    assert f"turned any way ({POSES} is not there)" in str(scan.stages[1])
    assert CelebAHQFaces(hq, max_yaw=180).scan().faces == scan.faces
    with pytest.raises(FaceError, match=f"has no {POSES}.*leave --max-yaw out"):
        CelebAHQFaces(hq, max_yaw=20).scan()


def test_what_is_filtered_out_is_not_opened(hq: Path) -> None:
    for number in (3, 4, 5):
        (hq / f"CelebA-HQ-img/{number}.jpg").write_text("no image")
    assert not CelebAHQFaces(hq, where="Smiling=-1").scan().refused


def test_damaged_images_are_refused_and_the_rest_goes_on(hq: Path) -> None:
    whole = (hq / "CelebA-HQ-img/2.jpg").read_bytes()
    (hq / "CelebA-HQ-img/2.jpg").write_bytes(whole[: len(whole) // 2])
    (hq / "CelebA-HQ-img/3.jpg").write_bytes(b"")
    scan = CelebAHQFaces(hq).scan()
    assert [(r.source_image, r.reason[:18]) for r in scan.refused] == [
        ("CelebA-HQ-img/2.jpg", "The image is damag"),
        ("CelebA-HQ-img/3.jpg", "The file is empty "),
    ]
    assert numbers(scan) == [1, 4, 7, 8]


def test_contradictory_conditions_are_counted(hq: Path) -> None:
    with pytest.raises(FaceError, match=r"leaves no image\. .*Smiling=1: 2, Smiling=-1: 9; tog"):
        CelebAHQFaces(hq, where="Smiling=1 and Smiling=-1").scan()
    with pytest.raises(FaceError, match="'Smilng', which is no attribute; choose one of: Smiling"):
        CelebAHQFaces(hq, where="Smilng=1").scan()


def test_gates_that_leave_nothing_are_counted(hq: Path) -> None:
    with pytest.raises(FaceError, match=r"No image is left \(in the folder: 11; turned 30° .*: 10"):
        CelebAHQFaces(hq, min_sharpness=1e6).scan()


# What does not fit together


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (ATTRIBUTES, "11\n", "12\n", "announces 12 images and has lines for 11"),
        (ATTRIBUTES, "11\n", "", "must begin with a line that says how many"),
        (ATTRIBUTES, "Male", "Blurry", "names of the attributes, each once"),
        (ATTRIBUTES, "4.jpg", "3.jpg", r"line 7 is for '3\.jpg'"),
        (ATTRIBUTES, "4.jpg", "../4.jpg", r"line 7 is for '\.\./4\.jpg'"),
        (ATTRIBUTES, "4.jpg", "00004.jpg", r"line 7 is for '00004\.jpg'"),
        (ATTRIBUTES, "4.jpg  -1", "4.jpg  0", "line 7: 5_o_Clock_Shadow is '0', expected 1 or -1"),
        (ATTRIBUTES, "4.jpg  -1", "4.jpg", "line 7 has 6 cells, expected 7"),
        (
            ATTRIBUTES,
            "4.jpg  ",
            "12.jpg  ",
            r"disagree: 1 \(4.jpg\) of 11 images .*1 \(12.jpg\) of",
        ),
        (MAPPING, "4       ", "44      ", r"has no line for 1 \(4\.jpg\) of 11 images"),
        (MAPPING, "4       ", "4   x   ", "line 6 has 4 cells, expected 3"),
        (MAPPING, celeba_file(4), "999999.jpg", r"knows nobody in 1 \(999999\.jpg\) of the 11"),
        (IDENTITIES, f"{celeba_file(4)} 2880", f"{celeba_file(4)} anna", "line 6 .* shows 'anna'"),
        (IDENTITIES, f"{celeba_file(4)} ", f"{celeba_file(3)} ", "line 6 .* shows '2880'"),
        (IDENTITIES, f"{celeba_file(4)} 2880\n", "", r"knows nobody in 1 \(202571\.jpg\)"),
        (IDENTITIES, " 2880", ";2880", "line 2 has 1 cells, expected 2"),
        (POSES, "4.jpg 0.0", "4.jpg left", "line 7: the yaw is 'left'"),
        (POSES, "4.jpg", "44.jpg", r"has no line for 1 \(4\.jpg\) of 11 images"),
    ],
)
def test_files_that_disagree(hq: Path, file: str, old: str, new: str, message: str) -> None:
    edit(hq / file, old, new)
    with pytest.raises(FaceError, match=message):
        CelebAHQFaces(hq).scan()


def test_images_without_a_line_and_lines_without_an_image(hq: Path) -> None:
    for number in (0, 4, 6, 9):
        (hq / f"CelebA-HQ-img/{number}.jpg").unlink()
    save(hq / "CelebA-HQ-img/77.jpg", drawn()[1][0])
    with pytest.raises(FaceError) as caught:
        CelebAHQFaces(hq).scan()
    assert (
        "disagree: 1 (77.jpg) of 8 images without a line, 4 (0.jpg, 4.jpg, 6.jpg, …) of 11 lines "
        "without an image. Unpack both from one archive."
    ) in str(caught.value)


def test_identities_in_the_numbering_of_celeba_hq(hq: Path) -> None:
    lines = [f"{i}.jpg {identity(portrait.person)}" for i, portrait in enumerate(PORTRAITS)]
    (hq / IDENTITIES).write_text("\n".join(lines))
    with pytest.raises(
        FaceError, match=r"knows nobody in 11 .*its own images are 11 \(0\.jpg.*ano"
    ):
        CelebAHQFaces(hq).scan()


def test_identities_in_another_order_mix_men_and_women(tmp_path: Path) -> None:
    """All file names are there, but the people stand beside other ones."""
    hq = make(tmp_path / "hq", tuple(Portrait(i // 6) for i in range(24)))
    assert len(CelebAHQFaces(hq).scan().faces) == 4
    lines = (hq / IDENTITIES).read_text().splitlines()[1:]
    files, people = zip(*(line.split() for line in lines), strict=True)
    shifted = people[3:] + people[:3]
    (hq / IDENTITIES).write_text("\n".join(map(" ".join, zip(files, shifted, strict=True))))
    with pytest.raises(FaceError, match="24 of 24 images differ in the attribute Male"):
        CelebAHQFaces(hq).scan()


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("CelebA-HQ-img", "holds no CelebA-HQ-img, so it is no CelebAMask-HQ folder"),
        (ATTRIBUTES, f"holds no {ATTRIBUTES}"),
        (MAPPING, f"There is no {MAPPING} beside"),
    ],
)
def test_parts_that_are_missing(hq: Path, gone: str, message: str) -> None:
    (hq / gone).rename(hq / "elsewhere")
    with pytest.raises(FaceError, match=message):
        CelebAHQFaces(hq).scan()


def test_no_folder_no_image_no_text(hq: Path, tmp_path: Path) -> None:
    with pytest.raises(FaceError, match="nowhere is no folder"):
        CelebAHQFaces(tmp_path / "nowhere").scan()
    with pytest.raises(FaceError, match=r"none\.txt cannot be read as text"):
        CelebAHQFaces(hq, identities=tmp_path / "none.txt").scan()
    (hq / ATTRIBUTES).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FaceError, match="cannot be read as text"):
        CelebAHQFaces(hq).scan()
    (hq / ATTRIBUTES).write_text(f"0\n{' '.join(NAMES)}\n")
    for image in (hq / "CelebA-HQ-img").iterdir():
        image.unlink()
    with pytest.raises(FaceError, match=r"holds no \.jpg image"):
        CelebAHQFaces(hq).scan()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"per_person": 0}, "per_person must be 1 or more, got 0"),
        ({"min_sharpness": -1.0}, "min_sharpness must be 0 or more, got -1"),
        ({"min_sharpness": float("nan")}, "min_sharpness must be 0 or more, got nan"),
        ({"max_yaw": 181.0}, "max_yaw must be 0 to 180 degrees, got 181"),
        ({"subjects_are_images": True, "identities": Path("who.txt")}, "give one of the two"),
    ],
)
def test_settings_that_make_no_sense(options: dict[str, object], message: str) -> None:
    with pytest.raises(FaceError, match=message):
        CelebAHQFaces(Path("x"), **options)  # type: ignore[arg-type]


# Later


def test_pixels_of_a_file_that_changed_or_went(hq: Path) -> None:
    source = CelebAHQFaces(hq)
    face = source.scan().faces[0]
    save(hq / face.source_image, drawn()[1][2])
    with pytest.raises(FaceError, match=r"1\.jpg has changed"):
        source.pixels(face)
    (hq / face.source_image).unlink()
    with pytest.raises(FaceError, match=r"1\.jpg cannot be read"):
        source.pixels(face)


def test_same_after_a_round_trip_through_json(hq: Path) -> None:
    source = CelebAHQFaces(hq, where="Smiling=-1", max_yaw=20, identities=hq / IDENTITIES)
    described = json.loads(json.dumps(SOURCES.describe(source)))
    again = SOURCES.restore(described)
    assert again == source
    assert again.scan() == source.scan()
    assert configs.from_json(CelebAHQFaces, configs.to_json(source)) == source


def test_the_same_images_elsewhere(hq: Path, tmp_path: Path) -> None:
    source = CelebAHQFaces(hq)
    face = source.scan().faces[0]
    before = source.pixels(face)
    hq.rename(tmp_path / "moved")
    moved = dataclasses.replace(source, root=tmp_path / "moved")
    assert np.array_equal(moved.pixels(face), before)
