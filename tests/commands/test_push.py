"""`equime push` and `equime append`."""

from __future__ import annotations

import json
import logging
import traceback
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from equime_hub import checksums
from equime_hub.cli import main
from equime_hub.errors import NotSignedInError
from tests.support.hub_data import generation
from tests.support.hub_server import faults
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.store import Refusal


@pytest.fixture(scope="session")
def more(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second generation for `built`."""
    return generation(tmp_path_factory.mktemp("more") / "more", 3, seed=5)


@pytest.fixture
def token(hub: Hub) -> str:
    """Of keeper, who is signed in and keeps the organisation lab."""
    made = hub.user("keeper")
    hub.organisation("lab", "keeper")
    hub.sign_in("keeper")
    return made


def equime(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_push_and_append(hub: Hub, token: str, built: Path, more: Path) -> None:
    planned = equime("push", built, "lab/equime", "--dry-run")
    assert planned.exit_code == 0, planned.output
    assert {line.split()[1] for line in planned.stdout.splitlines()} == {
        *checksums.read(built),
        "releases.json",
        "SHA256SUMS",
    }
    assert "would be sent to lab/equime as v1.0.0" in planned.stderr
    assert hub.repositories == {}

    pushed = equime("push", built, "lab/equime", "--public", "--note", "The first clips")
    assert pushed.exit_code == 0, pushed.output
    assert pushed.stdout == f"{hub.endpoint}/datasets/lab/equime\n"
    assert 'load_dataset("lab/equime", split="train", revision="v1.0.0")' in pushed.stderr
    again = equime("push", built, "lab/equime")
    assert "is there already" in again.stderr and again.exit_code == 0

    appended = equime("append", more, "lab/equime", "--json", "--no-images")
    assert appended.exit_code == 0, appended.output
    report = json.loads(appended.stdout)
    assert (report["outcome"], report["release"]["tag"]) == ("published", "v1.1.0")
    assert report["bytes"] == sum(file["bytes"] for file in report["files"])
    assert list(hub.repository("lab/equime").tags) == ["v1.0.0", "v1.1.0"]
    assert hub.readable_without_grant() == []


def test_a_dataset_that_leaks_or_is_damaged_stays_here(hub: Hub, token: str, dataset: Path) -> None:
    shard = next(dataset.glob("data/*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    refused = equime("push", dataset, "lab/equime", "--no-images")
    assert refused.exit_code == 1
    assert "is not sound, and nothing was sent" in refused.stderr
    assert hub.repositories == {}


@pytest.mark.parametrize("command", ["push", "append"])
def test_wrong_calls(command: str, built: Path) -> None:
    assert equime(command).exit_code == 2
    assert equime(command, built).exit_code == 2
    offline = equime(command, built, "lab/equime")
    assert offline.exit_code == 1 and offline.stderr.startswith("equime: ")
    missing = equime(command, "nowhere", "lab/equime")
    assert missing.exit_code == 1 and "no finished dataset" in missing.stderr


def test_public_and_pr_exclude_each_other(built: Path) -> None:
    assert equime("push", built, "lab/equime", "--public", "--pr").exit_code == 2


def test_the_token_is_never_shown_or_written(
    hub: Hub,
    token: str,
    built: Path,
    more: Path,
    caplog: pytest.LogCaptureFixture,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    for name in ("", "huggingface_hub", "httpx2", "httpcore2"):
        caplog.set_level(logging.DEBUG, name)
    hub.fail(faults.EXPIRED_TOKEN, lambda call: "/preupload/" in call.path)
    debugged = equime("--debug", "push", built, "lab/equime", "--no-images")
    assert isinstance(debugged.exception, NotSignedInError)
    pushed = equime("push", built, "lab/equime", "--no-images", "--json")
    appended = equime("append", more, "lab/equime", "--no-images")
    assert pushed.exit_code == appended.exit_code == 0
    assert "(authenticated: True)" in caplog.text
    assert token not in caplog.text

    repeats = Refusal(400, f"Authorization: Bearer {token} is bad")
    hub.fail(repeats, lambda call: "/refs" in call.path)
    repeated = equime("push", built, "lab/equime")
    assert "Bearer hf_*** is bad" in repeated.stderr
    said = "".join(result.output for result in (debugged, repeated, pushed, appended))
    assert token not in said + "".join(traceback.format_exception(debugged.exception))
    for path in tmp_path_factory.getbasetemp().rglob("*"):
        assert not path.is_file() or token.encode() not in path.read_bytes(), path
