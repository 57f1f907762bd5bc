from __future__ import annotations

from pathlib import Path

import pytest

from equime_hub.errors import DatasetError
from equime_hub.hub.repository import card_sizes


@pytest.mark.parametrize(
    "card",
    [
        "no YAML at all",
        "---\nlicense: mit\n---\n",
        "---\n- 1\n---\n",
        "---\ndataset_info: {\n---\n",
        "---\ndataset_info: 3\n---\n",
        "---\ndataset_info:\n- config_name: default\n---\n",
        "---\ndataset_info:\n- {config_name: a, splits: [{name: train, num_bytes: many}]}\n---\n",
        "---\ndataset_info: !!python/object/apply:pathlib.Path.touch [ran]\n---\n",
        "---\ndataset_info: !!python/object/apply:os.system [touch ran]\n---\n",
    ],
)
def test_a_card_that_tells_no_sizes_is_refused_and_never_run(tmp_path: Path, card: str) -> None:
    (tmp_path / "README.md").write_text(card)
    with pytest.raises(DatasetError, match="The card of lab/equime does not say how large"):
        card_sizes("lab/equime", tmp_path)
    assert not Path("ran").exists()


def test_sizes_by_config_and_split(tmp_path: Path) -> None:
    split = "{name: train, num_bytes: 7, num_examples: 1}"
    card = f"---\ndataset_info:\n- {{config_name: default, splits: [{split}]}}\n---\n"
    (tmp_path / "README.md").write_text(card)
    assert card_sizes("lab/equime", tmp_path) == {"default": {"train": 7}}
