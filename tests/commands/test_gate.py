"""`equime gate`, by the real client."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result
from huggingface_hub import CommitOperationAdd, HfApi

from equime_hub.cli import main
from tests.support.forms import LAB
from tests.support.hub_server.hub import Hub


def gate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["gate", *arguments])


@pytest.fixture
def lab(hub: Hub) -> Hub:
    """A private repository with a card and no gate; its keeper is signed in."""
    hub.user("keeper")
    hub.user("anna")
    hub.organisation("lab", "keeper")
    hub.sign_in("keeper")
    HfApi().create_repo(LAB, repo_type="dataset", private=True)
    card = CommitOperationAdd("README.md", b"---\nlicense: mit\n---\n# Numbers\n")
    HfApi().create_commit(LAB, [card], commit_message="card", repo_type="dataset")
    return hub


def test_off_then_on(lab: Hub) -> None:
    before = gate("status", LAB)
    assert before.exit_code == 1
    assert "open to everybody" in before.stdout
    assert "asks no questions" in before.stdout
    assert "`equime gate on lab/equime` mends that." in before.stderr

    done = gate("on", LAB)
    assert done.exit_code == 0, done.output
    assert "in one commit" in done.stderr
    assert "a person answers every request" in done.stdout

    after = gate("status", LAB, "--json")
    assert after.exit_code == 0
    assert json.loads(after.stdout) == {
        "repository": LAB, "exists": True, "private": True, "gated": "manual", "form": "current",
        "waiting": 0, "closed": True,
    }  # fmt: skip
    again = gate("on", LAB, "--json")
    assert json.loads(again.stdout)["card_written"] is False


def test_requests_that_wait_are_counted(lab: Hub) -> None:
    gate("on", LAB)
    HfApi().update_repo_settings(LAB, repo_type="dataset", private=False)
    lab.ask("anna", LAB)
    found = gate("status", LAB)
    assert "seen by  everybody" in found.stdout
    assert "waiting  1 request\n" in found.stdout


def test_what_is_not_there_or_not_ones_own(lab: Hub) -> None:
    missing = gate("status", "lab/nothing")
    assert missing.exit_code == 1
    assert missing.stdout == (
        "lab/nothing: there is no such dataset, or it is private to others.\n"
    )
    assert "mends that" not in missing.stderr
    assert "no dataset repository lab/nothing" in gate("on", "lab/nothing").stderr
    for name in ("nothing", "a/b/c", ""):
        for command in ("on", "status"):
            refused = gate(command, name)
            assert refused.exit_code == 1
            assert refused.stderr == (
                f"equime: {name!r} is no name of a repository: give it as ORG/NAME.\n"
            )
    gate("on", LAB)
    HfApi().update_repo_settings(LAB, repo_type="dataset", private=False)
    for user in ("anna", None):
        lab.sign_in(user)
        seen = gate("status", LAB)
        assert seen.exit_code == 0, seen.output
        assert "waiting" not in seen.stdout
        assert gate("on", LAB).exit_code == 1
    lab.stop()
    assert "cannot be reached" in gate("status", LAB).stderr
