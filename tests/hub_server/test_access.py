"""Who may do what: gates, requests, rights and tokens."""

from __future__ import annotations

import re

import pytest
from datasets import load_dataset
from datasets.exceptions import DatasetNotFoundError
from huggingface_hub import HfApi
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

from tests.support.hub_server.hub import Hub
from tests.support.hub_server.steps import DATASET, api, commit, download, refused


def test_a_gate_opens_and_closes(published: Hub) -> None:
    reader = published.user("reader")
    api.update_repo_settings(**DATASET, gated="manual", private=False)
    assert download() == b"regular", "the keeper needs no grant"

    published.sign_in(None)
    error = refused(download, GatedRepoError)
    assert error.response.status_code == 401
    published.sign_in("reader")
    for said in ("to ask for access", "is awaiting a review"):
        error = refused(download, GatedRepoError)
        assert error.response.status_code == 403 and said in str(error)
        refused(lambda: api.auth_check(**DATASET), GatedRepoError)
        refused(lambda: [*api.list_repo_tree(**DATASET)], GatedRepoError)
        with pytest.raises(DatasetNotFoundError, match="lab/equime"):
            load_dataset("lab/equime")
        if said == "to ask for access":
            published.ask("reader", "lab/equime", name="R. Eader")
    assert api.dataset_info("lab/equime").gated == "manual"

    keeper = HfApi(token=published.user("keeper"))
    (request,) = keeper.list_pending_access_requests(**DATASET)
    assert request.username == "reader" and request.fields == {"name": "R. Eader"}
    keeper.accept_access_request(**DATASET, request_id=request.request_id)
    api.auth_check(**DATASET)
    assert load_dataset("lab/equime", split="train")["number"][:] == [*range(6)]
    assert [r.username for r in keeper.list_accepted_access_requests(**DATASET)] == ["reader"]

    keeper.reject_access_request(**DATASET, user="reader", rejection_reason="no longer")
    error = refused(lambda: api.auth_check(**DATASET), GatedRepoError)
    assert "rejected by the repo's authors" in str(error)
    assert [r.status for r in keeper.list_rejected_access_requests(**DATASET)] == ["rejected"]
    keeper.cancel_access_request(**DATASET, user="reader")
    assert published.repository("lab/equime").requests["reader"].status == "pending"
    assert HfApi(token=reader).whoami()["name"] == "reader"
    assert not published.readable_without_grant()


def test_decisions_that_cannot_be(published: Hub) -> None:
    error = refused(lambda: api.grant_access(**DATASET, user="reader"))
    assert error.response.status_code == 400 and "not gated" in str(error)
    api.update_repo_settings(**DATASET, gated="manual", private=False)
    published.user("guest")
    api.grant_access(**DATASET, user="guest")
    for action, status in {
        lambda: api.grant_access(**DATASET, user="guest"): 400,
        lambda: api.grant_access(**DATASET, user="nobody"): 404,
        lambda: api.accept_access_request(**DATASET, user="reader"): 404,
        lambda: api.accept_access_request(**DATASET, user="guest"): 404,
        lambda: api.cancel_access_request(**DATASET, request_id="none"): 404,
    }.items():
        assert refused(action).response.status_code == status
    published.sign_in("guest")
    assert download() == b"regular"
    for action in (
        lambda: api.grant_access(**DATASET, user="reader"),
        lambda: [*api.list_accepted_access_requests(**DATASET)],
        lambda: api.update_repo_settings(**DATASET, gated=False),
        lambda: api.auth_check(**DATASET, write=True),
        commit,
    ):
        assert refused(action).response.status_code == 403


def test_an_automatic_gate(published: Hub) -> None:
    api.update_repo_settings(**DATASET, gated="auto", private=False)
    published.ask("reader", "lab/equime")
    published.sign_in("reader")
    assert download() == b"regular"


def test_what_the_world_could_read_is_remembered(published: Hub) -> None:
    api.update_repo_settings(**DATASET, private=False)
    published.sign_in("reader")
    download()
    published.sign_in("keeper")
    api.update_repo_settings(**DATASET, gated="manual")
    found = {exposure.path for exposure in published.readable_without_grant()}
    assert found == {f"data/train-0000{i}-of-00002.parquet" for i in range(2)} | {"notes.txt"}
    assert {(exposure.path, exposure.how) for exposure in published.readable_without_grant()} >= {
        ("notes.txt", "public, not gated"),
        ("notes.txt", "sent to reader"),
    }


def test_rights_of_users_and_tokens(lab: Hub) -> None:
    lab.user("helper")
    lab.user("student")
    lab.organisation("lab", "keeper", helper="write", student="read")
    for user in ("reader", "student"):
        lab.sign_in(user)
        assert refused(lambda: api.create_repo(**DATASET)).response.status_code == 403
    lab.sign_in("helper")
    api.create_repo(**DATASET, private=True)
    error = refused(lambda: api.create_repo(**DATASET))
    assert error.response.status_code == 409
    assert str(api.create_repo(**DATASET, exist_ok=True)).endswith("/datasets/lab/equime")
    api.auth_check(**DATASET, write=True)
    read_only = HfApi(token=lab.user("helper", "read"))
    read_only.auth_check(**DATASET)
    error = refused(lambda: read_only.auth_check(**DATASET, write=True))
    assert error.response.status_code == 403 and "write token" in str(error)
    lab.sign_in("student")
    api.auth_check(**DATASET)
    lab.sign_in("keeper")
    assert [org["name"] for org in api.whoami()["orgs"]] == ["lab"]
    api.delete_repo(**DATASET)
    refused(lambda: api.dataset_info("lab/equime"), RepositoryNotFoundError)
    assert not lab.repositories


def test_a_token_that_expired(published: Hub) -> None:
    token = published.user("keeper")
    published.sign_in("keeper")
    published.expire(token)
    for action in (commit, api.whoami, lambda: api.auth_check(**DATASET)):
        error = refused(action)
        assert error.response.status_code == 401
        assert re.search(r"Invalid (username or password|user token)\.", str(error))
