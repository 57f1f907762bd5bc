from __future__ import annotations

import json
from pathlib import Path

import pytest

from equime_hub import seeds
from equime_hub.builder.faces import SOURCES
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.faces.folder import FolderFaces
from equime_hub.errors import EquimeError, HubError
from equime_hub.files import inside, remove_temporaries, write_text, written
from equime_hub.registry import Registry


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "first")
    with pytest.raises(RuntimeError), written(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_leftovers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.parquet.1.tmp").touch()
    (tmp_path / "a.parquet").touch()
    remove_temporaries(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../up", "a/../b", "a/..", "a\\b", "C:/x", "C:x", "a//b", "a/", "./a", ".", "",
     "a\0b", "a\nb"],
)  # fmt: skip
def test_names_that_leave_a_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(HubError, match="no path inside a folder"):
        inside(tmp_path, name)


@pytest.mark.parametrize("name", ["README.md", "data/train-g3fa8c21d-00000.parquet", "a/..b/.c"])
def test_names_inside_a_folder(tmp_path: Path, name: str) -> None:
    assert inside(tmp_path, name) == tmp_path / name


def test_seeds_depend_on_the_key_alone() -> None:
    assert seeds.derive("plan", 1) == 2276324125494520577
    assert len({seeds.digest("a", 1), seeds.digest("a1"), seeds.digest("a", "1")}) == 3
    assert 0 <= seeds.derive("x") < 2**63
    assert seeds.generator("x").random() == seeds.generator("x").random()


def test_a_strategy_survives_being_described() -> None:
    for source in (DrawnFaces(3, 1, 64), FolderFaces(Path("/photos"), subjects=Path("a.csv"))):
        described = json.loads(json.dumps(SOURCES.describe(source)))
        assert SOURCES.restore(described) == source


def test_a_registry_resolves_names_and_lists_them() -> None:
    registry = Registry("thing", {"path": "pathlib:Path"}, group="equime_hub.tests")
    assert registry.get("path") is Path
    with pytest.raises(EquimeError, match="Registry is not registered as a thing"):
        registry.describe(registry)
    with pytest.raises(EquimeError, match=r"no thing 'paht'. Choose one of: path"):
        registry.get("paht")
