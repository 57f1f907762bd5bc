from __future__ import annotations

import datetime
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlwt

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import notes, sheets
from equime_hub.loading_script.real.tables import Annotation
from tests.support.trees.drawing import workbook
from tests.support.trees.reading import table as read

COLUMNS = {"subject": "Subject", "name": ("Filename", "Clip"), "apex": "Apex Frame"}
HEADER = ("Subject", None, "Filename", "Apex Frame", "Notes")
ROWS = ((6.0, None, " 006_1_2 ", 12.0, "x"), (7, None, "007_3_1", "/", None))


def book(path: Path, rows: Sequence[Sequence[Any]], sheet: str = "Micro") -> Path:
    workbook(path, {sheet: rows, "About": [("nothing",)]})
    return path


def old_book(path: Path, rows: Sequence[Sequence[Any]], sheet: str = "Micro") -> Path:
    made = xlwt.Workbook()
    page = made.add_sheet(sheet)
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            if value is not None:
                page.write(number, place, value)
    made.save(str(path))
    return path


def as_csv(path: Path, rows: Sequence[Sequence[Any]], sep: str = ",") -> Path:
    lines = [sep.join("" if value is None else str(value) for value in row) for row in rows]
    path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["a.xlsx", "a.xls", "a.csv", "semicolon.csv", "wrong.xls"])
def test_every_kind_of_file_gives_the_same(tmp_path: Path, kind: str) -> None:
    path, cells = tmp_path / kind, [("SAMM",), (), HEADER, *ROWS]
    if kind == "a.xls":
        old_book(path, cells)
    elif path.suffix == ".csv":
        as_csv(path, cells, ";" if kind.startswith("semi") else ",")
    else:
        book(tmp_path / "b.xlsx", cells).rename(path)  # its name does not say what it is
    first, second = read(path, COLUMNS)
    assert [first.text(name) for name in COLUMNS] in (
        ["6", "006_1_2", "12"],
        ["6.0", "006_1_2", "12.0"],
    )
    assert (first.integer("subject"), first.integer("apex")) == (6, 12)
    assert (first.number, first.index, first.where) == (4, 0, f"{kind} row 4")
    assert (second.cell("apex"), second.cell("subject")) == ("D5", "A5")
    assert second.integer("apex", unknown=("/",)) is None
    assert second.headers["name"] == "Filename"
    with pytest.raises(DatasetError, match=rf"{kind} D5 \(apex\) is '/', not a whole number"):
        second.integer("apex")


def test_blank_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [HEADER, ROWS[0], (None, None, None, None, "note"), ROWS[1]])
    assert [(row.number, row.index) for row in read(path, COLUMNS)] == [(2, 0), (4, 2)]


def test_a_header_may_be_written_and_ordered_otherwise(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [("apex_frame ", "CLIP", "subject"), (3, "c", "s")])
    (row,) = read(path, COLUMNS)
    assert dict(row.values) == {"subject": "s", "name": "c", "apex": 3}


@pytest.mark.parametrize(("shift", "remarks"), [(13, 0), (12, 1), (15, 1)])
def test_a_shifted_header_is_found_and_reported(tmp_path: Path, shift: int, remarks: int) -> None:
    path = book(tmp_path / "a.xlsx", [("text",)] * shift + [HEADER, *ROWS])
    with notes.collected() as said:
        rows = read(path, COLUMNS, header_row=14)
    assert [row.index for row in rows] == [0, 1]
    assert len(said) == remarks
    assert all(f"row {shift + 1}" in remark and "row 14" in remark for remark in said)


def test_an_absent_header_says_what_was_sought(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [("Subject", "Filename", "Peak"), (1, "a", 3)])
    with pytest.raises(DatasetError, match=r"columns Apex Frame; the most of them are in row 1"):
        read(path, COLUMNS)
    with pytest.raises(DatasetError, match="no header row with the columns Subject, Filename"):
        read(book(tmp_path / "b.xlsx", [(1, 2, 3)]), COLUMNS)


def test_optional_columns_may_be_absent(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [("Subject", "Filename"), (1, "a")])
    (row,) = read(path, COLUMNS, optional=["apex"])
    assert "apex" not in row.values
    assert row.integer("apex") is None
    assert row.text("apex") == ""


def test_a_table_without_header_is_read_by_places(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "gt.csv", [("casme2", "sub01", "EP02_01f", 0), ("samm", 6, "x", 1)])
    rows = read(path, {"dataset": 0, "subject": 1, "class": 3})
    assert [row.integer("class") for row in rows] == [0, 1]
    assert rows[1].cell("class") == "D2"
    assert rows[0].headers["class"] == "D"
    assert [row.index for row in rows] == [0, 1]


def test_sheets_are_found_by_name(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [HEADER, *ROWS], sheet="Label")
    assert len(read(path, COLUMNS, sheet="label ")) == 2
    with pytest.raises(DatasetError, match=r"no sheet 'labels'\. It has: 'Label', 'About'"):
        read(path, COLUMNS, sheet="labels")
    old = old_book(tmp_path / "a.xls", [HEADER, *ROWS], sheet="old")
    with pytest.raises(DatasetError, match=r"no sheet 'Label'\. It has: 'old'"):
        read(old, COLUMNS, sheet="Label")
    with pytest.raises(DatasetError, match="no spreadsheet"):
        read(as_csv(tmp_path / "a.csv", [HEADER]), COLUMNS, sheet="Label")
    assert (sheets.names(path), sheets.names(old)) == (["Label", "About"], ["old"])
    assert sheets.names(tmp_path / "a.csv") == []


def test_rows_that_occur_twice_are_reported(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [HEADER, *ROWS, ROWS[0]])
    with notes.collected() as said:
        assert len(read(path, COLUMNS)) == 3
    assert said == ["a.xlsx has the same in row 2 and in row 4."]


def test_formulas_without_stored_values_are_refused(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [HEADER, (1, None, "a", "=1+2", None)])
    with pytest.raises(DatasetError, match=r"D2 \(apex\) is a formula whose value was never"):
        read(path, COLUMNS)
    with notes.collected() as said:  # of a column that is not read
        read(path, {"subject": "Subject"})
    assert said == [
        "a.xlsx has 1 formula, first in D2: only values stored when it was last saved are read."
    ]


def test_formulas_with_stored_values_are_read_and_reported(tmp_path: Path) -> None:
    made = book(tmp_path / "a.xlsx", [HEADER, (1, None, "a", "=1+2", None)])
    path = tmp_path / "b.xlsx"
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"<v></v>", b"<v>3</v>").replace(
                b"<v />", b"<v>3</v>").replace(b"<v/>", b"<v>3</v>"))  # fmt: skip
    with notes.collected() as said:
        (row,) = read(path, COLUMNS)
    assert row.integer("apex") == 3
    assert len(said) == 1


def test_macros_are_refused(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [HEADER, *ROWS])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"macro")
    for name in ("a.xlsx", "a.xlsm"):
        path = path.rename(tmp_path / name)
        with pytest.raises(DatasetError, match=f"{name} has macros and is not opened"):
            read(path, COLUMNS)
    old = old_book(tmp_path / "a.xls", [HEADER, *ROWS])
    old.write_bytes(old.read_bytes() + "_VBA_PROJECT".encode("utf-16-le"))
    with pytest.raises(DatasetError, match="has macros"):
        read(old, COLUMNS)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.xlsx", b"PK\x03\x04 and no archive"),
        ("a.xls", b"\xd0\xcf\x11\xe0 and no workbook"),
        ("a.csv", b"Subject\0,Filename"),
        ("a.csv", "Subject,Filename,Apex Frame\n1,é,3".encode("latin-1")),
        ("a.csv", b""),
    ],
)
def test_damaged_files_are_sentences(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DatasetError, match=r"a\.\w+ (is|has) .*\."):
        read(tmp_path / name, COLUMNS)


def test_an_absent_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        read(tmp_path / "a.xlsx", COLUMNS)


@pytest.mark.parametrize(
    ("value", "said"),
    [("#REF!", "is the error #REF!"), (datetime.date(2020, 1, 2), "is a date")],
)
def test_cells_that_say_nothing_are_refused(tmp_path: Path, value: Any, said: str) -> None:
    path = tmp_path / "a.xlsx"
    made = openpyxl.Workbook()
    made.active.append(list(HEADER))
    made.active.append([1, None, "a", value, None])
    made.save(path)
    with pytest.raises(DatasetError, match=rf"D2 \(apex\) {said}"):
        read(path, COLUMNS)


def test_empty_cells_that_must_be_there_are_refused(tmp_path: Path) -> None:
    (row,) = read(book(tmp_path / "a.xlsx", [HEADER, (1, None, None, None, None)]), COLUMNS)
    assert row.must("subject") == "1"
    with pytest.raises(DatasetError, match=r"a\.xlsx C2 \(name\) is empty"):
        row.must("name")
    assert row.integer("apex") is None


@pytest.mark.parametrize("value", ["12.5", "1e400", "nan", "twelve"])
def test_what_is_no_whole_number_is_refused(tmp_path: Path, value: str) -> None:
    (row,) = read(book(tmp_path / "a.xlsx", [HEADER, (1, None, "a", value, None)]), COLUMNS)
    with pytest.raises(DatasetError, match="not a whole number"):
        row.integer("apex")


def find(root: Path, *patterns: str) -> Path:
    return Annotation(patterns, {}).find(root)


def test_files_are_found_by_pattern(tmp_path: Path) -> None:
    (tmp_path / "Deep").mkdir()
    names = ["CAS(ME)^2code.xlsx", "~$CAS(ME)^2code.xlsx", "Deep/Samm_v2.xlsx", "b-2014.xlsx"]
    for name in [*names, "b-2019.xlsx"]:
        (tmp_path / name).touch()
    assert find(tmp_path, "cas(me)^2*.xlsx") == tmp_path / names[0]
    assert find(tmp_path, "*/SAMM_v*.xlsx") == tmp_path / names[2]
    assert find(tmp_path, "nothing.xls", "b-2014.xlsx", "b-2019.xlsx").name == "b-2014.xlsx"
    with pytest.raises(DatasetError, match=r"several files b-\*: b-2014\.xlsx, b-2019\.xlsx"):
        find(tmp_path, "b-*")
    with pytest.raises(DatasetError, match=r"no file x\.xls or y\.xls"):
        find(tmp_path, "x.xls", "y.xls")


def test_a_link_out_of_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.xlsx").touch()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.xlsx").symlink_to(tmp_path / "secret.xlsx")
    with pytest.raises(DatasetError, match="leads out of"):
        find(tmp_path / "root", "a.xlsx")


def test_remarks_without_a_collector_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    notes.say("Row 5 is empty.")
    assert caplog.messages == ["Row 5 is empty."]
    with notes.collected() as outer, notes.collected() as inner:
        notes.say("a")
        notes.say("a")
    assert (outer, inner) == ([], ["a"])


def test_letters_are_those_of_a_spreadsheet() -> None:
    places = [0, 25, 26, 51, 52, 701, 702]
    assert [sheets.letters(place) for place in places] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]
