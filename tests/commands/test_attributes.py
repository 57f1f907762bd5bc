from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from equime_hub.builder.faces import index
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.faces.folder import FolderFaces
from tests.commands.test_cli import equime

pytest.importorskip("deepface")
pytest.importorskip("onnx")

from tests.support import forks, weights

deepface_home = weights.deepface_home
PEOPLE = 24
MEMORY = Path("faces.attributes.jsonl")


@pytest.fixture
def home(deepface_home: Path) -> Path:
    weights.save_all(deepface_home)
    return deepface_home


def indexed(people: int = PEOPLE) -> Path:
    source = DrawnFaces(people, 0, 128)
    path = Path("faces.parquet")
    index.write(path, source, source.scan().faces)
    return path


def test_an_index_is_filled_in_place(home: Path) -> None:
    path = indexed()
    source, before = index.read(path)
    result = equime("attributes", path, "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    same, after = index.read(path)
    assert same == source
    tool = summary["tool"]
    assert tool.startswith("deepface ") and tool.endswith(" onnx")
    for old, new in zip(before, after, strict=True):
        assert new.demographics_source == tool
        assert None not in {new.gender_score, new.age_score, new.race_score, new.age_group}
        assert (new.declared_gender, new.declared_age) == (old.gender, old.age)
    assert (summary["people"], summary["made"], summary["refused"]) == (PEOPLE, PEOPLE, [])
    assert summary["gender"]["man"] == sum(face.gender == "man" for face in after)
    assert sum(summary["race"].values()) == sum(summary["age_group"].values()) == PEOPLE
    agree = sum(face.gender == face.declared_gender for face in after)
    assert summary["declared_gender"] == {"people": PEOPLE, "agree": agree}
    again = equime("attributes", path)
    assert "24 people by deepface" in again.stdout and "(0 estimated now)" in again.stdout
    assert f"{agree} are estimated to have it" in again.stdout
    assert index.read(path)[1] == after


def test_another_file_leaves_the_first_as_it_was(home: Path) -> None:
    path = indexed(3)
    before = path.read_bytes()
    assert equime("attributes", path, "--out", "measured.parquet").exit_code == 0
    assert path.read_bytes() == before
    assert index.read(Path("measured.parquet"))[1][0].gender_score is not None


def test_a_killed_run_goes_on(home: Path) -> None:
    path = indexed()
    before = path.read_bytes()
    assert equime("attributes", path, "--out", "fresh.parquet", "--batch-size", 1).exit_code == 0
    command = "-m", "equime_hub", "attributes", str(path), "--batch-size", "1", "--json"
    process = forks.Fork(*command)
    while process.poll() is None and not (MEMORY.exists() and MEMORY.stat().st_size):
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -9
    assert path.read_bytes() == before
    known = len(MEMORY.read_text().strip().splitlines())
    assert 0 < json.loads(forks.succeeded(*command))["made"] == PEOPLE - known
    assert index.read(path) == index.read(Path("fresh.parquet"))


def test_photographs_may_have_moved_and_one_may_be_gone(home: Path, tmp_path: Path) -> None:
    drawn = DrawnFaces(3, 0, 256)
    (tmp_path / "old").mkdir()
    for face in drawn.scan().faces:
        Image.fromarray(drawn.pixels(face)).save(tmp_path / "old" / face.source_image)
    source = FolderFaces(tmp_path / "old", aligned=True)
    index.write(Path("faces.parquet"), source, source.scan().faces)
    (tmp_path / "old").rename("new")
    before = Path("faces.parquet").read_bytes()
    lost = equime("attributes", "faces.parquet")
    assert lost.exit_code == 1 and "No image of 3 people can be used" in lost.stderr
    assert Path("faces.parquet").read_bytes() == before
    (tmp_path / "new" / "drawn-0-00001.png").unlink()
    found = equime("attributes", "faces.parquet", "--faces", "new", "--json")
    assert found.exit_code == 0, found.output
    summary = json.loads(found.stdout)
    assert summary["gender"]["unknown"] == 1
    assert [refused["source_image"] for refused in summary["refused"]] == ["drawn-0-00001.png"]
    assert index.read(Path("faces.parquet"))[0] == FolderFaces(tmp_path / "new", aligned=True)


def test_missing_weights_are_a_sentence_and_nothing_is_written(deepface_home: Path) -> None:
    path = indexed(2)
    before = path.read_bytes()
    result = equime("attributes", path, "--json")
    assert result.exit_code == 1 and not result.stdout
    assert "age_model_weights.onnx" in result.stderr and "--download" in result.stderr
    assert str(weights.folder(deepface_home)) in result.stderr
    assert path.read_bytes() == before and not MEMORY.exists()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deepface", None)
    result = equime("attributes", indexed(1))
    assert result.exit_code == 1
    assert 'pip install "equime-hub[attributes]"' in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("nowhere.parquet",), 1, "There is no index of faces at nowhere.parquet"),
        (("notes.txt",), 1, "is no index written by `equime faces`"),
        (("notes.txt", "--estimator", "crystal"), 2, "'crystal' is not 'deepface'"),
        (("notes.txt", "--batch-size", "0"), 2, "'--batch-size'"),
    ],
)
def test_a_wrong_call_is_a_sentence(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    Path("notes.txt").write_text("no index")
    result = equime("attributes", *arguments)
    assert result.exit_code == code, result.output
    assert sentence in result.stderr and not result.stdout
