from __future__ import annotations

import json
from pathlib import Path

import pytest

from equime_hub.errors import EquimeError
from equime_hub.loading_script.real.check import Inspection, inspect
from equime_hub.loading_script.real.clip import Options
from equime_hub.loading_script.real.dfme import UNDECLARED, DfmeRelease
from tests.support.trees import releases as trees
from tests.support.trees.samm import ROWS, WORKBOOK, samm


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


def unlink(root: Path, clip: str, *numbers: int) -> None:
    for number in numbers:
        (root / clip / f"{number}.png").unlink()


def test_frames_that_the_release_itself_lacks_are_no_failure(lab: Path) -> None:
    unlink(lab, "p0/c1", *range(1, 11))  # known by its id: it may lack them all
    unlink(lab, "p1/c2", 4, 5)
    found = inspect("toy", lab)
    assert found.ok
    seen = lines(found)
    assert seen["missing frames"] == ("0", "0", "ok")
    assert seen["clips without frames"] == ("0", "0", "ok")
    named = ("2: toy-p0-c1, toy-p1-c2", None, "note")
    assert seen["incomplete in the release itself"] == named


def test_more_of_them_than_the_release_lacks_are_missing(lab: Path) -> None:
    unlink(lab, "p1/c2", 4)
    unlink(lab, "p1/c3", 5)
    found = inspect("toy", lab)
    assert not found.ok
    assert lines(found)["missing frames"] == ("2: p1/c2/4.png, p1/c3/5.png", "0", "missing")
    assert "incomplete in the release itself" not in lines(found)


@pytest.mark.parametrize("gone", [(3, 4, 5, 6), tuple(range(1, 11))])
def test_a_clip_of_which_little_is_left_is_half_unpacked(lab: Path, gone: tuple[int, ...]) -> None:
    unlink(lab, "p1/c2", *gone)
    found = inspect("toy", lab)
    assert not found.ok
    assert "incomplete in the release itself" not in lines(found)


def test_what_casme2_smic_and_cas_me3_are_known_to_lack(tmp_path: Path) -> None:
    for name, options, clip in (
        ("casme2", Options(cropped=True), "casme2-sub16-EP01_08"),
        ("smic", Options(part="hs", cropped=True), "smic-hs-s18-s18_sur_03"),
        ("cas_me3", Options(part="A"), "cas_me3-A-spNO.1-a-10-15"),
        ("megc2019", Options(part="casme2", cropped=True), "megc2019-casme2-casme2_sub16-EP01_08"),
    ):
        root = trees.make(name, tmp_path / name)
        seen = lines(inspect(name, root, options))
        assert clip in seen["incomplete in the release itself"][0]
        assert seen["clips without frames"] == ("0", "0", "ok")


def test_what_a_row_is_listed_for_is_shown_once(tmp_path: Path) -> None:
    root = trees.make("dfme", tmp_path / "dfme")
    listed = [line for line in inspect("dfme", root).lines if line.what == "listed"]
    assert [(line.found, line.status) for line in listed] == [
        (f"dfme-train-sub0001-dfme_00001 and 5 more: {UNDECLARED}", "note")
    ]
    samm(tmp_path / "samm", rows=[(*row[:3], 9, 8, 7, *row[6:]) for row in ROWS])
    listed = [line for line in inspect("samm", tmp_path / "samm").lines if line.what == "listed"]
    assert listed[0].found.startswith("samm-006-006_1_2: SAMM_Micro_FACS_Codes_v2.xlsx row 15: the")
    assert [line.found for line in listed[3:]] == ["and 2 more; an import lists all of them"]


def test_what_nobody_says_is_not_compared(tmp_path: Path) -> None:
    root = trees.make("4dme", tmp_path / "4dme")
    seen = lines(inspect("4dme", root))
    assert seen["subjects"] == ("3", None, "note")
    assert seen["clips"] == ("4", "267", "differs")
    official = {part: each.clips for part, each in DfmeRelease().expected.items()}
    assert official == {"train": 1_856, "test_A": 474, "test_B": 299}


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
    assert one["vis clips"] == (
        "none read; if they are there, choose them with --part vis",
        "71",
        "note",
    )


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
