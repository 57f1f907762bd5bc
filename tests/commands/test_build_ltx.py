"""`equime build --backend ltx` with a tiny model, as a person would call it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from datasets import load_dataset
from PIL import Image
from skimage import data

from equime_hub.builder import plan as plans
from equime_hub.builder.backends.ltx import PRESETS, LtxBackend
from equime_hub.cli import main
from tests.conftest import sums
from tests.support import tiny_ltx as tiny

TEXTS = ("prompt", "negative_prompt")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    tiny.save(tmp_path / "model", "image")
    return tmp_path / "model"


def plan() -> None:
    Path("photos").mkdir()
    Image.fromarray(data.astronaut()).save("photos/astronaut.png")
    options = ["--size", "64", "--frames", "17", "--fps", "50", "--repeats", "2"]
    done = CliRunner().invoke(main, ["plan", "--faces", "photos", *options])
    assert done.exit_code == 0, done.output


def call(model: Path, out: str) -> list[str]:
    options = ["--backend", "ltx", "--model", str(model), "--preset", "tiny", "--shard-size", "1"]
    return ["build", "plan.parquet", "--out", out, "--workers", "1", *options]


def test_a_photograph_becomes_a_dataset_whose_rows_say_how(model: Path) -> None:
    plan()
    done = CliRunner().invoke(main, [*call(model, "equime"), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["made"] == 10
    rows = load_dataset("equime", split="train")
    assert len(rows) == 10
    row = rows[0]
    assert tuple(row["video"][:].shape) == (17, 3, 64, 64)
    assert row["generator"] == "ltx (tiny: 2 steps)"
    assert row["model_id"] == "model" and len(row["model_revision"]) > 10
    assert (row["steps"], row["batch_size"], row["guidance_scale"]) == (2, 4, 3.0)
    assert row["seed"] > 0
    assert "lip corners rise" in row["prompt"]
    assert "camera shake" in row["negative_prompt"]
    assert "diffusers " in row["software"] and "torch " in row["software"]
    # Where the model lies is nobody's business, and may change.
    assert str(model.parent) not in Path("equime/build.json").read_text()
    Path("elsewhere").mkdir()
    moved = model.rename(Path("elsewhere/model").absolute())
    again = CliRunner().invoke(main, call(moved, "equime"))
    assert again.exit_code == 0, again.output
    assert "0 made now" in again.stdout


def build(model: Path, out: str, *more: str) -> None:
    done = CliRunner().invoke(main, [*call(model, out), *more])
    assert done.exit_code == 0, done.output


def test_prompts_encoded_elsewhere_make_the_same_bytes_without_t5(model: Path) -> None:
    plan()
    build(model, "here")
    assert not list(Path("here").rglob("prompts*"))
    options = ["--model", str(model), "--preset", "tiny", "--out", "prompts.safetensors"]
    done = CliRunner().invoke(main, ["prompts", "encode", "plan.parquet", *options, "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    rows = load_dataset("here", name="metadata")
    texts = {row[name] for split in rows.values() for row in split for name in TEXTS}
    assert said["prompts"] == len(texts) > 4
    assert said["bytes"] == Path("prompts.safetensors").stat().st_size
    shutil.rmtree(model / "text_encoder")
    shutil.rmtree(model / "tokenizer")
    build(model, "there", "--embeddings", "prompts.safetensors")
    assert sums(Path("here")) == sums(Path("there"))


def test_prompts_are_encoded_once_and_found_again(model: Path) -> None:
    plan()
    backend = LtxBackend(replace(PRESETS["tiny"].config, model=str(model)))
    specs = plans.read(Path("plan.parquet")).specs
    seen: list[int] = []
    first = backend.prepared(specs[:2], Path(), lambda done, total: seen.append(total))
    assert seen and first.config.embeddings == Path("prompts.safetensors")
    before = Path("prompts.safetensors").stat().st_mtime_ns
    again = backend.prepared(specs[:1], Path(), lambda done, total: seen.append(-1))
    assert again == first and -1 not in seen
    assert Path("prompts.safetensors").stat().st_mtime_ns == before
    backend.prepared(specs, Path())  # now some are missing
    assert Path("prompts.safetensors").stat().st_mtime_ns > before
    assert first.prepared(specs, Path()) is first


def test_the_batch_size_is_decided_once(model: Path) -> None:
    plan()
    build(model, "auto", "--batch-size", "auto")
    assert load_dataset("auto", name="metadata", split="train")["batch_size"][0] == 4
    done = CliRunner().invoke(main, [*call(model, "auto"), "--batch-size", "auto"])
    assert "Batch size 4." in done.stderr and "0 made now" in done.stdout
    wrong = CliRunner().invoke(main, [*call(model, "auto"), "--batch-size", "0"])
    assert wrong.exit_code == 2
    assert "neither a number of at least 1 nor 'auto'" in wrong.stderr


@pytest.mark.slow
def test_killed_and_resumed_it_is_byte_identical(model: Path) -> None:
    plan()
    command = [sys.executable, "-m", "equime_hub", *call(model, "out")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(Path("out").glob(".building/*.json")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(Path("out").glob(".building/*.json")), "it was not interrupted half way"
    subprocess.run(command, check=True, capture_output=True)
    command[6] = "reference"
    subprocess.run(command, check=True, capture_output=True)
    assert sums(Path("out")) == sums(Path("reference"))


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--backend", "ltx", "--model", "nowhere"], 1, "nowhere"),
        (["--preset", "tiny"], 2, "are for --backend ltx"),
        (["--backend", "ltx", "--preset", "quick"], 2, "'quick'"),
        (["--backend", "ltx", "--engine", "ray", "--device", "cuda:1"], 2, "see one GPU each"),
        (["--address", "10.0.0.1:6379"], 2, "is for --engine ray"),
    ],
)
def test_a_wrong_call_is_a_sentence(options: list[str], code: int, sentence: str) -> None:
    plan()
    done = CliRunner().invoke(main, ["build", "plan.parquet", *options])
    assert done.exit_code == code, done.output
    assert sentence in done.stderr
    assert not Path("equime").exists()
