"""Saved models on the Hub, opened by the real Transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from transformers import (
    AutoModelForVideoClassification,
    VideoMAEConfig,
    VideoMAEForVideoClassification,
    VideoMAEVideoProcessor,
)

from equime_hub.cli import main
from equime_hub.errors import HubError
from equime_hub.hub.model import problems, push_model
from tests.support.hub_server import faults
from tests.support.hub_server.hub import Hub

NAME = "lab/tiny"
CARD = """---
license: cc-by-nc-sa-4.0
library_name: transformers
pipeline_tag: video-classification
tags:
- micro-expressions
---

# Tiny
"""
SIZE: dict[str, Any] = dict(
    image_size=16, patch_size=8, num_frames=4, tubelet_size=2, hidden_size=8, num_hidden_layers=1,
    num_attention_heads=2, intermediate_size=8, num_labels=3,
)  # fmt: skip


def saved(folder: Path, seed: int = 0) -> Path:
    """A model of some hundred weights as `save_pretrained` leaves it, with a card."""
    torch.manual_seed(seed)
    VideoMAEForVideoClassification(VideoMAEConfig(**SIZE)).save_pretrained(folder)
    VideoMAEVideoProcessor().save_pretrained(folder)
    (folder / "README.md").write_text(CARD)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return saved(tmp_path / "model")


@pytest.fixture
def lab(hub: Hub) -> Hub:
    """`keeper` of the organisation `lab` is signed in."""
    hub.user("keeper")
    hub.organisation("lab", "keeper")
    hub.sign_in("keeper")
    return hub


def held(hub: Hub) -> dict[str, bytes]:
    files = hub.repository(NAME, "model").files()
    del files[".gitattributes"]
    return files


def test_transformers_opens_what_was_pushed(lab: Hub, model: Path) -> None:
    done = push_model(model, NAME, private=False, tag="v1.0.0")
    assert done.created and done.page == f"{lab.endpoint}/{NAME}"
    assert held(lab) == {path.name: path.read_bytes() for path in model.iterdir()}
    repository = lab.repository(NAME, "model")
    assert repository.tags == {"v1.0.0": done.commit} and len(repository.commits) == 2
    there = AutoModelForVideoClassification.from_pretrained(NAME)
    here = AutoModelForVideoClassification.from_pretrained(model)
    assert all(
        torch.equal(a, b) for a, b in zip(there.parameters(), here.parameters(), strict=True)
    )


def test_again_and_anew(lab: Hub, model: Path, tmp_path: Path) -> None:
    first = push_model(model, NAME, tag="v1.0.0")
    again = push_model(model, NAME, tag="v1.0.0")
    assert again.sent == () and again.commit == first.commit
    assert lab.repository(NAME, "model").private
    later = saved(tmp_path / "later", seed=1)
    assert push_model(later, NAME, dry_run=True).sent == ("model.safetensors",)
    assert held(lab)["model.safetensors"] == (model / "model.safetensors").read_bytes()
    with pytest.raises(HubError, match=r"tag 'v1\.0\.0' of lab/tiny is another commit's"):
        push_model(later, NAME, tag="v1.0.0")
    done = push_model(later, NAME, tag="v1.1.0")
    assert lab.repository(NAME, "model").tags == {"v1.0.0": first.commit, "v1.1.0": done.commit}


def test_old_weights_go(lab: Hub, model: Path) -> None:
    first = model / "model.safetensors"
    first.rename(model / "model-00001-of-00001.safetensors")
    index = {"metadata": {}, "weight_map": {"a": "model-00001-of-00001.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    push_model(model, NAME)
    (model / "model-00001-of-00001.safetensors").rename(first)
    (model / "model.safetensors.index.json").unlink()
    done = push_model(model, NAME)
    assert done.sent == ("model.safetensors",) and len(done.removed) == 2
    assert held(lab).keys() == {path.name for path in model.iterdir()}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", None, r"config\.json is missing"),
        ("config.json", "{", "no JSON object"),
        ("config.json", "{}", "names no model_type"),
        ("config.json", '{"model_type": "x", "auto_map": {}}', "trust_remote_code"),
        ("video_preprocessor_config.json", None, r"video_preprocessor_config\.json is missing"),
        ("video_preprocessor_config.json", "[]", "no JSON object"),
        ("README.md", None, r"README\.md is missing"),
        ("README.md", "# Tiny", "does not say: license, library_name, pipeline_tag, tags"),
        ("README.md", CARD.replace("video-class", "image-class"), "it is video-classification"),
        ("README.md", CARD.removesuffix("\n# Tiny\n"), "has no text"),
        ("README.md", CARD.replace("license:", "- :"), "cannot be read"),
        ("model.safetensors", None, r"no weights: \*\.safetensors"),
        ("model.safetensors", "torn", r"model\.safetensors is damaged"),
        ("model.safetensors.index.json", '{"weight_map": {"a": "b.safetensors"}}',
         r"names b\.safetensors, which is missing"),
        ("pytorch_model.bin", "x", r"pytorch_model\.bin may run code"),
        ("training_args.bin", "x", "what belongs to training"),
        ("deep/optimizer.PT", "x", r"deep/optimizer\.PT may run code"),
        ("x.pkl", "x", r"x\.pkl may run code"),
        ("last.ckpt", "x", r"last\.ckpt may run code"),
        ("modeling_x.py", "x", r"modeling_x\.py is no file of a model"),
    ],
)  # fmt: skip
def test_what_is_refused(lab: Hub, model: Path, name: str, content: str | None, words: str) -> None:
    assert problems(model) == []
    if content is None:
        (model / name).unlink()
    else:
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_text(content)
    with pytest.raises(HubError, match=words):
        push_model(model, NAME)
    assert not lab.repositories and not lab.log


def test_a_folder_that_is_not_there(lab: Hub, tmp_path: Path) -> None:
    with pytest.raises(HubError, match="There is no such folder"):
        push_model(tmp_path / "none", NAME)


def test_hidden_files_stay_here(lab: Hub, model: Path) -> None:
    (model / ".env").write_text("HF_TOKEN=hf_secret")
    (model / ".git").mkdir()
    (model / ".git/config").write_text("secret")
    push_model(model, NAME)
    assert not any(b"secret" in content for content in held(lab).values())


@pytest.mark.parametrize("place", ["/commit/", "/lfs/", "/tag/"])
def test_the_same_command_finishes(lab: Hub, model: Path, place: str) -> None:
    lab.fail(faults.EXPIRED_TOKEN, lambda call: place in call.path)
    with pytest.raises(HubError) as caught:
        push_model(model, NAME, tag="v1.0.0")
    assert "hf_" not in str(caught.value)
    push_model(model, NAME, tag="v1.0.0")
    assert held(lab).keys() == {path.name for path in model.iterdir()}
    assert lab.repository(NAME, "model").tags.keys() == {"v1.0.0"}
    assert len(lab.repository(NAME, "model").commits) == 2


def test_the_command(lab: Hub, model: Path) -> None:
    runner = CliRunner()
    look = runner.invoke(main, ["push-model", str(model), NAME, "--dry-run"])
    assert look.exit_code == 0 and "would send  config.json" in look.stdout, look.output
    done = runner.invoke(main, ["push-model", str(model), NAME, "--tag", "v1.0.0", "--json"])
    told = json.loads(done.stdout)
    assert told["created"] and told["commit"] == lab.repository(NAME, "model").head
    (model / "x.pt").write_text("x")
    refused = runner.invoke(main, ["push-model", str(model), NAME])
    assert refused.exit_code == 1 and refused.stderr.startswith("equime: ")
