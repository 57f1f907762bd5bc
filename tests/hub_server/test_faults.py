"""Failures on demand, races, and the log."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import httpx2
import pytest

from tests.support.hub_server import faults
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.steps import DATASET, api, commit, refused, upload


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (faults.RATE_LIMIT, 429),
        (faults.SERVER_ERROR, 500),
        (faults.STALE_PARENT, 412),
        (faults.EXPIRED_TOKEN, 401),
    ],
)
def test_faults_are_seen(published: Hub, fault: faults.Fault, status: int) -> None:
    before = published.repository("lab/equime").head
    published.fail(fault, lambda call: "/commit/" in call.path)
    error = refused(commit)
    assert error.response.status_code == status
    assert published.repository("lab/equime").head == before
    assert [call.status for call in published.log if "/commit/" in call.path][-1] == status
    assert commit().oid == published.repository("lab/equime").head


def test_a_connection_is_dropped(lab: Hub, folder: Path) -> None:
    api.create_repo(**DATASET)
    lab.fail(faults.DROPPED, lambda call: call.method == "PUT", times=12)
    error = refused(lambda: upload(folder), RuntimeError)
    assert isinstance(error.__cause__, httpx2.TransportError)
    assert not lab.repository("lab/equime").objects
    assert {call.status for call in lab.log if call.method == "PUT"} == {0}


def test_a_reply_is_lost(published: Hub) -> None:
    published.fail(faults.LOST_REPLY, lambda call: "/commit/" in call.path)
    refused(commit, httpx2.TransportError)
    assert published.repository("lab/equime").files()["notes.txt"] == b"new"


def test_a_race(published: Hub) -> None:
    repository = published.repository("lab/equime")
    published.before(lambda call: "/commit/" in call.path, lambda: commit("first"))
    error = refused(lambda: commit("second", parent_commit=repository.head))
    assert error.response.status_code == 412
    assert repository.files()["notes.txt"] == b"first"


def test_out_of_reach(published: Hub) -> None:
    published.stop()
    refused(commit, httpx2.ConnectError)
    published.start()
    commit()


def test_what_is_logged(published: Hub) -> None:
    commit("a change")
    call = published.log[-1]
    assert (call.method, call.path) == ("POST", "/api/datasets/lab/equime/commit/main")
    assert (call.user, call.status) == ("keeper", 200)
    assert json.loads(call.received.splitlines()[0])["value"]["summary"] == "m"
    assert json.loads(call.sent)["commitOid"] == published.repository("lab/equime").head


def test_nothing_else_is_reached(hub: Hub) -> None:
    with socket.socket() as other, pytest.raises(AssertionError, match="tried to reach"):
        other.connect(("127.0.0.1", 9))
    refused(lambda: httpx2.get("http://huggingface.co"), httpx2.ConnectError)
    found = hub.python(
        """
        import httpx2
        try:
            httpx2.get("http://127.0.0.1:9")
        except httpx2.ConnectError as error:
            result = str(error)
        """
    )
    assert "tried to reach" in found.result
