from __future__ import annotations

import json
from pathlib import Path

import pytest

from equime_hub.errors import EquimeError
from equime_hub.loading_script.real.check import Inspection, inspect
from equime_hub.loading_script.real.clip import Options
from tests.loading_script.real import trees
from tests.loading_script.real.trees_samm import ROWS, WORKBOOK, samm


def lines(found: Inspection) -> dict[str, tuple[str, str | None, str]]:
    return {line.what: (line.found, line.official, line.status) for line in found.lines}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return trees.make("samm", tmp_path / "root")


def test_a_half_unpacked_release_is_seen(root: Path) -> None:
    found = inspect("samm", root)
    assert not found.ok
    seen = lines(found)
    assert seen["subjects"] == ("5", "29", "differs")
    assert seen["clips"] == ("5", "159", "differs")
    assert seen["anger"] == ("1", "57", "differs")
    assert seen["fear"] == ("0", "8", "differs")
    assert seen["clips without frames"] == ("0", "0", "ok")
    assert seen["missing frames"][0].startswith("1: ")
    assert seen["missing frames"][2] == "missing"
    assert seen["corrected clips"] == ("1: samm-028-028_4_1", None, "note")


def test_annotation_files_are_named_with_their_sheets(root: Path) -> None:
    found = [line.found for line in inspect("samm", root).lines if line.what == "annotation"]
    assert any(text.startswith(f"{WORKBOOK}, sheets: MICRO_ONLY, MD5 ") for text in found)


def test_what_the_release_has_is_ok(lab: Path) -> None:
    found = inspect("toy", lab)
    assert found.ok
    seen = lines(found)
    assert seen["subjects"] == ("2", "2", "ok")
    assert seen["clips"] == ("4", "4", "ok")
    assert seen["no label"] == ("4", None, "note")
    assert seen["missing frames"] == ("0", "0", "ok")


def test_missing_frames_and_folders_are_named(lab: Path) -> None:
    (lab / "p0/c0/5.png").unlink()
    for path in (lab / "p1/c3").glob("*"):
        path.unlink()
    found = inspect("toy", lab)
    assert not found.ok
    seen = lines(found)
    assert seen["missing frames"] == ("1: p0/c0/5.png", "0", "missing")
    assert seen["clips without frames"] == ("1: toy-p1-c3", "0", "missing")


def test_a_shifted_header_is_a_remark(tmp_path: Path) -> None:
    samm(tmp_path, preamble=11)
    remarks = [line.found for line in inspect("samm", tmp_path).lines if line.what == "remark"]
    assert f"{WORKBOOK} has its header in row 12, the official file in row 14." in remarks


def test_a_table_that_cannot_be_read_is_a_line(root: Path) -> None:
    (root / WORKBOOK).write_bytes(b"PK\x03\x04 and no archive")
    found = inspect("samm", root)
    assert not found.ok
    said, official, status = lines(found)["release"]
    assert f"{WORKBOOK} is damaged" in said
    assert (official, status) == (None, "missing")


@pytest.mark.parametrize("there", [True, False])
def test_an_empty_folder_and_none_are_a_line(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "empty"
    if there:
        folder.mkdir()
    found = inspect("samm", folder)
    assert [line.status for line in found.lines] == ["missing"]
    assert str(folder) in found.text()


def test_no_image_is_opened(root: Path) -> None:
    for path in root.rglob("*.jpg"):
        path.write_bytes(b"")
    assert lines(inspect("samm", root)) == lines(inspect("samm", root))
    assert lines(inspect("samm", root))["clips"][0] == str(len(ROWS))


def test_parts_are_compared_one_by_one(tmp_path: Path) -> None:
    smic = trees.make("smic", tmp_path / "root")
    seen = lines(inspect("smic", smic))
    assert seen["hs clips"] == ("4", "164", "differs")
    assert seen["hs negative"] == ("1", "70", "differs")
    assert seen["vis clips"] == ("1", "71", "differs")
    one = lines(inspect("smic", smic, Options(part="hs")))
    assert one["vis clips"] == ("none read; choose them with --part vis", "71", "note")


def test_text_and_json_say_the_same(root: Path) -> None:
    found = inspect("samm", root)
    text = found.text().splitlines()
    assert len(text) == len(found.lines)
    assert "differs  clips" in found.text()
    assert "5 (official: 159)" in found.text()
    values = json.loads(json.dumps(found.to_json()))
    assert (values["dataset"], values["ok"]) == ("samm", False)
    assert len(values["lines"]) == len(found.lines)
    assert values["lines"][0].keys() == {"what", "found", "official", "status"}


def test_an_unknown_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EquimeError, match="no real dataset 'sam'"):
        inspect("sam", tmp_path)
