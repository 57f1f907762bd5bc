from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from skimage import data

from equime_hub import configs, seeds
from equime_hub.builder.faces.folder import FolderFaces, read
from equime_hub.builder.spec import FaceScan, Image
from equime_hub.errors import FaceError
from equime_hub.files import sha256
from equime_hub.video.locate import canonical

ASTRONAUT: Image = data.astronaut()
FACE: Image = np.ascontiguousarray(ASTRONAUT[:256, 96:352])
"""The astronaut's face, with eyes 45 pixels apart."""


def save(path: Path, image: Image = FACE, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(image).save(path, **options)  # type: ignore[arg-type]
    return path


def reasons(scan: FaceScan) -> dict[str, str]:
    return {refused.source_image: refused.reason for refused in scan.refused}


# Faces


def test_a_portrait(tmp_path: Path) -> None:
    path = save(tmp_path / "people" / "eileen.png", ASTRONAUT)
    source = FolderFaces(tmp_path / "people", license="public domain")
    (face,) = source.scan().faces
    assert (face.subject_id, face.source_dataset, face.source_image) == (
        "eileen",
        "people",
        "eileen.png",
    )
    assert face.source_sha256 == sha256(path)
    assert face.license == "public domain"
    assert {face.gender, face.age, face.race, face.demographics_source} == {None}
    # Read off the picture: her pupils are near (204, 102) and (248, 102).
    assert face.landmarks.left_eye == pytest.approx((204, 102), abs=6)
    assert face.landmarks.right_eye == pytest.approx((248, 102), abs=6)
    assert np.array_equal(source.pixels(face), ASTRONAUT)


def test_numbered_images_are_one_person_in_any_folder(tmp_path: Path) -> None:
    for name in ("b/anna_01.jpg", "anna_02.PNG", "anna.bmp", "b/c/mary_jane.webp", "7.tiff"):
        save(tmp_path / name)
    save(tmp_path / ".hidden" / "x.png")
    save(tmp_path / ".x.png")
    (tmp_path / "notes.txt").write_text("no image")
    calls: list[tuple[int, int]] = []
    scan = FolderFaces(tmp_path, aligned=True).scan(lambda *call: calls.append(call))
    assert {face.source_image: face.subject_id for face in scan.faces} == {
        "7.tiff": "7",
        "anna.bmp": "anna",
        "anna_02.PNG": "anna",
        "b/anna_01.jpg": "anna",
        "b/c/mary_jane.webp": "mary_jane",
    }
    assert [face.source_image for face in scan.faces] == sorted(f.source_image for f in scan.faces)
    assert scan.refused == ()
    assert calls == [(done, 5) for done in range(6)]


def test_aligned_images_are_not_searched(tmp_path: Path) -> None:
    save(tmp_path / "plain.png", np.full((128, 128, 3), 99, np.uint8))
    save(tmp_path / "small.png", np.full((64, 64, 3), 99, np.uint8))
    scan = FolderFaces(tmp_path, aligned=True, source_dataset="celebahq").scan()
    (face,) = scan.faces
    assert face.landmarks == canonical(128, 128)
    assert face.source_dataset == "celebahq"
    assert "eyes are 16 pixels apart" in reasons(scan)["small.png"]


def test_same_after_a_round_trip_through_json(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    (tmp_path / "who.csv").write_text("file,subject_id\na.png,anna\n")
    source = FolderFaces(tmp_path, subjects=tmp_path / "who.csv", aligned=True)
    again = configs.from_json(FolderFaces, json.loads(json.dumps(configs.to_json(source))))
    assert again == source
    assert again.scan() == source.scan()


# Orientation and colour


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int, suffix: str) -> None:
    stored: Callable[[Image], Image] = {
        1: lambda upright: upright,
        2: lambda upright: upright[:, ::-1],
        3: lambda upright: upright[::-1, ::-1],
        4: lambda upright: upright[::-1],
        5: lambda upright: upright.transpose(1, 0, 2),
        6: lambda upright: np.rot90(upright),
        7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
        8: lambda upright: np.rot90(upright, -1),
    }[orientation]
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    upright = FACE[:, :200]
    image = np.ascontiguousarray(stored(upright))
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"turned.{suffix}", image, exif=exif, **options)
    assert np.array_equal(read(path), upright)


def test_turned_photograph_has_the_same_landmarks(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "turned.png", np.ascontiguousarray(np.rot90(FACE)), exif=exif)
    save(tmp_path / "upright.png", FACE)
    turned, upright = FolderFaces(tmp_path).scan().faces
    assert turned.landmarks == upright.landmarks
    assert turned.source_sha256 != upright.source_sha256


def test_gray_of_8_and_16_bits(tmp_path: Path) -> None:
    gray = cv2.cvtColor(FACE, cv2.COLOR_RGB2GRAY).astype(np.uint8)
    expected = np.repeat(gray[:, :, None], 3, axis=2)
    for suffix in ("png", "tif"):
        PIL.Image.fromarray(gray).save(tmp_path / f"gray.{suffix}")
        PIL.Image.fromarray(gray.astype(np.uint16) * 257).save(tmp_path / f"gray16.{suffix}")
        for name in ("gray", "gray16"):
            assert np.array_equal(read(tmp_path / f"{name}.{suffix}"), expected), name
    scan = FolderFaces(tmp_path).scan()
    assert len(scan.faces) == 4
    assert len({face.landmarks for face in scan.faces}) == 1


def test_colour_of_16_bits(tmp_path: Path) -> None:
    deep = FACE[:, :, ::-1].astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    assert np.array_equal(read(tmp_path / "deep.png"), FACE)


def test_transparency_shows_white(tmp_path: Path) -> None:
    alpha = np.full(FACE.shape[:2], 255, np.uint8)
    alpha[:50] = 0
    expected = FACE.copy()
    expected[:50] = 255
    save(tmp_path / "rgba.png", np.dstack([FACE, alpha]))
    assert np.array_equal(read(tmp_path / "rgba.png"), expected)
    gray = np.full(FACE.shape[:2], 30, np.uint8)
    PIL.Image.merge("LA", [PIL.Image.fromarray(gray), PIL.Image.fromarray(alpha)]).save(
        tmp_path / "la.png"
    )
    assert np.unique(read(tmp_path / "la.png")[:50]).tolist() == [255]
    assert np.unique(read(tmp_path / "la.png")[50:]).tolist() == [30]


def test_palette(tmp_path: Path) -> None:
    palette = PIL.Image.fromarray(FACE).quantize(64)
    palette.save(tmp_path / "palette.png")
    assert np.array_equal(read(tmp_path / "palette.png"), np.asarray(palette.convert("RGB")))
    first = palette.getpixel((0, 0))
    palette.save(tmp_path / "hole.png", transparency=first)
    hole = np.asarray(palette) == first
    assert np.unique(read(tmp_path / "hole.png")[hole]).tolist() == [255]


def test_cmyk_and_bilevel(tmp_path: Path) -> None:
    PIL.Image.fromarray(FACE).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    error = np.abs(read(tmp_path / "cmyk.jpg").astype(int) - FACE)
    assert error.mean() < 4
    PIL.Image.fromarray(FACE).convert("1").save(tmp_path / "bilevel.png")
    assert np.unique(read(tmp_path / "bilevel.png")).tolist() == [0, 255]


# What is refused, while the rest goes on


def test_refused_images(tmp_path: Path) -> None:
    jpeg = save(tmp_path / "good.jpg").read_bytes()
    png = save(tmp_path / "good.png").read_bytes()
    PIL.Image.new("1", (12_000, 12_000)).save(tmp_path / "bomb.png")
    files = {
        "empty.jpg": b"",
        "text.jpg": b"This is a text, not an image.\n" * 50,
        "page.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n",
        "half.jpg": jpeg[: len(jpeg) // 2],
        "half.png": png[: len(png) // 2],
        # Only the header of an image too large: its size is the reason, not the missing rest.
        "header.png": _png_header(12_000),
        # Beyond what Pillow itself would open.
        "huger.png": _png_header(30_000),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    PIL.Image.fromarray(np.ones((90, 90), np.float32)).save(tmp_path / "float.tif")
    save(tmp_path / "line.png", np.zeros((1, 500, 3), np.uint8))
    save(tmp_path / "plain.png", np.full((300, 300, 3), 128, np.uint8))
    save(tmp_path / "two.png", np.hstack([ASTRONAUT, ASTRONAUT]))
    PIL.Image.fromarray(FACE).resize((90, 90)).save(tmp_path / "tiny.png")
    os.mkfifo(tmp_path / "pipe.jpg")

    scan = FolderFaces(tmp_path).scan()
    assert [face.source_image for face in scan.faces] == ["good.jpg", "good.png"]
    found = reasons(scan)
    expected = {
        "bomb.png": "The image has 12000×12000 pixels, more than 100 million; make it smaller.",
        "header.png": "The image has 12000×12000 pixels, more than 100 million; make it smaller.",
        "huger.png": "far too many pixels",
        "empty.jpg": "The file is empty (0 bytes).",
        "text.jpg": "The file holds no JPEG, PNG, BMP, WEBP, TIFF image.",
        "page.png": "The file holds no JPEG, PNG, BMP, WEBP, TIFF image.",
        "half.jpg": "The image is damaged or cannot be read",
        "half.png": "The image is damaged or cannot be read",
        "float.tif": "32 bits a pixel",
        "line.png": "The image has 500×1 pixels; a face that can be used needs at least 40",
        "plain.png": "No face was found in it",
        "two.png": "2 faces were found in it; crop it to one.",
        "tiny.png": "pixels apart, at least 20 are needed.",
        "pipe.jpg": "It is no regular file.",
    }
    assert set(found) == set(expected)
    for name, sentence in expected.items():
        assert sentence in found[name], name


def _png_header(side: int) -> bytes:
    """The first bytes of a square RGB image, up to where its pixels would begin."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    check = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + check + b"\0\0\0\0IDAT"


def test_damaged_bytes_never_stop_a_scan(tmp_path: Path) -> None:
    save(tmp_path / "good.png")
    for suffix in ("jpg", "png", "bmp", "webp", "tif"):
        whole = save(tmp_path / f"whole.{suffix}", FACE[:60, :60]).read_bytes()
        random = seeds.generator("damage", suffix)
        for number in range(12):
            broken = bytearray(whole)
            for place in random.integers(0, min(len(whole), 400), 6):
                broken[place] = random.integers(256)
            (tmp_path / f"broken_{number}.{suffix}").write_bytes(broken)
    scan = FolderFaces(tmp_path).scan()
    assert "good.png" in {face.source_image for face in scan.faces}
    assert len(scan.faces) + len(scan.refused) == 1 + 5 * 13


def test_links(tmp_path: Path) -> None:
    outside = save(tmp_path / "outside" / "x.png")
    root = tmp_path / "root"
    inside = save(root / "inside.png")
    (root / "inside_2.png").symlink_to(inside)
    (root / "to_outside.png").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    (root / "nowhere.png").symlink_to(root / "missing.png")
    (root / "loop.png").symlink_to(root / "loop.png")
    scan = FolderFaces(root, aligned=True).scan()
    assert [face.source_image for face in scan.faces] == ["inside.png", "inside_2.png"]
    found = reasons(scan)
    assert set(found) == {"to_outside.png", "folder", "nowhere.png", "loop.png"}
    assert f"It links to {outside}, outside the folder" in found["to_outside.png"]
    assert f"It links to {outside.parent}, outside the folder" in found["folder"]
    assert found["nowhere.png"] == found["loop.png"] == "It is no regular file."


def test_name_that_is_not_utf8(tmp_path: Path) -> None:
    save(tmp_path / "good.png")
    os.rename(save(tmp_path / "x.png"), os.fsencode(tmp_path) + b"/bj\xf6rn.png")
    scan = FolderFaces(tmp_path, aligned=True).scan()
    assert reasons(scan) == {"bj\\xf6rn.png": "Its name is not UTF-8; rename it."}


def test_nothing_usable(tmp_path: Path) -> None:
    with pytest.raises(FaceError, match=r"There is no image under .*; looked for \.jpg \.jpeg"):
        FolderFaces(tmp_path).scan()
    with pytest.raises(FaceError, match="missing is no folder"):
        FolderFaces(tmp_path / "missing").scan()
    for name in "abcde":
        (tmp_path / f"{name}.jpg").touch()
    with pytest.raises(FaceError) as caught:
        FolderFaces(tmp_path).scan()
    assert str(caught.value) == f"None of the 5 images under {tmp_path} is usable. " + " ".join(
        f"{name}.jpg: The file is empty (0 bytes)." for name in "abc"
    )


def test_pixels_of_a_file_that_changed_or_went(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png")
    source = FolderFaces(tmp_path, aligned=True)
    (face,) = source.scan().faces
    old = face.source_sha256
    save(path, FACE[::-1])
    with pytest.raises(FaceError, match=rf"a\.png has changed.*{sha256(path)}.*{old}"):
        source.pixels(face)
    path.unlink()
    with pytest.raises(FaceError, match=r"a\.png cannot be read \(No such file"):
        source.pixels(face)


# The CSV file


def with_csv(folder: Path, text: str | bytes) -> FolderFaces:
    save(folder / "a.png")
    save(folder / "sub/b.png", np.ascontiguousarray(FACE[:, ::-1]))
    path = folder / "subjects.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return FolderFaces(folder, aligned=True, subjects=path, license="ours")


def test_csv_says_who_is_who(tmp_path: Path) -> None:
    source = with_csv(
        tmp_path,
        "\ufefffile,subject_id,gender,age,race,license\r\n"
        'a.png,"Doe, Ann",woman,30.5, latino hispanic ,CC0\r\n./sub/b.png,42,,,,\r\n',
    )
    first, second = source.scan().faces
    assert first.subject_id == "Doe, Ann"
    assert (first.gender, first.age, first.age_group) == ("woman", 30.5, "20-30")
    assert (first.race, first.license) == ("latino hispanic", "CC0")
    assert first.demographics_source == "subjects.csv"
    declared = (first.declared_gender, first.declared_age, first.declared_race)
    assert declared == (first.gender, first.age, first.race)
    assert {first.gender_score, first.age_score, first.race_score} == {None}
    assert (second.source_image, second.subject_id, second.license) == ("sub/b.png", "42", "ours")
    assert {second.gender, second.age, second.age_group, second.race} == {None}
    assert second.demographics_source is None
    assert {second.declared_gender, second.declared_age, second.declared_race} == {None}


def test_csv_with_the_required_columns_alone(tmp_path: Path) -> None:
    faces = with_csv(tmp_path, "subject_id,file\nx,a.png\nx,sub/b.png\n").scan().faces
    assert [face.subject_id for face in faces] == ["x", "x"]
    assert {face.demographics_source for face in faces} == {None}


def test_image_without_a_row(tmp_path: Path) -> None:
    scan = with_csv(tmp_path, "file,subject_id\na.png,x\n").scan()
    assert len(scan.faces) == 1
    assert "subjects.csv has no row for it; add one" in reasons(scan)["sub/b.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"subjects\.csv needs a header and at least one row"),
        ("file,person\na.png,x\n", "has the header 'file,person'"),
        ("file,subject_id,sex\na.png,x,f\n", "has the header 'file,subject_id,sex'"),
        ("file,subject_id,file\na.png,x,a.png\n", "has the column 'file' more than once"),
        ("file,subject_id\na.png,x\na.png,y\n", r"line 3: a\.png is listed twice"),
        ("file,subject_id\na.png,x\n./a.png,x\n", r"line 3: a\.png is listed twice"),
        ("file,subject_id\nc.png,x\n", r"line 2: there is no image c\.png in the folder"),
        ("file,subject_id\n../a.png,x\n", r"there is no image \.\./a\.png"),
        ("file,subject_id\na.png,\n", "line 2: subject_id is empty"),
        ("file,subject_id\na.png\n", "line 2: 1 cells under a header of 2"),
        ("file,subject_id\na.png,x,y\n", "line 2: 3 cells under a header of 2"),
        ("file,subject_id,gender\na.png,x,female\n", "gender is 'female'; write one of woman, man"),
        ("file,subject_id,race\na.png,x,martian\n", "race is 'martian'; write one of asian, "),
        ("file,subject_id,age\na.png,x,old\n", "age is 'old'; write years"),
        ("file,subject_id,age\na.png,x,-3\n", "age is '-3'"),
        ("file,subject_id,age\na.png,x,nan\n", "age is 'nan'"),
        ("file,subject_id,age\na.png,x,500\n", "age is '500'"),
        ('file,subject_id\na.png,"x\n', "cannot be read as a CSV file"),
        ("file,subject_id\na.png,bj\xf6rn\n".encode("latin-1"), "CSV file in UTF-8"),
    ],
)
def test_bad_csv(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(FaceError, match=message):
        with_csv(tmp_path, text).scan()


def test_missing_csv(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    with pytest.raises(FaceError, match=r"none\.csv cannot be read as a CSV file"):
        FolderFaces(tmp_path, subjects=tmp_path / "none.csv").scan()


def test_a_copy_of_an_image_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "anna.png")
    save(tmp_path / "ben.png")
    scan = FolderFaces(tmp_path).scan()
    assert [face.subject_id for face in scan.faces] == ["anna"]
    assert [r.source_image for r in scan.refused] == ["ben.png"]
    assert "a copy of anna.png, which is 'anna'" in scan.refused[0].reason
