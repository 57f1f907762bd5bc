from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard

from equime_hub import checksums
from equime_hub._version import __version__
from equime_hub.builder.measure.gates import Gates
from equime_hub.cards import dataset_card
from equime_hub.cards.compare import VERSION
from equime_hub.cards.policy import POLICY
from equime_hub.cards.statistics import Statistics, count
from equime_hub.errors import DatasetError
from equime_hub.jobs import build as builds
from equime_hub.schema.features import columns
from equime_hub.schema.stamp import read_origin
from tests.conftest import SMALL, TINY, WARP, tiny_plan
from tests.support.grown import grow, second


def section(card: str, title: str) -> str:
    """What stands below a heading of the second level; empty if there is none."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", card, flags=re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def render(statistics: Statistics) -> str:
    return dataset_card.render(statistics, license="cc0-1.0", title="EquiME")


def test_the_card_is_valid_and_names_every_column(built: Path) -> None:
    card = DatasetCard.load(built / "README.md")
    assert card.data.license == "cc-by-nc-sa-4.0"
    assert card.data[VERSION] == __version__
    places = {config["config_name"]: config["data_files"] for config in card.data["configs"]}
    assert {"default", "metadata"} <= set(places)
    for files in places.values():
        assert all(list(built.glob(file["path"])) for file in files)
    for column in {column for config in places for column in columns(config)}:
        assert f"`{column.name}`" in card.text
    assert "40 synthetic micro-expression clips of 8 people" in card.text
    assert "$" not in card.text


def test_the_card_depends_on_the_data_alone(dataset: Path, built: Path) -> None:
    dataset_card.write(dataset)
    assert (dataset / "README.md").read_bytes() == (built / "README.md").read_bytes()
    assert checksums.intact(dataset, checksums.read(dataset), "README.md")


def test_no_heading_stands_above_nothing(built: Path) -> None:
    """Of a dataset that was never pushed, and of which little was measured."""
    card = (built / "README.md").read_text(encoding="utf-8")
    lines = [line for line in card.split("---\n", 2)[2].splitlines() if line]
    for line, following in zip(lines, [*lines[1:], "# end"], strict=True):
        level, below = (len(re.match("#*", text)[0]) for text in (line, following))  # type: ignore[index]
        assert not level or not below or below > level, line
    for absent in ("Access", "Changes"):
        assert f"## {absent}" not in card
    assert "extra_gated" not in card
    assert "psnr" not in section(card, "Quality").replace("first_frame_psnr", "")


def test_the_card_says_who_claims_what(built: Path) -> None:
    found = section((built / "README.md").read_text(encoding="utf-8"), "Columns")
    assert "| `label_source` | synthetic | 40 |" in found
    assert "| `demographics_source` | drawn | 40 |" in found
    rows = dict(re.findall(r"\| `(\w+)` \|.*\| (.+) \|$", found, flags=re.MULTILINE))
    assert rows["emotion"] == "`label_source`"
    assert rows["race"] == "`demographics_source`"
    assert rows["au_apex"] == "`au_source`"
    assert "emotion_observer" not in rows, "is null everywhere"
    assert "`emotion_observer`" in found
    assert all(rows.values())


def test_groups_stand_beside_those_of_the_paper(built: Path) -> None:
    who = section((built / "README.md").read_text(encoding="utf-8"), "Who is in it")
    white = count(built).groups["race"]["white"]
    cells = [f"{white[split]}" for split in ("train", "validation", "test")]
    total = sum(white.values())
    row = ["race", "white", *cells, f"{total}", f"{100 * total / 40:.1f} %", "74.8 %"]
    assert "| " + " | ".join(row) + " |" in who
    assert "| race | asian | 0 | 0 | 0 | 0 | 0.0 % | 8.9 % |" in who
    assert "Clips by gender, the same for every emotion: woman: 4, man: 4." in who


def test_emotions_that_are_not_alike_have_a_table(built: Path) -> None:
    known = count(built)
    uneven = {"anger": {"woman": 1, "man": 2}, "fear": {"woman": 3, "man": 0}}
    tables = known.emotions_by | {"gender": uneven}
    who = section(render(replace(known, emotions_by=tables)), "Who is in it")
    assert "| emotion by gender | woman | man | all |" in who
    assert "| **all** | **4** | **2** | **6** |" in who
    assert "Clips by race, the same" in who


def test_slow_expressions_are_called_slow(tmp_path: Path) -> None:
    slow = replace(TINY, fps=20.0, duration_ms=(560.0, 640.0))
    builds.build(tiny_plan(1, slow), tmp_path / "slow", SMALL, card=dataset_card.write)
    card = (tmp_path / "slow/README.md").read_text(encoding="utf-8")
    assert "**5 of 5 last longer than 500 ms" in section(card, "What a clip is")
    assert "100.0 % of the expressions last longer than 500 ms" in section(card, "Limits")


def test_gates_and_rejections(tmp_path: Path) -> None:
    render = replace(WARP, gates=Gates(("exaggerated", "wrong duration"), exaggerated=0.01))
    plan = tiny_plan(2)
    builds.build(plan, tmp_path / "new", replace(SMALL, render=render), card=dataset_card.write)
    statistics = count(tmp_path / "new")
    rejected = sum(statistics.rejections["exaggerated"].values())
    assert 0 < rejected < 10
    quality = section((tmp_path / "new/README.md").read_text(encoding="utf-8"), "Quality")
    assert "- `exaggerated`, if `motion_amplitude` > 0.01" in quality
    assert "within 0.67 to 1.5 of the planned duration" in quality
    (row,) = re.findall(r"\| `motion_amplitude` \|.*", quality)
    assert row.endswith("| ≤ 0.01 |")
    assert re.search(rf"\| exaggerated \| .*\| {rejected} \|", quality)
    assert "No clip was rejected" not in quality


def test_a_card_that_is_on_the_hub(built: Path, tmp_path: Path) -> None:
    folder = grow(Path(shutil.copytree(built, tmp_path / "hub")), second(tmp_path / "second"))
    card = DatasetCard.load(folder / "README.md")
    assert {key: card.data[key] for key in POLICY.yaml()} == POLICY.yaml()
    assert "50 synthetic micro-expression clips of 10 people" in card.text
    access = section(card.text, "Access")
    for question in POLICY.questions:
        assert f"- {question.text}" in access
    newest, oldest = section(card.text, "Changes").split("\n\n")
    assert newest.startswith("**v1.1.0**, 2026-11-21: 10 clips of 2 people")
    assert "50 in all" in newest
    assert newest.endswith("More people.")
    assert "40 clips of 8 people (30 train, 5 validation and 5 test), 40 in all" in oldest
    made = section(card.text, "How the clips were made")
    origins = [read_origin(built), read_origin(tmp_path / "second")]
    assert all(origin and f"Build `{origin.fingerprint}`" in made for origin in origins)


def test_the_card_warns_where_images_pass_for_people(built: Path) -> None:
    known = count(built)
    sources: dict[tuple[str, str | None], int] = {
        ("celebahq (subjects are images)", None): known.clips
    }
    other = render(replace(known, sources=sources))
    for card, warned in ((render(known), False), (other, True)):
        assert ("every image counts as a person" in card) == warned
        assert ("photographs of real people" in card) == warned
        assert ("lee2020maskgan" in card) == warned
        assert ("every face is drawn by a program" in card) != warned


def test_a_dataset_about_which_less_is_known_has_a_shorter_card(built: Path) -> None:
    known = count(built)
    table = {"unknown": {"train": 30, "validation": 5, "test": 5}}
    by = {name: {"happiness": {"unknown": 40}} for name in known.emotions_by}
    card = render(
        replace(
            known,
            groups=dict.fromkeys(known.groups, table),
            emotions_by=by,
            durations=None,
            measured={},
            generations={},
            filled=known.filled | {"gender": 0, "race": 0},
        )
    )
    assert section(card, "Who is in it") == ""
    assert "From onset to offset" not in card
    assert section(card, "Quality") == "No clip was rejected."
    assert "74.8 %" not in card


def test_titles_and_licences_are_text(built: Path) -> None:
    card = dataset_card.render(count(built), license="other", title="A: b\n---\n# c $d {e}")
    assert DatasetCard(card).data["pretty_name"] == "A: b\n---\n# c $d {e}"
    assert "# A: b --- # c $d {e}\n" in card


def test_a_folder_without_labels_has_no_card(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no built dataset"):
        dataset_card.write(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_origin_has_no_card(dataset: Path) -> None:
    (dataset / "build.json").unlink()
    before = (dataset / "README.md").read_bytes()
    with pytest.raises(DatasetError, match=r"has no build\.json"):
        dataset_card.write(dataset)
    assert (dataset / "README.md").read_bytes() == before


def test_sizes_are_counted(built: Path) -> None:
    for info in DatasetCard.load(built / "README.md").data["dataset_info"]:
        for split in info["splits"]:
            assert split["num_bytes"] > 1000


@pytest.mark.parametrize(
    ("clips", "category"), [(999, "n<1K"), (1000, "1K<n<10K"), (75_000, "10K<n<100K")]
)
def test_size_categories_are_the_hubs(clips: int, category: str) -> None:
    assert dataset_card._size_category(clips) == category
