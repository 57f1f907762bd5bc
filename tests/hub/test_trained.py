"""What `equime train` wrote, published, and used again by its name on the Hub."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

import equime_hub
from equime_hub.cli import main
from tests.commands.test_train import SMALL
from tests.support.hub_server.hub import Hub


def call(*arguments: str | Path) -> str:
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_trained_model_is_published_read_and_trained_on(lab: Hub, built: Path) -> None:
    recipe = ("--epochs", "1", "--selection", "last")
    call("train", "--data", built, *SMALL, *recipe, "--out", "run")
    call("push-model", "run/model", "lab/small")
    (video,) = equime_hub.load(built, split="test[:1]")["video"]
    Path("clip.mp4").write_bytes(video.encoded)
    here, there = (
        json.loads(call("predict", "clip.mp4", "--model", name, "--json"))["videos"][0]
        for name in ("run", "lab/small")
    )
    assert here["probabilities"] == there["probabilities"] and len(here["probabilities"]) == 5
    call("train", "--data", built, "--init", "lab/small", "--label-map", "emotion_3", *recipe,
         "--cpu", "--batch-size", "8", "--out", "tuned")  # fmt: skip
    card = Path("tuned/model/README.md").read_text(encoding="utf-8")
    assert "base_model: lab/small" in card
    assert "It started from the weights of lab/small." in card
    call("train", "--data", built, "--init", "run", *recipe, "--cpu", "--batch-size", "8", "--out",
         "again")  # fmt: skip
    card = Path("again/model/README.md").read_text(encoding="utf-8")
    assert "It started from weights that were trained on drawn." in card
    assert "base_model" not in card
