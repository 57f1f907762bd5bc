"""Metrics as Spaces, opened by the real `evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from huggingface_hub import HfApi

from equime_hub import metrics
from equime_hub.cli import main
from equime_hub.errors import HubError, MetricError, NotGrantedError, NotSignedInError
from equime_hub.hub.metric import push_metric
from tests.support.hub_server import faults
from tests.support.hub_server.hub import Hub

NAME = "lab/uf1"
SCORE = """
import sys
import evaluate
clips = dict(references=[0, 0, 0, 1, 2], predictions=[0, 0, 1, 1, 1])
assert "equime_hub" not in sys.modules
sys.modules["equime_hub"] = None  # as if this package were not there
result = evaluate.load("lab/uf1").compute(**clips)
"""


@pytest.fixture
def lab(hub: Hub) -> Hub:
    """`keeper` of the organisation `lab` is signed in."""
    hub.user("keeper")
    hub.user("reader")
    hub.organisation("lab", "keeper")
    hub.sign_in("keeper")
    return hub


def held(hub: Hub, name: str = NAME) -> dict[str, bytes]:
    files = hub.repository(name, "space").files()
    del files[".gitattributes"]
    return files


def test_evaluate_opens_what_was_pushed(lab: Hub) -> None:
    done = push_metric("uf1", NAME, private=False)
    folder = Path(metrics.path("uf1"))
    files = held(lab)
    assert done.created and set(done.sent) == files.keys()
    assert files["scores.py"] == (folder.parent / "scores.py").read_bytes()  # no link any more
    assert files["README.md"].startswith(b"---\n") and b"sdk: gradio" in files["README.md"]
    assert not any("__pycache__" in name for name in files)
    assert len(lab.repository(NAME, "space").commits) == 2
    assert lab.python(SCORE).result == {"uf1": 0.43333333333333335}
    asked = [call.path for call in lab.log if call.path.endswith("/uf1.py")]
    assert asked[0].endswith("resolve/v0.4.6/uf1.py") and asked[-1].endswith("main/uf1.py")


def test_again_without_a_change(lab: Hub) -> None:
    first = push_metric("uf1", NAME)
    assert lab.repository(NAME, "space").private
    again = push_metric("uf1", NAME)
    assert not again.created and again.sent == () == again.removed
    assert again.commit == first.commit == lab.repository(NAME, "space").head
    assert push_metric("uf1", NAME, private=False).sent == ()
    assert not lab.repository(NAME, "space").private


def test_only_what_changed(lab: Hub) -> None:
    push_metric("uf1", NAME)
    before = held(lab)
    for name, content in {"scores.py": b"old", "gone.py": b"old", "figure.png": b"mine"}.items():
        HfApi().upload_file(
            path_or_fileobj=content, path_in_repo=name, repo_id=NAME, repo_type="space"
        )
    assert push_metric("uf1", NAME, dry_run=True).sent == ("scores.py",)
    done = push_metric("uf1", NAME)
    assert done.sent == ("scores.py",) and done.removed == ("gone.py",)
    assert held(lab) == {**before, "figure.png": b"mine"}


def test_looking_changes_nothing(lab: Hub) -> None:
    done = push_metric("uf1", NAME, dry_run=True)
    assert done.created and done.commit is None and "uf1.py" in done.sent
    assert not lab.repositories and {call.method for call in lab.log} == {"GET"}


def test_what_is_refused(lab: Hub) -> None:
    with pytest.raises(MetricError, match="no metric 'f1'"):
        push_metric("f1", "lab/f1")
    with pytest.raises(MetricError, match=r"must be called ORG/uf1, not 'lab/macro'"):
        push_metric("uf1", "lab/macro")
    with pytest.raises(HubError, match="give it as ORG/NAME"):
        push_metric("uf1", "uf1")
    HfApi().create_repo(NAME, repo_type="space", space_sdk="gradio")
    HfApi().upload_file(
        path_or_fileobj=b"1", path_in_repo="game.py", repo_id=NAME, repo_type="space"
    )
    with pytest.raises(HubError, match=r"holds something else .*game\.py"):
        push_metric("uf1", NAME)
    lab.sign_in("reader")
    with pytest.raises(NotGrantedError, match="token"):
        push_metric("uar", "lab/uar")
    lab.sign_in(None)
    with pytest.raises(NotSignedInError):
        push_metric("uar", "lab/uar")
    assert ("space", "lab/uar") not in lab.repositories


@pytest.mark.parametrize("fault", [faults.STALE_PARENT, faults.EXPIRED_TOKEN])
def test_the_same_command_finishes(lab: Hub, fault: faults.Fault) -> None:
    lab.fail(fault, lambda call: "/commit/" in call.path)
    with pytest.raises(HubError):
        push_metric("uf1", NAME)
    assert held(lab) == {}
    done = push_metric("uf1", NAME)
    assert set(done.sent) == held(lab).keys() and not done.created


def test_the_commands(lab: Hub) -> None:
    runner = CliRunner()
    done = runner.invoke(main, ["push-metric", "--all", "lab", "--public", "--json"])
    assert done.exit_code == 0, done.output
    spaces = json.loads(done.stdout)["spaces"]
    assert [space["repository"] for space in spaces] == [f"lab/{n}" for n in metrics.names()]
    assert {name for kind, name in lab.repositories if kind == "space"} == {
        f"lab/{name}" for name in metrics.names()
    }
    again = runner.invoke(main, ["push-metric", "uf1", NAME])
    assert again.stdout == "" and "holds all of this already" in again.stderr
    wrong = runner.invoke(main, ["push-metric", "uf1"])
    assert wrong.exit_code == 2 and "--all ORG" in wrong.stderr
