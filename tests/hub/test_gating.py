from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import CommitOperationAdd, HfApi

from equime_hub import checksums
from equime_hub.cards.policy import POLICY
from equime_hub.errors import HubError, NotFoundError, NotGrantedError, OfflineError
from equime_hub.hub.gating import Gate, status, turn_on
from tests.support.forms import LAB
from tests.support.hub_server import faults
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.log import Call
from tests.support.hub_server.store import File

CARD = "---\nlicense: cc-by-4.0\nextra_gated_eu_disallowed: true\n---\n# Numbers\n\n---\nend\n"


@pytest.fixture
def lab(hub: Hub) -> Hub:
    """An empty private repository that is not gated, and its keeper, signed in."""
    hub.user("keeper")
    hub.user("anna")
    hub.organisation("lab", "keeper")
    hub.sign_in("keeper")
    HfApi().create_repo(LAB, repo_type="dataset", private=True)
    return hub


def put(**files: str) -> None:
    """Commit files; `README` is README.md."""
    adds = [
        CommitOperationAdd({"README": "README.md"}.get(name, name), text.encode())
        for name, text in files.items()
    ]
    HfApi().create_commit(LAB, adds, commit_message="made", repo_type="dataset")


def commits(call: Call) -> bool:
    return "/commit/" in call.path


def test_an_empty_repository_is_only_closed(lab: Hub) -> None:
    assert status(LAB) == Gate(LAB, True, private=True, form="missing")
    assert not turn_on(LAB)
    assert status(LAB) == Gate(LAB, True, True, "manual", "missing", 0)
    assert not status(LAB).closed
    assert lab.repository(LAB).gated == "manual"
    assert len(lab.repository(LAB).commits) == 1


def test_the_form_is_written_in_one_commit_after_the_gate(lab: Hub, dataset: Path) -> None:
    HfApi().upload_folder(repo_id=LAB, repo_type="dataset", folder_path=dataset)
    (dataset / "README.md").write_bytes(lab.repository(LAB).files()["README.md"])
    before, start = lab.repository(LAB).files(), len(lab.repository(LAB).commits)
    seen = []
    lab.before(commits, lambda: seen.append(lab.repository(LAB).gated))
    turn_on(LAB)
    files = lab.repository(LAB).files()
    changed = {name for name in files if files[name] != before.get(name)}
    assert changed <= {"README.md", "SHA256SUMS"}
    assert len(lab.repository(LAB).commits) == start + len(seen)
    assert set(seen) <= {"manual"}
    for name in ("README.md", "SHA256SUMS"):
        (dataset / name).write_bytes(files[name])
    assert checksums.intact(dataset, checksums.read(dataset), "README.md")
    assert status(LAB).closed
    assert not turn_on(LAB)
    assert len(lab.repository(LAB).commits) == start + len(seen)


def test_a_card_without_questions_gets_them_and_keeps_the_rest(lab: Hub) -> None:
    put(README=CARD, SHA256SUMS=f"{'0' * 64}  README.md\n{'1' * 64}  notes.txt\n")
    assert turn_on(LAB)
    files = lab.repository(LAB).files()
    _, head, text = files["README.md"].decode().split("---\n", 2)
    assert text == "# Numbers\n\n---\nend\n"
    told = yaml.safe_load(head)
    assert told["license"] == "cc-by-4.0"
    assert told["extra_gated_eu_disallowed"] is True
    assert {key: told[key] for key in POLICY.yaml()} == POLICY.yaml()
    sums = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    assert sums["notes.txt"] == "1" * 64
    assert sums["README.md"] not in ("0" * 64, None)
    assert len(lab.repository(LAB).commits) == 3
    assert status(LAB).closed


@pytest.mark.parametrize(
    ("questions", "form"),
    [
        ({}, "missing"),
        ({"extra_gated_fields": {"Company": "text"}}, "different"),
        (POLICY.yaml(), "current"),
        (POLICY.yaml() | {"extra_gated_prompt": "Please."}, "different"),
        (POLICY.yaml() | {"extra_gated_eu_disallowed": True}, "current"),
    ],
)
def test_the_form_is_compared_with_the_policy(
    lab: Hub, questions: dict[str, Any], form: str
) -> None:
    put(README=f"---\n{yaml.safe_dump({'license': 'mit'} | questions)}---\n# Numbers\n")
    assert status(LAB).form == form
    assert turn_on(LAB) == (form != "current")
    assert status(LAB).closed
    assert "SHA256SUMS" not in lab.repository(LAB).files()


def test_automatic_approval_ends(lab: Hub) -> None:
    put(README=CARD)
    HfApi().update_repo_settings(LAB, repo_type="dataset", gated="auto", private=False)
    lab.ask("anna", LAB)
    assert status(LAB) == Gate(LAB, True, False, "auto", "different", 0)
    turn_on(LAB)
    assert lab.repository(LAB).gated == "manual"
    assert lab.repository(LAB).requests["anna"].status == "accepted"


def test_what_strangers_see(lab: Hub) -> None:
    put(README=CARD, secret="s")
    lab.sign_in("anna")
    assert status(LAB) == Gate(LAB, exists=False)
    with pytest.raises(NotFoundError, match="lab/equime"):
        turn_on(LAB)
    lab.sign_in("keeper")
    turn_on(LAB)
    HfApi().update_repo_settings(LAB, repo_type="dataset", private=False)
    lab.sign_in("anna")
    found = status(LAB)
    assert (found.exists, found.private, found.gated, found.waiting) == (
        True,
        False,
        "manual",
        None,
    )
    with pytest.raises(NotGrantedError, match="who may write to lab/equime"):
        turn_on(LAB)
    assert lab.repository(LAB).gated == "manual"
    assert not lab.readable_without_grant()


def test_a_commit_of_somebody_else_goes_first(lab: Hub) -> None:
    put(README=CARD)
    other = CARD.replace("Numbers", "Figures")
    lab.before(commits, lambda: put(README=other))
    assert turn_on(LAB)
    assert "# Figures" in lab.repository(LAB).files()["README.md"].decode()
    assert status(LAB).closed
    put(README=CARD)
    lab.fail(faults.STALE_PARENT, commits, times=99)
    with pytest.raises(HubError, match="is gated now, but its card changed"):
        turn_on(LAB)


@pytest.mark.parametrize("fault", [faults.SERVER_ERROR, faults.LOST_REPLY, faults.EXPIRED_TOKEN])
@pytest.mark.parametrize("step", ["/settings", "/commit/"])
def test_what_breaks_off_is_finished_by_the_same_call(
    lab: Hub, fault: faults.Fault, step: str
) -> None:
    put(README=CARD)
    lab.fail(fault, lambda call: step in call.path)
    with pytest.raises(HubError):
        turn_on(LAB)
    turn_on(LAB)
    assert status(LAB).closed
    assert len(lab.repository(LAB).commits) == 3


def test_a_hub_out_of_reach_does_not_pass_for_a_repository_without_card(
    lab: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(README=CARD)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    lab.fail(faults.LOST_REPLY, lambda call: "/resolve/" in call.path, times=999)
    with pytest.raises(OfflineError):
        turn_on(LAB)
    with pytest.raises(OfflineError):
        status(LAB)


@pytest.mark.parametrize("head", ["a: [", "- a", "just text", "!!python/object/apply:os.getpid []"])
def test_a_head_that_cannot_be_read(lab: Hub, head: str) -> None:
    put(README=CARD)
    repository = lab.repository(LAB)
    text = f"---\n{head}\n---\n".encode()

    def spoil() -> None:  # the Hub itself refuses such a commit
        repository.at("main").files["README.md"] = File(text, False)  # type: ignore[index]

    lab.before(lambda call: "/resolve/" in call.path, spoil)
    with pytest.raises(HubError, match="Mend it on its page"):
        turn_on(LAB)
    assert repository.gated == "manual"
    assert repository.files()["README.md"] == text
