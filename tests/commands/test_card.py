from __future__ import annotations

import json
from pathlib import Path

import pytest

from equime_hub import checksums
from equime_hub.cards import dataset_card
from equime_hub.reports.verify import verify
from tests.commands.test_cli import equime
from tests.conftest import sums


def test_a_card_is_written_anew_with_its_sum(dataset: Path) -> None:
    before = sums(dataset)
    (dataset / "README.md").write_text("# Mine\n")
    done = equime("card", dataset)
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    assert "40 clips of 8 people" in done.stderr
    assert sums(dataset) == before
    assert verify(dataset) == []


def test_a_wrong_number_is_found_told_and_mended(dataset: Path) -> None:
    card = dataset / "README.md"
    card.write_text(card.read_text(encoding="utf-8").replace("of 8 people", "of 80 people"))
    checksums.record(dataset, checksums.read(dataset), "README.md")
    found = equime("verify", dataset)
    assert found.exit_code == 1
    assert "README.md: says '40 synthetic micro-expression clips of 80 people" in found.stdout
    assert f"`equime card {dataset}` writes the card anew" in found.stderr
    assert "equime build" not in found.stderr
    assert equime("card", dataset, "--json").exit_code == 0
    assert equime("verify", dataset).exit_code == 0


def test_a_damaged_shard_is_no_matter_of_the_card(dataset: Path) -> None:
    with (dataset / "data/train-00000-of-00001.parquet").open("ab") as file:
        file.write(b" ")
    found = equime("verify", dataset)
    assert found.exit_code == 1
    assert "equime build PLAN" in found.stderr
    assert "equime card" not in found.stderr


def test_a_card_elsewhere_leaves_the_dataset_alone(dataset: Path, tmp_path: Path) -> None:
    (dataset / "README.md").write_text("# Mine\n")
    before = sums(dataset)
    done = equime("card", dataset, "--out", tmp_path / "card.md", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["clips"] == 40
    assert told["card"] == str(tmp_path / "card.md")
    text = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert text == dataset_card.anew(dataset)
    assert equime("card", dataset, "--out", "-").stdout == text
    assert sums(dataset) == before


@pytest.mark.parametrize("arguments", [(), ("--out", "-"), ("--out", "card.md")])
def test_a_folder_that_holds_no_dataset(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "empty").mkdir()
    done = equime("card", tmp_path / "empty", *arguments)
    assert done.exit_code == 1
    assert done.stderr.startswith("equime: ")
    assert "holds no built dataset" in done.stderr
    assert not list((tmp_path / "empty").iterdir())
    assert not Path("card.md").exists()
