from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard

from equime_hub.cards import dataset_card
from equime_hub.cards.statistics import count
from equime_hub.errors import DatasetError
from equime_hub.schema.features import COLUMNS


def test_the_numbers_are_those_of_the_shards(built: Path) -> None:
    statistics = count(built)
    for split, size in statistics.splits.items():
        table = pq.read_table(next(built.glob(f"data/{split}-*.parquet")))
        assert size.clips == len(table)
        assert size.subjects == len(table["subject_id"].unique())
        assert size.video_bytes == sum(len(v["bytes"]) for v in table["video"].to_pylist())
    assert statistics.clips == 40
    for table in (statistics.emotions, statistics.genders, statistics.age_groups):
        assert sum(sum(row.values()) for row in table.values()) == 40


def test_the_card_is_valid_and_names_every_column(built: Path) -> None:
    card = DatasetCard.load(built / "README.md")
    assert card.data.license == "cc-by-nc-sa-4.0"
    assert [config["config_name"] for config in card.data["configs"]] == ["default", "metadata"]
    for column in COLUMNS:
        assert f"`{column.name}`" in card.text
    assert "40 synthetic micro-expression clips of 8 people" in card.text
    assert "{" not in card.text


def test_the_card_depends_on_the_data_alone(dataset: Path, built: Path) -> None:
    dataset_card.write(dataset)
    assert (dataset / "README.md").read_bytes() == (built / "README.md").read_bytes()


def test_the_card_warns_where_images_pass_for_people(built: Path) -> None:
    known = count(built)
    sources: dict[tuple[str, str | None], int] = {
        ("celebahq (subjects are images)", None): known.clips
    }
    warning = "every image counts as a person"
    for statistics, warned in ((known, False), (replace(known, sources=sources), True)):
        card = dataset_card.render(statistics, license="cc0-1.0", title="EquiME")
        assert (warning in card) == warned


def test_a_folder_without_labels_has_no_card(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no built dataset"):
        dataset_card.write(tmp_path)


def test_sizes_are_counted(built: Path) -> None:
    for info in DatasetCard.load(built / "README.md").data["dataset_info"]:
        for split in info["splits"]:
            assert split["num_bytes"] > 1000


@pytest.mark.parametrize(
    ("clips", "category"), [(999, "n<1K"), (1000, "1K<n<10K"), (75_000, "10K<n<100K")]
)
def test_size_categories_are_the_hubs(clips: int, category: str) -> None:
    assert dataset_card._size_category(clips) == category
