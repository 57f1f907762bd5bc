from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch

from equime_hub.builder.backends.ltx import LtxBackend, LtxConfig
from equime_hub.builder.backends.ltx.pipeline import find, fitting
from equime_hub.errors import BackendError
from tests.builder.backends.ltx.test_ltx import Models, config, differing, rendered
from tests.support import tiny_ltx as tiny
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.store import Refusal

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def copy(models: Models, tmp_path: Path) -> Path:
    """A model folder that may be damaged."""
    return Path(shutil.copytree(models["image"], tmp_path / "copy"))


@pytest.fixture
def cached(models: Models) -> Iterator[str]:
    """A model in the Hub's cache: `main` is one commit, the tag `v1` another."""
    home = Path(huggingface_hub.constants.HF_HUB_CACHE) / "models--toy--ltx"
    shutil.copytree(models["image"], home / "snapshots" / COMMIT)
    tiny.save(home / "snapshots" / COMMIT[::-1], seed=1)
    (home / "refs").mkdir()
    (home / "refs" / "v1").write_text(COMMIT)
    (home / "refs" / "main").write_text(COMMIT[::-1])
    yield "toy/ltx"
    shutil.rmtree(home)


def edit(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("name", "downsampling", "expected"),
    [
        ("LTXPipeline", "conv", "LTXImageToVideoPipeline"),
        ("LTXPipeline", "spatial", "LTXConditionPipeline"),
        ("LTXImageToVideoPipeline", "conv", "LTXImageToVideoPipeline"),
        ("LTXConditionPipeline", "conv", "LTXConditionPipeline"),
    ],
)
def test_the_pipeline_follows_from_the_model(
    copy: Path, name: str, downsampling: str, expected: str
) -> None:
    edit(copy / "model_index.json", _class_name=name)
    edit(copy / "vae/config.json", downsample_type=[downsampling] * 4)
    assert find(LtxConfig(model=str(copy))).pipeline == expected


def test_a_model_of_the_hub_is_pinned_to_its_commit(cached: str, models: Models) -> None:
    expected = rendered([tiny.job(0)], config(models["image"]))
    for revision, commit in (("v1", COMMIT), (None, COMMIT[::-1]), (COMMIT, COMMIT)):
        backend = LtxBackend(config(Path(cached), revision=revision))
        made = [clip.frames for clip in backend.render([tiny.job(0)])]
        assert (differing(made, expected) == 0) == (commit == COMMIT)
        assert (backend.generation.model_id, backend.generation.model_revision) == (cached, commit)


def test_offline_without_cache(cached: str) -> None:
    with pytest.raises(BackendError, match="toy/other is not in the cache and the Hub cannot"):
        find(LtxConfig(model="toy/other"))
    with pytest.raises(BackendError, match="toy/ltx at revision 'v2' is not in the cache"):
        find(LtxConfig(model=cached, revision="v2"))


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("RevisionNotFound", 404, "toy/new has no revision 'v9'; name a branch, a tag or a commit"),
        ("RepoNotFound", 404, "There is no model toy/new on the Hub"),
        ("GatedRepo", 403, "toy/new is gated: accept its terms"),
        ("EntryNotFound", 404, "toy/new is no LTX-Video model .* it has no model_index.json"),
    ],
)
def test_what_the_hub_refuses(hub: Hub, code: str, status: int, message: str) -> None:
    hub.fail(Refusal(status, "no", code), times=9)
    with pytest.raises(BackendError, match=message):
        find(LtxConfig(model="toy/new", revision="v9"))


def test_names_that_are_no_model(copy: Path) -> None:
    with pytest.raises(BackendError, match="neither a folder nor the id of a model"):
        find(LtxConfig(model="./no/such/folder"))
    with pytest.raises(BackendError, match="is a folder and has no revision 'v1'"):
        find(LtxConfig(model=str(copy), revision="v1"))
    with pytest.raises(BackendError, match=r"it has no model_index\.json"):
        find(LtxConfig(model=str(copy.parent)))


@pytest.mark.parametrize("file", ["model_index.json", "transformer/config.json"])
def test_another_kind_of_model(copy: Path, file: str) -> None:
    edit(copy / file, _class_name="FluxThing")
    with pytest.raises(BackendError, match=r"is no LTX-Video model: .*FluxThing"):
        find(LtxConfig(model=str(copy)))


def test_damaged_json(copy: Path) -> None:
    (copy / "model_index.json").write_text("{")
    with pytest.raises(BackendError, match=r"model_index\.json is no readable JSON"):
        find(LtxConfig(model=str(copy)))


@pytest.mark.parametrize("part", ["transformer", "vae", "text_encoder"])
def test_missing_and_damaged_weights(copy: Path, part: str) -> None:
    weights = next((copy / part).glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(BackendError, match="copy cannot be loaded: "):
        rendered([tiny.job(0)], config(copy))
    weights.unlink()
    with pytest.raises(BackendError, match=f"lacks the weights {part}/"):
        LtxBackend(config(copy)).check(tiny.job(0).spec)


def test_one_of_several_weight_files_missing(copy: Path) -> None:
    index = {"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}}
    (copy / "vae/model.safetensors.index.json").write_text(json.dumps(index))
    (copy / "vae/part-1.safetensors").touch()
    with pytest.raises(BackendError, match=r"lacks the weights vae/part-2\.safetensors"):
        find(LtxConfig(model=str(copy)))


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_large_model_on_a_cpu_must_be_asked_for(copy: Path) -> None:
    shape = {"num_layers": 28, "num_attention_heads": 32, "attention_head_dim": 64}
    edit(copy / "transformer/config.json", **shape)
    with pytest.raises(BackendError, match=r"no CUDA device here for copy \(1\.9 billion"):
        LtxBackend(config(copy)).check(tiny.job(0).spec)
    LtxBackend(config(copy, device="cpu")).check(tiny.job(0).spec)
    with pytest.raises(BackendError, match="There is no CUDA device here"):
        LtxBackend(config(copy, device="cuda")).check(tiny.job(0).spec)


def test_other_weights_are_another_revision(copy: Path, models: Models, tmp_path: Path) -> None:
    other = tiny.save(tmp_path / "other", seed=1)
    revisions = [find(config(folder)).revision for folder in (models["image"], copy, other)]
    assert revisions[0] == revisions[1] != revisions[2]


def test_batch_size_for_free_memory(copy: Path) -> None:
    shape = {"num_layers": 28, "num_attention_heads": 32, "attention_head_dim": 64}
    edit(copy / "transformer/config.json", **shape)
    model, stored = find(config(copy)), LtxConfig(embeddings=Path("some.safetensors"))
    clip = (256, 256, 161)
    assert fitting(141e9, LtxConfig(), model, *clip) == 8
    assert fitting(24e9, LtxConfig(), model, *clip) == 8
    assert fitting(8e9, stored, model, *clip) in (2, 4)
    assert fitting(24e9, stored, model, 512, 512, 161) == 8
    assert fitting(16e9, stored, model, 512, 512, 161) in (2, 4)
    with pytest.raises(BackendError, match=r"8\.0 GB of free GPU memory .* for T5.*--embeddings"):
        fitting(8e9, LtxConfig(), model, *clip)
    with pytest.raises(BackendError, match="try smaller clips"):
        fitting(8e9, stored, model, 1024, 1024, 161)
