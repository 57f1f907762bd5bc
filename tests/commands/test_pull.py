"""`equime pull`."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from equime_hub.cli import main
from tests.support.hub_server.hub import Hub
from tests.support.pushed import NAME, files, gated, let_in, release


def test_pull(hub: Hub, built: Path, tmp_path: Path) -> None:
    gated(hub, files(built))
    runner = CliRunner()
    refused = runner.invoke(main, ["pull", NAME])
    assert refused.exit_code == 1 and refused.stdout == ""
    assert "hf auth login" in refused.stderr and f"/datasets/{NAME}" in refused.stderr
    assert not Path("equime").exists()

    let_in(hub)
    done = runner.invoke(main, ["pull", NAME])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"equime: {NAME} at ") and "copied" in done.stderr
    assert files(Path("equime")) == files(built)
    assert runner.invoke(main, ["verify", "equime"]).exit_code == 0

    again = runner.invoke(main, ["pull", NAME, "--revision", "v1.0.0", "--json"])
    told = json.loads(again.stdout)
    assert told["fetched"] == [] and told["folder"] == "equime" and told["num_bytes"] == 0

    release(hub, {**files(built), "LICENSE": b"x"})
    hub.sign_in("reader")
    labels = runner.invoke(main, ["pull", NAME, "--config", "metadata", "--out", "labels"])
    assert labels.exit_code == 0 and not Path("labels/data").exists()
    assert not any("hf_" in text for text in (refused.output, done.output, labels.output))


def test_calls_that_are_wrong(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(main, ["pull", NAME, "--config", "videos"]).exit_code == 2
    assert runner.invoke(main, ["pull"]).exit_code == 2
    named = runner.invoke(main, ["pull", "equime"])
    assert named.exit_code == 1 and "give it as ORG/NAME" in named.stderr


def test_out_of_reach(hub: Hub) -> None:
    hub.stop()
    done = CliRunner().invoke(main, ["pull", NAME])
    assert done.exit_code == 1 and "cannot be reached" in done.stderr
