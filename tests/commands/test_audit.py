from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from equime_hub.builder import plan as plans
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.faces.folder import FolderFaces
from equime_hub.builder.plan import Plan
from tests.commands.test_cli import equime
from tests.conftest import TINY


def photographs(folder: Path, people: int = 8) -> FolderFaces:
    """Drawn people as files, aligned."""
    folder.mkdir(parents=True)
    source = DrawnFaces(people, 0, 128)
    for number, face in enumerate(source.scan().faces):
        Image.fromarray(source.pixels(face)).save(folder / f"p{number}.png")
    return FolderFaces(folder, aligned=True)


def write_plan(source: FolderFaces) -> Path:
    plans.write(plans.make(source.scan().faces, source, TINY), Path("plan.parquet"))
    return Path("plan.parquet")


def write_identities(who: dict[str, str]) -> Path:
    with Path("who.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("source_image", "subject_id"), *who.items()])
    return Path("who.csv")


def test_a_dataset_without_leaks(built: Path, plan: Plan) -> None:
    result = equime("audit", built, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["ok"] and told["findings"] == []
    assert (told["clips"], told["people"], told["images"]) == (len(plan.specs), 8, 8)
    assert sum(told["balance"]["people"].values()) == 8
    assert 0 < told["balance"]["deviation"] < 1
    assert sum(sum(s["got"].values()) for s in told["balance"]["strata"]) == 8


def test_the_report_in_words(built: Path) -> None:
    result = equime("audit", built, "--no-images")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["people", "(expected)", "train", "validation", "test"]
    assert len(lines) == 1 + 8
    assert "40 clips of 8 people, 0 photographs compared: 0 leaks." in result.stderr


def test_a_split_by_image_is_caught(tmp_path: Path) -> None:
    """People of two images each, whose images pass for people, as in CelebA-HQ by number."""
    plan = write_plan(photographs(tmp_path / "photos"))
    who = write_identities({f"p{number}.png": str(number // 2) for number in range(8)})
    assert equime("audit", plan).exit_code == 0
    result = equime("audit", plan, "--identities", who)
    assert result.exit_code == 1
    assert "leak: People in more than one split: " in result.stdout
    assert "1 leak." in result.stderr
    told = json.loads(equime("audit", plan, "--identities", who, "--json").stdout)
    assert not told["ok"] and told["findings"][0]["severity"] == "leak"
    splits = plans.read(plan).splits()
    parted = {str(i) for i in range(4) if splits[f"p{2 * i}"] != splits[f"p{2 * i + 1}"]}
    assert set(told["findings"][0]["people"]) == parted


def test_a_person_in_two_splits_of_a_dataset(dataset: Path) -> None:
    (train,) = dataset.glob("data/train-*")
    (test,) = dataset.glob("data/test-*")
    table = pq.read_table(test)
    person = pq.read_table(train)["subject_id"][0]
    place = table.column_names.index("subject_id")
    stolen = table.set_column(place, "subject_id", pa.array([person.as_py()] * len(table)))
    pq.write_table(stolen, test)
    result = equime("audit", dataset, "--no-images")
    assert result.exit_code == 1
    assert f"such as {person.as_py()} (test, train)" in result.stdout


def test_a_photograph_saved_again_is_a_look_alike(tmp_path: Path) -> None:
    source = photographs(tmp_path / "photos")
    splits = plans.read(write_plan(source)).splits()
    trained = next(who for who, split in splits.items() if split == "train")
    tested = next(who for who, split in splits.items() if split == "test")
    copy = Image.open(source.root / f"{trained}.png").resize((96, 96))
    copy.save(source.root / f"{tested}.png")
    plan = write_plan(source)
    result = equime("audit", plan)
    assert result.exit_code == 1
    assert (
        "leak: Pairs of photographs that look the same, in two splits: 1, such as" in result.stdout
    )
    assert equime("audit", plan, "--no-images").exit_code == 0


def test_photographs_that_were_moved(tmp_path: Path) -> None:
    source = photographs(tmp_path / "old")
    plan = write_plan(source)
    source.root.rename(tmp_path / "new")
    lost = equime("audit", plan)
    assert lost.exit_code == 1 and "cannot be read" in lost.stderr and not lost.stdout
    assert equime("audit", plan, "--faces", tmp_path / "new").exit_code == 0


def test_a_dataset_with_photographs(tmp_path: Path) -> None:
    plan = write_plan(photographs(tmp_path / "photos", 7))
    assert equime("build", plan, "--out", "equime", "--workers", 1).exit_code == 0
    found = equime("audit", "equime", "--faces", tmp_path / "photos", "--json")
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["images"] == 7
    photograph = tmp_path / "photos" / "p3.png"
    Image.open(photograph).rotate(3).save(photograph)
    changed = equime("audit", "equime", "--faces", tmp_path / "photos")
    assert changed.exit_code == 1 and "p3.png is not there, or its SHA-256 is not" in changed.stderr
    assert equime("audit", "equime").exit_code == 0


def test_a_plan_split_anew_by_hand(tmp_path: Path) -> None:
    plan = write_plan(photographs(tmp_path / "photos"))
    table = pq.read_table(plan)
    by_clip = ["train", "test"] * (len(table) // 2)
    place = table.column_names.index("split")
    pq.write_table(table.set_column(place, "split", pa.array(by_clip)), plan)
    refused = equime("audit", plan)
    assert refused.exit_code == 1 and "use --no-images" in refused.stderr and not refused.stdout
    found = equime("audit", plan, "--no-images")
    assert found.exit_code == 1 and "People in more than one split: 8 of 8" in found.stdout
    assert "Source images in more than one split: 8 of 8" in found.stdout


def test_labels_alone_have_no_first_frames(dataset: Path) -> None:
    for shard in dataset.glob("data/*"):
        shard.unlink()
    result = equime("audit", dataset)
    assert result.exit_code == 1 and "has no videos to take first frames from" in result.stderr
    assert equime("audit", dataset, "--no-images").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("nowhere",), 1, "There is no dataset and no plan at nowhere"),
        ((".",), 1, "holds no built dataset"),
        (("text.parquet",), 1, "cannot be read as Parquet"),
        (("nowhere", "--faces", ".", "--no-images"), 2, "leave it or --no-images out"),
        (("nowhere", "--identities", "gone.csv"), 2, "'gone.csv'"),
    ],
)
def test_a_wrong_call_is_a_sentence(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    Path("text.parquet").write_text("no table")
    result = equime("audit", *arguments)
    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert not result.stdout
