"""What the Hub's refusals become: one sentence each, with what to do, and never a token."""

from __future__ import annotations

import traceback
from typing import Any

import httpx2
import pytest
from huggingface_hub import HfApi, constants, errors
from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

from equime_hub.errors import (
    HubError,
    NotFoundError,
    NotGrantedError,
    NotSignedInError,
    OfflineError,
)
from equime_hub.loading_script import access
from tests.support.hub_server import faults
from tests.support.hub_server.hub import Hub
from tests.support.pushed import NAME, gated, let_in

CARD = {"README.md": b"---\nlicense: mit\n---\n"}
TOKEN = "hf_abcdefghijklmnop"


def refusal(
    status: int, code: str = "", said: str = "", *, signed_in: bool = False, path: str = ""
) -> Exception:
    """What the real client raises for an answer of the Hub."""
    address = f"{constants.ENDPOINT}/{path or f'api/datasets/{NAME}'}"
    sent = {"authorization": f"Bearer {TOKEN}"} if signed_in else {}
    headers = {"X-Error-Code": code, "X-Error-Message": said}
    answer = httpx2.Response(
        status,
        headers={name: value for name, value in headers.items() if value},
        request=httpx2.Request("GET", address, headers=sent),
    )
    with pytest.raises(errors.HfHubHTTPError) as caught:
        hf_raise_for_status(answer)
    return caught.value


PENDING = f"Your request to access dataset {NAME} is awaiting a review from the repo authors."
REJECTED = f"Your request to access dataset {NAME} has been rejected by the repo's authors."
NOT_ASKED = f"Access to dataset {NAME} is restricted and you are not in the authorized list."
FINE = "Please enable access to public gated repositories in your fine-grained token settings."


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (refusal(401, "GatedRepo"), NotSignedInError, ["hf auth login", f"datasets/{NAME}"]),
        (refusal(401, "GatedRepo", signed_in=True), NotSignedInError, ["expired", "tokens"]),
        (refusal(403, "GatedRepo", NOT_ASKED, signed_in=True), NotGrantedError,
         ["was not asked for", f"datasets/{NAME}"]),
        (refusal(403, "GatedRepo", PENDING, signed_in=True), NotGrantedError, ["is waiting or"]),
        (refusal(403, "GatedRepo", REJECTED, signed_in=True), NotGrantedError, ["was refused"]),
        (refusal(403, "GatedRepo", FINE, signed_in=True), NotGrantedError, ["settings/tokens"]),
        (refusal(401, "RepoNotFound"), NotFoundError, ["private", "hf auth login"]),
        (refusal(404, "RepoNotFound", signed_in=True), NotFoundError, ["private to others"]),
        (refusal(401, "RepoNotFound", signed_in=True), NotSignedInError, ["expired or revoked"]),
        (refusal(401, said="Invalid credentials in Authorization header", signed_in=True),
         NotSignedInError, ["hf auth login --force"]),
        (refusal(401), NotSignedInError, ["nobody is signed in"]),
        (refusal(404, "RevisionNotFound"), NotFoundError, ["'v9'", "/tree/main"]),
        (refusal(404, "EntryNotFound", path=f"datasets/{NAME}/resolve/main/data/x.parquet"),
         NotFoundError, ["no file 'data/x.parquet'"]),
        (refusal(404, said="Reference is gone"), NotFoundError, ["Reference is gone"]),
        (refusal(403, said="no write right", signed_in=True), NotGrantedError, ["no write right"]),
        (refusal(409), HubError, ["meantime", "again"]),
        (refusal(412, said="A commit has happened"), HubError, ["A commit has happened", "again"]),
        (refusal(429), HubError, ["too often", "Wait"]),
        (refusal(503), HubError, ["503", "later"]),
        (refusal(400, said="bad name"), HubError, ["400", "bad name"]),
        (errors.OfflineModeIsEnabled("off"), OfflineError, ["HF_HUB_OFFLINE"]),
        (errors.LocalTokenNotFoundError("none"), NotSignedInError, ["hf auth login"]),
        (errors.HFValidationError("bad"), NotFoundError, ["ORG/NAME"]),
        (errors.LocalEntryNotFoundError("gone"), OfflineError, [constants.ENDPOINT]),
        (httpx2.ConnectError("refused"), OfflineError, ["cannot be reached", constants.ENDPOINT]),
        (httpx2.ReadTimeout("slow"), OfflineError, ["cannot be reached"]),
        (httpx2.RemoteProtocolError("cut"), OfflineError, ["broke off", "again"]),
        (OSError("Consistency check failed: file should be of size 9"), OfflineError, ["broke"]),
        (httpx2.DecodingError("gzip"), HubError, ["gzip"]),
    ],
)  # fmt: skip
def test_every_failure_is_a_sentence(
    answer: Exception, kind: type[HubError], words: list[str]
) -> None:
    told = access.translated(answer, NAME, revision="v9")
    assert type(told) is kind and NAME in str(told)
    assert all(word in str(told) for word in words), str(told)
    assert "\n" not in str(told) and str(told).endswith(".") and TOKEN not in str(told)


def test_what_is_behind_a_file_that_is_not_cached() -> None:
    outer = errors.LocalEntryNotFoundError("we cannot find the requested files")
    outer.__cause__ = refusal(429)
    assert "429" in str(access.translated(outer, NAME))


def test_a_hub_error_is_given_back() -> None:
    error = NotFoundError("as it is")
    assert access.translated(error, NAME) is error


def test_what_this_machine_refuses_stays() -> None:
    with pytest.raises(OSError, match="No space left") as caught, access.asking(NAME):
        raise OSError(28, "No space left on device")
    assert type(caught.value) is OSError
    with pytest.raises(KeyError), access.asking(NAME):
        raise KeyError("a bug")


def test_other_kinds_have_other_pages() -> None:
    assert access.page("lab/m", "model") == f"{constants.ENDPOINT}/lab/m"
    assert access.page("lab/uf1", "space") == f"{constants.ENDPOINT}/spaces/lab/uf1"
    told = access.translated(refusal(404, "RepoNotFound"), "lab/m", kind="model")
    assert "no model repository lab/m" in str(told)


def test_tokens_and_signed_addresses_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "sesame-open")
    text = f"{TOKEN} sesame-open https://cdn.x/y?X-Amz-Signature=abc&n=1 'http://a/b?c'\nend"
    assert access.without_token(text) == "hf_*** hf_*** https://cdn.x/y 'http://a/b' end"


def test_how_somebody_stands(hub: Hub) -> None:
    gated(hub, CARD)
    address = f"{hub.endpoint}/datasets/{NAME}"
    assert access.check(NAME) == access.Access(NAME, "signed out", None, address)
    hub.sign_in("reader")
    assert access.check(NAME) == access.Access(NAME, "not asked", "reader", address)
    hub.ask("reader", NAME)
    assert access.check(NAME).state == "waiting or refused"
    let_in(hub)
    assert access.check(NAME).state == "granted"
    hub.sign_in("keeper")
    HfApi().reject_access_request(NAME, "reader", repo_type="dataset", rejection_reason="no")
    hub.sign_in("reader")
    assert access.check(NAME).state == "waiting or refused"
    for missing in ("lab/other", "lab/equime2"):
        assert access.check(missing).state == "missing"


def test_open_and_private_repositories(hub: Hub) -> None:
    hub.user("keeper")
    hub.user("reader")
    hub.sign_in("keeper")
    HfApi().create_repo("keeper/open", repo_type="dataset")
    HfApi().create_repo("keeper/shut", repo_type="dataset", private=True)
    assert access.check("keeper/open").state == "open"
    assert access.check("keeper/shut").state == "granted"
    for user in ("reader", None):
        hub.sign_in(user)
        assert access.check("keeper/open").state == "open"
        assert access.check("keeper/shut").state == "missing"


def test_which_commit_may_be_read(hub: Hub) -> None:
    gated(hub, CARD)
    with pytest.raises(NotSignedInError, match="nobody is signed in"):
        access.readable(NAME)
    let_in(hub)
    head = hub.repository(NAME).head
    assert access.readable(NAME) == access.readable(NAME, "v1.0.0") == head
    with pytest.raises(NotFoundError, match=r"no tag, branch or commit 'v9\.9\.9'"):
        access.readable(NAME, "v9.9.9")
    with pytest.raises(NotFoundError, match="no dataset repository lab/none"):
        access.readable("lab/none")
    with pytest.raises(NotFoundError, match="ORG/NAME"):
        access.readable("../../etc")


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (faults.RATE_LIMIT, HubError, "too often"),
        (faults.SERVER_ERROR, HubError, "status 500"),
        (faults.EXPIRED_TOKEN, NotSignedInError, "expired or revoked"),
        (faults.DROPPED, OfflineError, "broke off"),
    ],
)
def test_a_hub_that_fails(
    hub: Hub, fault: Any, kind: type[HubError], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    gated(hub, CARD)
    token = hub.user("reader")
    let_in(hub)
    hub.fail(fault, times=99)
    for ask in (access.check, access.readable):
        with pytest.raises(kind, match=words) as caught:
            ask(NAME)
        assert token not in "".join(traceback.format_exception(caught.value))
    assert token not in "".join(capfd.readouterr())


def test_a_token_that_is_not_known(hub: Hub) -> None:
    gated(hub, CARD)
    token = hub.user("reader")
    hub.sign_in("reader")
    hub.expire(token)
    with pytest.raises(NotSignedInError, match="expired or revoked"):
        access.check(NAME)


def test_a_hub_out_of_reach(hub: Hub) -> None:
    gated(hub, CARD)
    hub.stop()
    with pytest.raises(OfflineError, match=f"{hub.endpoint} cannot be reached"):
        access.check(NAME)
