from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from equime_hub.errors import DatasetError
from equime_hub.reports.demographics import ATTRIBUTES, as_markdown, demographics, draw

Row = tuple[str, int | None, int | None, int | None]
"""Person, gender, race, age group."""

TRAIN: list[Row] = [
    ("a", 0, 5, 1), ("a", 0, 5, 1), ("a", 1, 5, None),  # mostly a woman
    ("b", 1, None, None),
    ("c", 1, 0, 2), ("c", 0, 0, 2),  # undecided: the first class
]  # fmt: skip
TEST: list[Row] = [("d", None, 5, 5), ("d", None, 5, 5)]


@pytest.fixture
def folder() -> Path:
    folder = Path("made-up")
    (folder / "metadata").mkdir(parents=True)
    for split, rows in (("train", TRAIN), ("test", TEST)):
        columns = dict(zip(("subject_id", "gender", "race", "age_group"), zip(*rows, strict=True),
                           strict=True))  # fmt: skip
        schema = pa.schema(
            [("subject_id", pa.string()), *((n, pa.int64()) for n in list(columns)[1:])]
        )
        table = pa.table({name: list(cells) for name, cells in columns.items()}, schema)
        pq.write_table(table, folder / f"metadata/{split}-00000-of-00001.parquet")
    return folder


def count(people: int, clips: int) -> dict[str, int]:
    return {"people": people, "clips": clips}


def test_people_and_clips_by_hand(folder: Path) -> None:
    found = demographics(folder)
    assert found["totals"] == {"train": count(3, 6), "test": count(1, 2), "all": count(4, 8)}
    gender = found["gender"]
    assert gender["woman"] == {"train": count(2, 3), "test": count(0, 0), "all": count(2, 3)}
    assert gender["man"] == {"train": count(1, 3), "test": count(0, 0), "all": count(1, 3)}
    assert gender["unknown"] == {"train": count(0, 0), "test": count(1, 2), "all": count(1, 2)}
    assert found["race"]["white"]["all"] == count(2, 5)
    assert found["race"]["black"]["all"] == count(0, 0)
    # The clip of unknown age is of a person of known age.
    assert found["age_group"]["20-30"]["all"] == count(1, 2)
    assert found["age_group"]["unknown"]["all"] == count(1, 2)
    assert found["ambiguous_people"] == {"gender": 2, "race": 0, "age_group": 0}


def test_every_person_and_clip_is_counted_once(built: Path) -> None:
    found = demographics(built)
    assert found["totals"]["all"] == count(8, 40)
    for table in (found[column] for column in ATTRIBUTES):
        for split, total in found["totals"].items():
            for unit in ("people", "clips"):
                assert sum(row[split][unit] for row in table.values()) == total[unit]


def test_the_text_shows_shares(folder: Path) -> None:
    text = as_markdown(demographics(folder))
    woman = next(line for line in text.splitlines() if line.startswith("| woman"))
    cells = [cell.strip() for cell in woman.strip("|").split("|")]
    assert cells[1:] == [
        "2 (50.0 %)", "3 (37.5 %)", "2 (66.7 %)", "3 (50.0 %)", "0 (0.0 %)", "0 (0.0 %)",
    ]  # fmt: skip
    assert "The clips of 2 people differ in gender" in text
    assert "differ in race" not in text


def test_the_json_is_plain(folder: Path) -> None:
    values = json.loads(json.dumps(demographics(folder)))
    assert values["race"]["white"]["test"] == {"people": 1, "clips": 2}


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_figure_is_whole_and_always_the_same(folder: Path, suffix: str) -> None:
    for name in ("a", "b"):
        draw(demographics(folder), Path(f"{name}.{suffix}"))
    assert Path(f"a.{suffix}").read_bytes() == Path(f"b.{suffix}").read_bytes()
    if suffix == "png":
        with Image.open("a.png") as picture:
            pixels = np.asarray(picture.convert("L"))
        assert pixels.std() > 10
        for rim in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
            assert rim.min() == 255


def test_no_dataset_and_foreign_labels_are_sentences(folder: Path) -> None:
    with pytest.raises(DatasetError, match="holds no built dataset"):
        demographics(Path("nowhere"))
    (path,) = folder.glob("metadata/test-*")
    pq.write_table(pa.table({"subject_id": ["a"]}), path)
    with pytest.raises(DatasetError, match="lacks gender, race, age_group: it is of another"):
        demographics(folder)
    path.write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match="cannot be read"):
        demographics(folder)
