from __future__ import annotations

from pathlib import Path

import pytest
from datasets import load_dataset
from huggingface_hub import HfApi
from huggingface_hub.errors import GatedRepoError

from equime_hub.errors import (
    HubError,
    NotFoundError,
    NotGrantedError,
    NotSignedInError,
    OfflineError,
)
from equime_hub.hub import requests
from equime_hub.hub.requests import find, listed
from tests.support.forms import LAB, filled, open_lab
from tests.support.hub_server import faults
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.log import Call


@pytest.fixture
def lab(hub: Hub) -> Hub:
    """Keeper signed in; nobody has asked yet."""
    open_lab(hub)
    return hub


def read(hub: Hub, user: str | None) -> int:
    """Rows of train that a user loads; else the status of the refusal."""
    hub.sign_in(user)
    try:
        HfApi().auth_check(LAB, repo_type="dataset")
        return len(load_dataset(LAB, "metadata", split="train"))
    except GatedRepoError as error:
        return int(error.response.status_code)
    finally:
        hub.sign_in("keeper")


def test_asked_listed_accepted_loaded_revoked(hub: Hub, built: Path) -> None:
    open_lab(hub, built)
    rows = len(load_dataset("parquet", data_dir=str(built / "metadata"), split="train"))
    assert [read(hub, user) for user in (None, "anna", "stranger")] == [401, 403, 403]
    id = hub.ask("anna", LAB, **filled())
    (request,) = listed(LAB, "pending")
    assert (request.id, request.who, request.status) == (id, "anna", "pending")
    assert request.email == "anna@x.org"
    assert request.answers["Full name"] == "Anna Example"
    assert request.answers["I make no commercial use of it"] == "yes"
    assert read(hub, "anna") == 403

    requests.answer(LAB, "accept", request)
    assert listed(LAB, "pending") == ()
    assert [r.who for r in listed(LAB, "accepted")] == ["anna"]
    assert [read(hub, user) for user in (None, "anna", "stranger")] == [401, rows, 403]

    requests.answer(LAB, "revoke", find(LAB, "anna"), " The project has ended. ")
    assert [r.who for r in listed(LAB, "rejected")] == ["anna"]
    assert hub.repository(LAB).requests["anna"].reason == "The project has ended."
    assert read(hub, "anna") == 403
    requests.answer(LAB, "accept", find(LAB, "anna"))
    assert read(hub, "anna") == rows
    assert not hub.readable_without_grant()


def test_rejected_and_granted(lab: Hub) -> None:
    lab.ask("anna", LAB, **filled())
    lab.ask("ben", LAB)
    assert [request.who for request in listed(LAB, "pending")] == ["anna", "ben"]
    requests.answer(LAB, "reject", find(LAB, "ben"), "No answers were given.")
    requests.grant(LAB, "stranger")
    assert [request.who for request in listed(LAB, "pending")] == ["anna"]
    assert [request.who for request in listed(LAB, "rejected")] == ["ben"]
    assert [request.who for request in listed(LAB, "accepted")] == ["stranger"]
    lab.sign_in("stranger")
    HfApi().auth_check(LAB, repo_type="dataset")


def test_somebody_is_found_by_name_in_any_capitals_or_by_id(lab: Hub) -> None:
    id = lab.ask("anna", LAB)
    assert find(LAB, "anna") == find(LAB, "ANNA") == find(LAB, id)
    for nobody in ("ann", "", id[:-1], "stranger"):
        with pytest.raises(NotFoundError, match="--status all"):
            find(LAB, nobody)


def test_hidden_names(lab: Hub) -> None:
    """The Hub then sends requests without their user; the rest goes by the id."""
    id = lab.ask("anna", LAB, **filled())
    lab.ask("ben", LAB)
    lab.repository(LAB).hides_names = True
    with pytest.raises(NotFoundError):
        find(LAB, "anna")
    with pytest.raises(NotFoundError):
        find(LAB, "")
    request = find(LAB, id)
    assert (request.who, request.username) == (id, None)
    requests.answer(LAB, "accept", request)
    assert lab.repository(LAB).requests["anna"].status == "accepted"
    assert lab.repository(LAB).requests["ben"].status == "pending"


def test_answered_twice(lab: Hub) -> None:
    lab.ask("anna", LAB)
    waiting = find(LAB, "anna")
    requests.answer(LAB, "accept", waiting)
    accepted = find(LAB, "anna")
    with pytest.raises(HubError, match="anna has access to lab/equime already"):
        requests.answer(LAB, "accept", accepted)
    with pytest.raises(HubError, match="equime access revoke lab/equime anna"):
        requests.answer(LAB, "reject", accepted, "no")
    with pytest.raises(HubError, match="accepted already: somebody else answered it meanwhile"):
        requests.answer(LAB, "accept", waiting)
    requests.answer(LAB, "revoke", accepted, "no")
    with pytest.raises(HubError, match="rejected already: somebody else answered it meanwhile"):
        requests.answer(LAB, "revoke", accepted, "no")
    rejected = find(LAB, "anna")
    with pytest.raises(HubError, match="was rejected for lab/equime already"):
        requests.answer(LAB, "reject", rejected, "no")
    with pytest.raises(HubError, match="the request is rejected"):
        requests.answer(LAB, "revoke", rejected, "no")


@pytest.mark.parametrize("reason", ["", " \n", "x" * 201])
def test_a_reason_the_hub_would_not_take(lab: Hub, reason: str) -> None:
    lab.ask("anna", LAB)
    with pytest.raises(HubError, match=rf"has {len(reason.strip())} characters"):
        requests.answer(LAB, "reject", find(LAB, "anna"), reason)
    requests.answer(LAB, "reject", find(LAB, "anna"), "x" * 200)


def test_grants_that_cannot_be(lab: Hub) -> None:
    with pytest.raises(NotFoundError, match="'nobody'"):
        requests.grant(LAB, "nobody")
    requests.grant(LAB, "anna")
    with pytest.raises(HubError, match="already has access"):
        requests.grant(LAB, "anna")


def test_who_may_not(lab: Hub) -> None:
    lab.ask("anna", LAB)
    request = find(LAB, "anna")
    lab.sign_in("anna")
    for action in (
        lambda: listed(LAB, "pending"),
        lambda: requests.answer(LAB, "accept", request),
        lambda: requests.answer(LAB, "reject", request, "no"),
        lambda: requests.grant(LAB, "anna"),
    ):
        with pytest.raises(NotGrantedError, match="lab/equime"):
            action()
    lab.sign_in(None)
    with pytest.raises(NotSignedInError, match="hf auth login"):
        listed(LAB, "pending")
    with pytest.raises(NotSignedInError, match="hf auth login"):
        requests.keeper(LAB)
    assert lab.repository(LAB).requests["anna"].status == "pending"


def test_a_repository_without_gate_or_none_at_all(lab: Hub) -> None:
    HfApi().create_repo("lab/private", repo_type="dataset", private=True)
    with pytest.raises(HubError, match="equime gate on lab/private"):
        listed("lab/private", "pending")
    with pytest.raises(NotFoundError, match="lab/nothing"):
        listed("lab/nothing", "pending")


def test_a_busy_hub_is_asked_again_and_a_silent_one_is_a_sentence(
    lab: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.ask("anna", LAB)

    def answers(call: Call) -> bool:
        return "user-access-request" in call.path

    lab.fail(faults.RATE_LIMIT, answers)
    (request,) = listed(LAB, "pending")
    lab.fail(faults.LOST_REPLY, lambda call: call.path.endswith("/handle"))
    with pytest.raises(OfflineError, match="run the same again"):
        requests.answer(LAB, "accept", request)
    assert find(LAB, "anna").status == "accepted"
    lab.stop()
    with pytest.raises(OfflineError, match="cannot be reached"):
        listed(LAB, "pending")


def test_the_token_is_in_no_sentence(lab: Hub) -> None:
    token = lab.user("keeper")
    lab.sign_in("keeper")
    lab.expire(token)
    with pytest.raises(NotSignedInError) as caught:
        listed(LAB, "pending")
    assert token not in str(caught.value)
    with pytest.raises(GatedRepoError):
        HfApi(token=False).auth_check(LAB, repo_type="dataset")
