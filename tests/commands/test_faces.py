from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from equime_hub.builder import plan as plans
from equime_hub.builder.faces import index
from equime_hub.builder.faces.celebahq import CelebAHQFaces
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.faces.folder import FolderFaces
from equime_hub.builder.plan import PlanConfig
from equime_hub.cli import main
from equime_hub.commands.build import faces
from equime_hub.errors import FaceError
from tests.support.celeba import drawn, make

OUT = Path("faces.parquet")


def equime(*arguments: str | int | Path) -> Result:
    return CliRunner().invoke(main, ["faces", *map(str, arguments)])


@pytest.fixture
def hq() -> Path:
    return make(Path("CelebAMask-HQ"))


@pytest.fixture
def photos() -> Path:
    folder = Path("photos")
    folder.mkdir()
    for face, image in zip(*drawn(), strict=True):
        Image.fromarray(image).save(folder / face.source_image)
    return folder


def test_a_folder_becomes_an_index(photos: Path) -> None:
    result = equime(photos, "--aligned", "--license", "CC0-1.0")
    assert result.exit_code == 0, result.output
    assert "4 faces of 4 people; 0 images refused." in result.stdout
    source, found = index.read(OUT)
    assert source == FolderFaces(photos.absolute(), aligned=True, license="CC0-1.0")
    assert found == source.scan().faces


def test_celeba_hq_becomes_an_index_of_people(hq: Path) -> None:
    where = "Smiling=-1 and Eyeglasses=-1"
    result = equime(hq, "--source", "celebahq", "--where", where, "--out", "people.parquet")
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "      11 images of       4 people  in the folder\n"
        "       8 images of       4 people  where Smiling=-1 and Eyeglasses=-1\n"
        "       7 images of       4 people  turned 30° to the side or less\n"
        "       6 images of       3 people  sharpness 10 or more\n"
        "       3 images of       3 people  best 1 a person\n"
        "3 faces of 3 people; 0 images refused.\n"
        "Written to people.parquet.\n"
    )
    source, found = index.read(Path("people.parquet"))
    assert source == CelebAHQFaces(hq.absolute(), where=where)
    plan = plans.make(found, source, PlanConfig(emotions=("anger", "fear")))
    assert len(plan.specs) == 6
    assert set(plan.splits()) == {face.subject_id for face in found}


def test_celeba_hq_is_known_by_its_attribute_file(hq: Path) -> None:
    result = equime(hq, "--per-person", 2, "--min-sharpness", 0, "--max-yaw", 180, "--json")
    assert result.exit_code == 0, result.output
    assert "so it is read with --source celebahq" in result.stderr
    report = json.loads(result.stdout)
    assert (report["index"], report["faces"], report["people"]) == ("faces.parquet", 8, 4)
    assert report["stages"][0] == {"name": "in the folder", "images": 11, "people": 4}
    source, _ = index.read(OUT)
    expected = CelebAHQFaces(hq.absolute(), per_person=2, min_sharpness=0, max_yaw=180)
    assert source == expected


def test_a_dry_run_only_counts(hq: Path) -> None:
    before = sorted(Path().rglob("*"))
    result = equime(hq, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "4 images of       4 people  best 1 a person" in result.stdout
    assert json.loads(equime(hq, "--dry-run", "--json").stdout)["index"] is None
    assert sorted(Path().rglob("*")) == before


def test_subjects_are_images_only_if_asked(hq: Path) -> None:
    (hq / "Anno/identity_CelebA.txt").rename("who.txt")
    refused = equime(hq)
    assert refused.exit_code == 1
    assert "an image number is no person" in refused.stderr
    assert not OUT.exists()
    named = equime(hq, "--identities", "who.txt", "--dry-run")
    assert "4 faces of 4 people" in named.stdout
    assert equime(hq, "--subjects-are-images").exit_code == 0
    assert {face.source_dataset for face in index.read(OUT)[1]} == {
        "celebahq (subjects are images)"
    }


def test_what_is_in_the_way_is_kept(hq: Path) -> None:
    OUT.write_text("years of work")
    result = equime(hq)
    assert result.exit_code == 1
    assert "faces.parquet would be lost, and is no index" in result.stderr
    assert OUT.read_text() == "years of work"
    OUT.unlink()
    assert equime(hq).exit_code == 0
    assert equime(hq, "--per-person", 2).exit_code == 0
    source, found = index.read(OUT)
    assert len(found) == 7
    index.write(OUT, source, [replace(face, age=30.0, age_score=0.0) for face in found])
    before = OUT.read_bytes()
    result = equime(hq)
    assert result.exit_code == 1
    assert "holds estimated attributes" in result.stderr
    assert OUT.read_bytes() == before


def test_an_index_is_read_where_faces_are_asked_for(hq: Path) -> None:
    assert equime(hq, "--where", "Smiling=-1").exit_code == 0
    source, found = index.read(OUT)
    named = tuple(replace(face, race="asian") for face in found)
    index.write(OUT, source, named)
    assert faces.load(OUT, people=None) == (source, named)
    with pytest.raises(click.UsageError, match="is an index"):
        faces.load(OUT, people=None, aligned=True)
    with pytest.raises(click.UsageError, match="is an index"):
        faces.load(OUT, people=3)


def test_faces_of_a_folder_of_either_kind_or_drawn(hq: Path, photos: Path) -> None:
    for folder, kind in ((hq, CelebAHQFaces), (photos, FolderFaces), (None, DrawnFaces)):
        people = None if folder else 2
        source, found = faces.load(folder, people=people)
        assert isinstance(source, kind)
        assert found == source.scan().faces
    assert isinstance(faces.source(hq, people=None, aligned=True), FolderFaces)


def test_celeba_hq_may_move(hq: Path) -> None:
    source = faces.source(hq, people=None)
    face = source.scan().faces[0]
    hq.rename("moved")
    assert faces.moved(source, Path("moved")).pixels(face).shape == (128, 128, 3)
    with pytest.raises(FaceError, match="are not photographs"):
        faces.moved(DrawnFaces(1), Path("moved"))


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("nowhere",), 2, "'nowhere'"),
        (("photos", "--where", "Smiling=1"), 2, "--where: only with --source celebahq"),
        (("photos", "--subjects-are-images", "--max-yaw", "9"), 2, "--max-yaw, --subjects-are-im"),
        (("photos", "--source", "celebahq"), 1, "holds no CelebA-HQ-img"),
        (("CelebAMask-HQ", "--source", "celebahq", "--aligned"), 2, "are for --source folder"),
        (("CelebAMask-HQ", "--source", "webcam"), 2, "'webcam'"),
        (("CelebAMask-HQ", "--where", "Smilng=1"), 1, "choose one of: Smiling"),
        (
            ("CelebAMask-HQ", "--where", "Smiling=1 and Smiling=-1"),
            1,
            "Smiling=1: 2, Smiling=-1: 9",
        ),
        (("CelebAMask-HQ", "--where", ""), 1, "expected the name of an attribute"),
        (("CelebAMask-HQ", "--per-person", "0"), 2, "'--per-person'"),
        (("CelebAMask-HQ", "--min-sharpness", "inf"), 1, "must be 0 or more, got inf"),
        (("CelebAMask-HQ", "--min-sharpness", "99999"), 1, "No image is left"),
    ],
)
def test_a_wrong_call_is_a_sentence(
    hq: Path, photos: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    result = equime(*arguments)
    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert not result.stdout
    assert not OUT.exists()
