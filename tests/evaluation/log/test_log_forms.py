"""Logs of others: CSV and the text log of MEGC 2019."""

from __future__ import annotations

from pathlib import Path

import pytest

from equime_hub.errors import DatasetError
from equime_hub.evaluation import log as logs
from equime_hub.evaluation.log import CsvMapping, from_csv, from_megc, to_csv, to_megc

from .test_log import CLASSES, made

MEGC = """casme2 sub01
EP02_01f 1 1
EP19_05f 0 2

smic 20
s20_ne_01 0 1
s20_sur_02\t2\t2
casme2 sub09
EP02_01f 1 0
"""


def file(text: str, name: str = "theirs.csv") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_comes_back_equal() -> None:
    to_csv(made(), Path("log.csv"))
    assert from_csv(Path("log.csv")).equals(made())
    bare = made(probabilities=None, config_hash=None, dataset=None)
    to_csv(bare, Path("bare.csv"))
    assert from_csv(Path("bare.csv"), CsvMapping(classes=CLASSES)).equals(bare)


def test_csv_of_others_is_mapped() -> None:
    path = file("video,who,label,out,pn,pp\na,s1,0,1,0.2,0.8\nb,s2,1,1,0.5,0.5\na,s2,1,0,,\n")
    columns = {
        "clip_id": "video", "subject_id": "who", "reference": "label", "prediction": "out",
        "p(neg)": "pn", "p(pos)": "pp",
    }  # fmt: skip
    log = from_csv(path, CsvMapping(columns, ("neg", "pos"), "mine", clips_by_subject=True))
    assert log.table["clip_id"].to_pylist() == ["mine/s1/a", "mine/s2/b", "mine/s2/a"]
    assert log.table["reference"].to_pylist() == ["neg", "pos", "pos"]
    assert log.table["fold"].to_pylist() == ["test"] * 3
    assert log.table["probabilities"][2].as_py() is None
    assert log.people()[1] == ["mine/s1", "mine/s2"]
    with pytest.raises(DatasetError, match="'a' has the subject_id 's1' in row 0"):
        from_csv(path, CsvMapping(columns, ("neg", "pos")))


@pytest.mark.parametrize(
    ("text", "how", "sentence"),
    [
        ("clip_id,who,reference,prediction\na,s,x,x\n", {}, "'subject_id' for subject_id; the fil"),
        ("clip_id,subject_id,reference,prediction\n", {}, "There is no prediction"),
        ("", {}, "There is no prediction"),
        ("clip_id,subject_id,reference,prediction\na,s,x\n", {}, "row 0 .* has 3 cells"),
        ("clip_id,subject_id,reference,prediction\na,s,x,\n", {}, "no prediction in row 0"),
        ("clip_id,subject_id,reference,prediction,seed\na,s,x,x,y\n", {}, "seed of row 0 .* 'y'"),
        (
            "clip_id,subject_id,reference,prediction,p(x),p(y)\na,s,x,x,0.5,half\n",
            {},
            "probabilities of row 0 .* no numbers",
        ),
        (
            "clip_id,subject_id,reference,prediction,p(x)\na,s,x,x,1\n",
            {"classes": ("x", "y")},
            "probabilities of x and the classes x, y",
        ),
        (
            "clip_id,subject_id,reference,prediction\na,s,x,x\n",
            {"columns": {"label": "reference"}},
            "A log has no column 'label'",
        ),
        (
            "clip_id,subject_id,reference,prediction\na,s,x,x\n",
            {"columns": {"fold": "turn"}},
            "no column 'turn' for fold",
        ),
        (
            "clip_id,subject_id,reference,prediction\na,s,7,0\n",
            {"classes": ("x", "y")},
            "class of row 0 is 7",
        ),
    ],
)
def test_faulty_csv(text: str, how: dict[str, object], sentence: str) -> None:
    with pytest.raises(DatasetError, match=rf"theirs.csv: .*{sentence}"):
        from_csv(file(text), CsvMapping(**how))  # type: ignore[arg-type]


def test_csv_that_is_none() -> None:
    with pytest.raises(DatasetError, match="cannot be read as CSV"):
        from_csv(Path("nothing.csv"))
    Path("bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="cannot be read as CSV in UTF-8"):
        from_csv(Path("bytes.csv"))


def test_megc_log() -> None:
    log = from_megc(file(MEGC, "log.txt"))
    assert log.classes == CLASSES
    rows = log.table.to_pylist()
    assert [row["clip_id"] for row in rows] == [
        "casme2/sub01/EP02_01f", "casme2/sub01/EP19_05f", "smic/20/s20_ne_01", "smic/20/s20_sur_02",
        "casme2/sub09/EP02_01f",
    ]  # fmt: skip
    assert [row["fold"] for row in rows][::2] == ["casme2/sub01", "smic/20", "casme2/sub09"]
    assert rows[1]["reference"] == "negative" and rows[1]["prediction"] == "surprise"


@pytest.mark.parametrize("order", ["reference-first", "prediction-first"])
def test_megc_comes_back_equal(order: logs.Order) -> None:
    log = from_megc(file(MEGC, "log.txt"))
    to_megc(log, Path("out.txt"), order)
    back = from_megc(Path("out.txt"), order=order)
    place = {row["clip_id"]: row for row in log.table.to_pylist()}
    rows = back.table.to_pylist()
    assert len(rows) == len(place)
    assert all(place[row["clip_id"]] == row for row in rows)
    to_megc(back, Path("again.txt"), order)
    assert Path("again.txt").read_bytes() == Path("out.txt").read_bytes()


def test_repeated_opening_lines_mean_nothing() -> None:
    repeated = MEGC.replace("EP19", "casme2 sub01\nEP19")
    assert from_megc(file(repeated, "log.txt")).equals(from_megc(file(MEGC, "other.txt")))


def test_the_other_order_is_found_by_the_names_of_smic() -> None:
    with pytest.raises(DatasetError, match=r"Line 6 is 'smic … s20_ne_01 0 1'.*prediction-first"):
        from_megc(file(MEGC, "log.txt"), order="prediction-first")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("EP02_01f 1 1\n", "Line 1 is 'EP02_01f 1 1'; expected 'dataset subject'"),
        ("casme2 sub01\nEP02_01f 1 3\n", "Line 2 .* classes from 0 to 2"),
        ("casme2 sub01\nEP02_01f 1 1 1\n", "Line 2"),
        ("casme2 sub01\n", "There is no prediction"),
        ("casme2 sub01\na 1 1\na 1 1\n", "'casme2/sub01/a' occurs again"),
    ],
)
def test_faulty_megc(text: str, sentence: str) -> None:
    with pytest.raises(DatasetError, match=rf"log.txt: .*{sentence}"):
        from_megc(file(text, "log.txt"))


def test_what_the_form_cannot_hold_is_refused_and_nothing_written() -> None:
    cases = (
        (made(clip_id=["a b", "c1", "c2", "c3"]), "a space in a name"),
        (made(dataset=None), "no dataset"),
        (made(fold="test"), "The fold 'test' tests casme2/s1 and casme2/s2"),
        (made(seed=[0, 1, 0, 0]), "the seeds 0, 1; this form holds one"),
    )
    for log, sentence in cases:
        with pytest.raises(DatasetError, match=sentence):
            to_megc(log, Path("out.txt"))
    assert not Path("out.txt").exists()
