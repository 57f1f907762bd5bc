from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from huggingface_hub import RepoCard

from equime_hub import metrics
from equime_hub.errors import MetricError
from equime_hub.hub.metric import space_card


@pytest.mark.parametrize("name", metrics.names())
def test_every_metric_has_a_card_of_a_space(name: str) -> None:
    folder = Path(metrics.path(name))
    card = RepoCard(space_card(folder))
    assert card.data["sdk"] == "gradio"
    assert (folder / card.data["app_file"]).is_file()
    assert {"evaluate", "metric"} <= set(card.data["tags"])
    assert card.data["license"] == "apache-2.0"
    title = card.text.strip().splitlines()[0]
    assert title.lower() == f"# metric card: {card.data['title'].lower()}"
    assert f'evaluate.load("{name}")' in card.text
    written = RepoCard.load(folder / "README.md")
    assert vars(card.data) == vars(written.data) | {"license": "apache-2.0"}
    assert card.text == written.text


def test_a_licence_that_is_there_is_kept(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(metrics.path("uf1"), tmp_path / "uf1"))
    card = folder / "README.md"
    card.write_text(space_card(folder).replace("apache-2.0", "mit"))
    assert RepoCard(space_card(folder)).data["license"] == "mit"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("sdk: gradio", "sdk: ''"), "lacks sdk,"),
        (("- metric\n", ""), "lacks the tag metric,"),
        (("---\n", ""), "lacks title, sdk, sdk_version, app_file, description, the tag evaluate"),
    ],
)
def test_a_card_that_is_none_of_a_space_is_refused(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    folder = Path(shutil.copytree(metrics.path("uf1"), tmp_path / "uf1"))
    card = folder / "README.md"
    card.write_text(card.read_text().replace(*change))
    with pytest.raises(MetricError, match=said):
        space_card(folder)
    card.unlink()
    with pytest.raises(MetricError, match=r"has no README\.md"):
        space_card(folder)
