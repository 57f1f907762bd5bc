from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import REAL, notes, quirks
from equime_hub.loading_script.real.quirks import corrected, corrections
from equime_hub.loading_script.real.tables import TableRow
from tests.support.trees.drawing import workbook
from tests.support.trees.reading import table as read

COLUMNS = {"subject": "Subject", "name": "Filename", "onset": "Onset", "apex": "Apex",
           "offset": "Offset"}  # fmt: skip
HEADER = tuple(COLUMNS.values())
TIMES = ["Onset", "Apex", "Offset"]
ROWS = [(1, "a", 10, 12, 15), (1, "b", 20, "/", 25), (2, "c", 30, 32, 3), (2, "d", 40, 42, 44)]
CORRECTION = {"id": "x", "file": "made-*.xlsx", "why": "It is.", "known_from": "here"}


def table(
    folder: Path, rows: Sequence[Sequence[Any]], name: str = "Made-up.xlsx"
) -> list[TableRow]:
    workbook(folder / name, {"Sheet1": [HEADER, *rows]})
    return read(folder / name, COLUMNS)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Rows of a table, corrected by corrections of our own, and the remarks."""
    monkeypatch.setattr(quirks, "FOLDER", tmp_path)

    def correct(
        *entries: Mapping[str, Any], rows: Sequence[Sequence[Any]] = ROWS, **options: Any
    ) -> tuple[list[TableRow], list[str]]:
        given = [{**CORRECTION, **entry} for entry in entries]
        (tmp_path / "made.json").write_text(json.dumps(given), encoding="utf-8")
        corrections.cache_clear()
        with notes.collected() as said:
            return corrected(table(tmp_path, rows), "made", **options), said

    yield correct
    corrections.cache_clear()


def cells(rows: Sequence[TableRow], name: str) -> list[Any]:
    return [row.values[name] for row in rows]


def test_a_row_is_known_by_what_is_in_it(made: Any) -> None:
    fix = {"where": {"Subject": 1, "Filename": "B"}, "says": {"Apex": "/"},
           "should_be": {"Apex": None}}  # fmt: skip
    rows, said = made(fix)
    assert cells(rows, "apex") == [12, None, 32, 42]
    assert [row.fixes for row in rows] == [(), ("x",), (), ()]
    assert said == []


def test_without_fixes_the_file_is_as_it_is(made: Any) -> None:
    fix = {"where": {"Filename": "b"}, "should_be": {"Apex": 22}}
    rows, said = made(fix, fixes=False)
    assert cells(rows, "apex") == [12, "/", 32, 42]
    assert [row.fixes for row in rows] == [()] * 4
    assert said == []


def test_a_row_is_known_by_its_number_in_a_file_of_known_length(made: Any) -> None:
    fix = {"index": 2, "rows": [4, 5], "times": TIMES, "should_be": {"Offset": 34}}
    rows, said = made(fix)
    assert cells(rows, "offset") == [15, 25, 34, 44]
    assert (rows[2].fixes, said) == (("x",), [])
    rows, said = made(fix, rows=ROWS[:3])
    assert cells(rows, "offset") == [15, 25, 3]
    assert said == [
        "Corrections that do not fit Made-up.xlsx and were not applied: "
        "x (the official file has 4 or 5 rows, this one 3)."
    ]


@pytest.mark.parametrize(
    ("fix", "reason"),
    [
        ({"where": {"Filename": "e"}}, "no row has Filename e"),
        ({"where": {"Filename": "a"}, "says": {"Apex": "/"}}, "row 2 does not say what was wrong"),
        ({"where": {"Subject": 2}, "says": {}}, "2 rows are alike"),
        ({"where": {"Filename": "d"}, "times": TIMES}, "row 5 does not say what was wrong"),
        ({"where": {"Filename": "c"}, "times": TIMES, "should_be": {"Offset": 31}},
         "row 4 would be no better"),
        ({"where": {"Filename": "a"}, "should_be": {"Apex": 12}}, "row 2 would be no better"),
        ({"index": 9, "rows": [4]}, "no row has the index 9"),
        ({"where": {"Filename": "b"}, "md5": ["0" * 32]}, "this is another file"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_reported_and_not_applied(
    made: Any, fix: dict[str, Any], reason: str
) -> None:
    rows, said = made({"should_be": {"Apex": 22}, **fix})
    assert [tuple(row.values.values()) for row in rows] == ROWS
    assert not any(row.fixes for row in rows)
    assert [remark.partition("applied: ")[2] for remark in said] == [f"x ({reason})."]


def test_corrections_that_do_not_fit_for_one_reason_are_said_together(made: Any) -> None:
    fix = {"index": 1, "rows": [9], "should_be": {"Apex": 22}}
    _, said = made(fix, {**fix, "id": "y"}, {**fix, "id": "z", "rows": [8]})
    assert said[0].endswith("x, y (the official file has 9 rows, this one 4); "
                            "z (the official file has 8 rows, this one 4).")  # fmt: skip


def test_a_file_is_known_by_its_md5(made: Any, tmp_path: Path) -> None:
    table(tmp_path, ROWS)
    right = hashlib.md5((tmp_path / "Made-up.xlsx").read_bytes()).hexdigest()
    entry = {**CORRECTION, "index": 1, "should_be": {"Apex": 22}, "md5": [right]}
    (tmp_path / "made.json").write_text(json.dumps([entry]), encoding="utf-8")
    corrections.cache_clear()
    rows = corrected(read(tmp_path / "Made-up.xlsx", COLUMNS), "made")
    assert cells(rows, "apex") == [12, 22, 32, 42]


def test_other_files_of_the_dataset_are_left_alone(made: Any) -> None:
    rows, said = made({"file": "other*", "where": {"Filename": "b"}, "should_be": {"Apex": 22}})
    assert (cells(rows, "apex"), said) == ([12, "/", 32, 42], [])


def test_rows_are_swapped_from_a_column_on(made: Any) -> None:
    rows, said = made({"index": 0, "rows": [4], "swap_with": 3, "swap_from": "Apex"})
    assert cells(rows, "onset") == [10, 20, 30, 40]
    assert cells(rows, "apex") == [42, "/", 32, 12]
    assert cells(rows, "offset") == [44, 25, 3, 15]
    assert [row.fixes for row in rows] == [("x",), (), (), ("x",)]
    _, said = made({"index": 0, "rows": [4], "swap_with": 3, "swap_from": "AUs"})
    assert "there is no column AUs" in said[0]


def test_a_row_that_two_corrections_know_is_corrected_once(made: Any) -> None:
    unknown = {"should_be": {"Offset": None}, "times": TIMES}
    rows, said = made({**unknown, "id": "name", "where": {"Filename": "c"}},
                      {**unknown, "id": "number", "index": 2, "rows": [4]})  # fmt: skip
    assert (rows[2].fixes, rows[2].values["offset"], said) == (("name",), None, [])


@pytest.mark.parametrize(
    ("entry", "said"),
    [({"wrong": 1, "index": 1, "rows": [4]}, "unknown keys wrong"),
     ({"index": 1}, "nothing says to which row x belongs")],
)  # fmt: skip
def test_malformed_corrections_are_refused(made: Any, entry: Any, said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        made(entry)


def test_no_rows_and_no_corrections_are_fine(made: Any) -> None:
    assert corrected([], "samm") == []
    assert corrections("smic") == ()


def shipped() -> list[str]:
    return sorted(path.stem for path in quirks.FOLDER.glob("*.json"))


def test_every_shipped_correction_says_why_and_whence() -> None:
    found = [correction for name in shipped() for correction in corrections(name)]
    assert set(shipped()) <= set(REAL.names())
    assert len({correction.id for correction in found}) == len(found) >= 20
    for correction in found:
        assert correction.id.startswith(f"{correction.dataset}-")
        assert len(correction.known_from) > 20
        assert correction.why.endswith(".")
        assert correction.file == correction.file.lower()
        assert correction.should_be or correction.swap_with is not None
        assert correction.where or correction.rows or correction.md5


def official(folder: Path, pattern: str, known: Sequence[quirks.Correction]) -> list[TableRow]:
    """A table of a release that has all these errors: unreadable times, or what is said."""
    header = list(dict.fromkeys(column for c in known for column in (
        *c.times, *c.where, *c.says, *c.should_be, *filter(None, [c.swap_from]))))  # fmt: skip
    times = {column: 10 * place for c in known for place, column in enumerate(c.times, 1)}
    length = max([20, *(n for c in known for n in c.rows)])
    rows: list[dict[str, Any]] = [{column: times.get(column, f"{column} {n}") for column in header}
            for n in range(length)]  # fmt: skip
    for number, correction in enumerate(known):
        row = rows[number if correction.index is None else correction.index]
        row |= dict.fromkeys(correction.should_be, "/") | {**correction.where, **correction.says}
    path = folder / f"{pattern.replace('*', 'x').removesuffix('.xlsx')}.xlsx"
    workbook(path, {"label": [header, *(list(row.values()) for row in rows)]})
    return read(path, {column: column for column in header})


FILES = sorted({(name, each.file) for name in shipped() for each in corrections(name)})


@pytest.mark.parametrize(("name", "pattern"), FILES)
def test_shipped_corrections_fit_tables_with_these_errors(
    name: str, pattern: str, tmp_path: Path
) -> None:
    known = [correction for correction in corrections(name) if correction.file == pattern]
    before = official(tmp_path, pattern, known)
    with notes.collected() as said:
        after = corrected(before, name)
    assert said == []
    assert {each for row in after for each in row.fixes} == {each.id for each in known}
    for old, new in zip(before, after, strict=True):
        assert bool(new.fixes) == (old.values != new.values)
        assert "/" not in new.values.values()


def test_the_two_rows_of_4dme_have_their_own_units_again(tmp_path: Path) -> None:
    header = ("sub_ID", "fold_name", "Onset", "Apex", "Offset", "AUs", "Emotion")
    made = [(n, f"f{n}", 1, 2, 3, f"AU{n}", f"e{n}") for n in range(267)]
    path = tmp_path / "4DME_Labelling_Micro_release v1.xlsx"
    workbook(path, {"label": [header, *made]})
    rows = corrected(read(path, {column: column for column in header}), "4dme")
    assert [rows[n].values["AUs"] for n in (143, 144, 145, 146)] == ["AU143", "AU145", "AU144",
                                                                     "AU146"]  # fmt: skip
    assert (rows[144].values["Emotion"], rows[144].values["fold_name"]) == ("e145", "f144")
