from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from equime_hub.builder.backends.ltx import LtxBackend, LtxConfig, encode_prompts
from equime_hub.builder.backends.ltx.embeddings import EmbeddingStore
from equime_hub.builder.backends.ltx.pipeline import find
from equime_hub.errors import BackendError
from tests.builder.backends.ltx.test_ltx import Models, config, differing, rendered
from tests.support import tiny_ltx as tiny

JOBS = [tiny.job(seed) for seed in range(4)]
PROMPTS = [text for job in JOBS for text in (job.spec.prompt, job.spec.negative_prompt)]


def encoded(settings: LtxConfig, out: Path) -> LtxConfig:
    encode_prompts(settings, PROMPTS, out)
    return replace(settings, embeddings=out)


@pytest.mark.parametrize("kind", ["image", "condition"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_clips_from_stored_embeddings_are_bit_identical(
    models: Models, tmp_path: Path, kind: str, dtype: str
) -> None:
    settings = config(models[kind], batch_size=4, dtype=dtype)
    stored = encoded(settings, tmp_path / "prompts.safetensors")
    assert differing(rendered(JOBS, stored), rendered(JOBS, settings)) == 0


def test_the_text_encoder_is_not_needed_then(models: Models, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(models["image"], tmp_path / "half"))
    stored = encoded(config(folder, batch_size=4), tmp_path / "prompts.safetensors")
    expected = rendered(JOBS, stored)
    shutil.rmtree(folder / "text_encoder")
    shutil.rmtree(folder / "tokenizer")
    assert differing(rendered(JOBS, stored), expected) == 0
    with pytest.raises(BackendError, match="lacks the weights text_encoder/"):
        LtxBackend(replace(stored, embeddings=None)).check(JOBS[0].spec)


def test_encoding_counts_distinct_prompts_and_is_repeatable(models: Models, tmp_path: Path) -> None:
    settings, seen = config(models["image"]), []
    files = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    count = encode_prompts(settings, PROMPTS, files[0], lambda *done: seen.append(done))
    assert count == len(set(PROMPTS)) == 6
    assert seen == [(number, 6) for number in range(7)]
    encode_prompts(settings, PROMPTS[::-1], files[1])
    assert files[0].read_bytes() == files[1].read_bytes()
    origin = EmbeddingStore(files[0]).origin
    assert origin.revision == find(settings).revision
    assert (origin.max_sequence_length, origin.dtype) == (128, "float32")


def test_the_length_is_the_pipelines_own_or_as_asked(models: Models, tmp_path: Path) -> None:
    for kind, asked, length in (("image", None, 128), ("condition", None, 256), ("image", 72, 72)):
        out = tmp_path / f"{kind}{asked}.safetensors"
        stored = EmbeddingStore(
            encoded(config(models[kind], max_sequence_length=asked), out).embeddings or out
        )
        embedding = stored.get(PROMPTS[0])
        assert embedding.tokens.shape == (length, 32)
        assert embedding.mask.dtype == torch.bool
        assert 0 < embedding.mask.sum() < length


def test_words_that_would_be_lost_are_named(models: Models, tmp_path: Path) -> None:
    settings = config(models["image"], max_sequence_length=51)
    first, third = (
        replace(job, spec=replace(job.spec, negative_prompt="blurry")) for job in JOBS[0:3:2]
    )
    rendered([first], settings)
    long = replace(third, spec=replace(third.spec, prompt=f"{first.spec.prompt} still face"))
    with pytest.raises(
        BackendError, match="has 53 tokens and the model reads 51: it would lose “still face”"
    ):
        rendered([long], settings)
    with pytest.raises(BackendError, match="would lose"):
        encode_prompts(settings, [long.spec.prompt], tmp_path / "out.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_prompt_that_is_not_stored(models: Models, tmp_path: Path) -> None:
    stored = encoded(config(models["image"]), tmp_path / "prompts.safetensors")
    backend, stranger = LtxBackend(stored), tiny.job(7)
    backend.check(JOBS[0].spec)
    with pytest.raises(BackendError, match=r"has no embedding of “A professional .*equime prompts"):
        backend.check(stranger.spec)
    # Without guidance nobody asks for the negative prompt.
    spec = replace(JOBS[0].spec, negative_prompt="something else")
    LtxBackend(replace(stored, guidance_scale=1.0)).check(spec)
    with pytest.raises(BackendError, match="no embedding of “something else”"):
        backend.check(spec)


def test_embeddings_of_something_else(models: Models, tmp_path: Path) -> None:
    stored = encoded(config(models["image"]), tmp_path / "prompts.safetensors")
    for other, message in (
        (replace(stored, dtype="bfloat16"), "with dtype float32, this build has dtype bfloat16"),
        (replace(stored, max_sequence_length=64), "max_sequence_length 128, this build has .* 64"),
        (replace(stored, model=str(tiny.save(tmp_path / "other", seed=1))), "with revision sha256"),
    ):
        with pytest.raises(BackendError, match=message):
            LtxBackend(other).check(JOBS[0].spec)


def test_no_file_of_embeddings(models: Models, tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    weights = next((models["image"] / "vae").glob("*.safetensors"))
    for path in (tmp_path / "missing.safetensors", broken, weights):
        with pytest.raises(BackendError, match="is no readable file of prompt embeddings"):
            LtxBackend(config(models["image"], embeddings=path)).check(JOBS[0].spec)
