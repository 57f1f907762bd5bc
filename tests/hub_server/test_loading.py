"""`datasets`, `evaluate` and `transformers`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

from equime_hub import metrics
from tests.conftest import sums
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.steps import api


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_load(published: Hub, folder: Path, streaming: bool) -> None:
    rows = load_dataset("lab/equime", split="train", revision="v1", streaming=streaming)
    assert [row["number"] for row in rows] == [*range(6)]
    files = published.repository("lab/equime").files()
    assert files.pop(".gitattributes")
    assert files == sums(folder)
    assert not published.readable_without_grant()


def test_evaluate_loads_a_space(lab: Hub) -> None:
    space: Any = {"repo_id": "lab/uf1", "repo_type": "space"}
    api.create_repo(**space, space_sdk="gradio")
    api.upload_folder(**space, folder_path=metrics.path("uf1"))
    found = lab.python(
        """
        import evaluate
        result = evaluate.load("lab/uf1").compute(references=[0, 1], predictions=[0, 1])
        """
    )
    assert found.result == {"uf1": 1}


def test_transformers_push_and_load(lab: Hub) -> None:
    from transformers import BertConfig, BertModel

    sizes: Any = dict.fromkeys(("vocab_size", "hidden_size", "intermediate_size"), 8)
    model: Any = BertModel(BertConfig(num_hidden_layers=1, num_attention_heads=1, **sizes))
    model.push_to_hub("lab/tiny", private=True)
    assert {"config.json", "model.safetensors"} <= {*lab.repository("lab/tiny", "model").files()}
    again = BertModel.from_pretrained("lab/tiny").state_dict()
    assert all(value.equal(again[name]) for name, value in model.state_dict().items())
    lab.sign_in("reader")
    with pytest.raises(OSError, match="lab/tiny"):
        BertModel.from_pretrained("lab/tiny")


def test_a_process_of_its_own(published: Hub, tmp_path: Path) -> None:
    code = """
        from huggingface_hub import hf_hub_download
        path = hf_hub_download("lab/equime", "notes.txt", repo_type="dataset")
        result = open(path).read()
        """
    home = tmp_path / "home"
    assert published.python(code, user="keeper", home=home).result == "regular"
    asked = len(published.log)
    assert published.python(code, offline=True, home=home).result == "regular"
    assert len(published.log) == asked, "the cache was enough"
    with pytest.raises(AssertionError, match="RepositoryNotFoundError"):
        published.python(code, user="reader")
