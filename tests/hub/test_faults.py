"""Whatever fails in the middle of `push` and `append`: the same call again finishes the work."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from equime_hub import checksums
from equime_hub.errors import HubError
from equime_hub.hub.append import append
from equime_hub.hub.push import push
from equime_hub.hub.sending import PushReport
from tests.hub.test_push import HERE, fine
from tests.support.hub_server import faults
from tests.support.hub_server.faults import Fault
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.log import Call
from tests.support.hub_server.store import Repository

FAULTS: dict[str, Fault] = {
    "rate limit": faults.RATE_LIMIT,
    "server error": faults.SERVER_ERROR,
    "dropped connection": faults.DROPPED,
    "lost reply": faults.LOST_REPLY,
    "stale parent": faults.STALE_PARENT,
    "expired token": faults.EXPIRED_TOKEN,
}
FOREVER = 10**6

Match = Callable[[Call], bool]


class Work:
    """A push or an append that can be made again and again from the same start."""

    def __init__(self, hub: Hub, before: Repository | None, run: Callable[[], PushReport]) -> None:
        self.hub, self.before, self.run = hub, before, run

    def start(self) -> None:
        """Put everything back to where it was."""
        self.hub.server.rules.clear()
        self.hub.log.clear()
        self.hub.repositories.clear()
        if self.before is not None:
            self.hub.repositories["dataset", "lab/equime"] = copy.deepcopy(self.before)

    def places(self) -> list[int]:
        """Numbers of the first and the last request of every kind in an undisturbed run."""
        self.start()
        self.run()
        kinds = [(c.method, re.sub(r"/lfs/.*|[0-9a-f]{40}.*", "", c.path)) for c in self.hub.log]
        last = {kind: number for number, kind in enumerate(kinds)}
        return sorted({kinds.index(kind) for kind in last} | {*last.values()})

    def survives(self, fault: Fault, match: Match, times: int = 1) -> None:
        """Disturb a run, then run it until it ends well; nothing may show that it was disturbed."""
        self.start()
        self.hub.fail(fault, match, times)
        errors = []
        for _ in range(3):
            try:
                self.run()
                break
            except HubError as error:
                errors.append(error)
                if times == FOREVER:
                    self.hub.server.rules.clear()
        else:
            raise errors[-1]
        if times == FOREVER:
            assert errors, "it did not notice"
        repository = self.hub.repository("lab/equime")
        begun = len(self.before.commits) if self.before else 1
        assert len(repository.commits) == begun + 1
        assert list(repository.tags.values()) == [c.oid for c in repository.commits[1:]]
        for commit in repository.commits[1:]:
            self.whole(repository.files(commit.oid))
        assert self.hub.readable_without_grant() == []

    def whole(self, files: dict[str, bytes]) -> None:
        """Every file is listed in the sums, and every one that is listed is there."""
        lines = files[checksums.NAME].decode().splitlines()
        listed = {line.split("  ", 1)[1] for line in lines}
        assert {*files} == {*listed, checksums.NAME, ".gitattributes"}


@pytest.fixture
def pushing(lab: Hub, generations: list[Path]) -> Work:
    return Work(lab, None, lambda: push(generations[0], HERE, check=fine, public=True))


@pytest.fixture
def appending(published: Hub, generations: list[Path]) -> Work:
    before = copy.deepcopy(published.repository("lab/equime"))
    return Work(published, before, lambda: append(generations[1], HERE, check=fine))


def starting(wanted: int, until: float = FOREVER) -> Match:
    """The request of that number, from 0, and all after it up to another."""
    seen = iter(range(FOREVER))
    return lambda call: wanted <= next(seen) <= until


def asks_for(method: str, part: str) -> Match:
    return lambda call: call.method == method and part in call.path


@pytest.mark.parametrize(
    ("fault", "method", "part"),
    [
        ("lost reply", "POST", "/api/repos/create"),
        ("expired token", "PUT", "/settings"),
        ("dropped connection", "PUT", "/lfs/"),
        ("server error", "POST", "/objects/batch"),
        ("rate limit", "POST", "/preupload/"),
        ("stale parent", "POST", "/commit/"),
        ("lost reply", "POST", "/commit/"),
        ("lost reply", "POST", "/tag/"),
    ],
)
def test_push_survives(pushing: Work, fault: str, method: str, part: str) -> None:
    pushing.survives(FAULTS[fault], asks_for(method, part))
    pushing.survives(faults.SERVER_ERROR, asks_for(method, part), FOREVER)


@pytest.mark.parametrize(
    ("fault", "method", "part"),
    [
        ("server error", "GET", "/resolve/"),
        ("dropped connection", "PUT", "/lfs/"),
        ("expired token", "POST", "/commit/"),
        ("lost reply", "POST", "/commit/"),
        ("rate limit", "POST", "/tag/"),
    ],
)
def test_append_survives(appending: Work, fault: str, method: str, part: str) -> None:
    appending.survives(FAULTS[fault], asks_for(method, part))
    appending.survives(faults.SERVER_ERROR, asks_for(method, part), FOREVER)


@pytest.mark.slow
@pytest.mark.parametrize("work", ["pushing", "appending"])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_at_every_request(
    work: str, fault: str, request: pytest.FixtureRequest
) -> None:
    tried: Work = request.getfixturevalue(work)
    for place in tried.places():
        tried.survives(FAULTS[fault], starting(place, until=place))


@pytest.mark.slow
@pytest.mark.parametrize("work", ["pushing", "appending"])
def test_the_hub_goes_down_at_any_moment(work: str, request: pytest.FixtureRequest) -> None:
    tried: Work = request.getfixturevalue(work)
    for place in tried.places():
        tried.survives(faults.SERVER_ERROR, starting(place), FOREVER)


def test_an_upload_that_broke_off_is_tried_again_by_itself(pushing: Work) -> None:
    pushing.start()
    pushing.hub.fail(faults.DROPPED, asks_for("PUT", "/lfs/"), times=3)
    assert pushing.run().outcome == "published"


def test_what_is_said_when_an_upload_cannot_go_on(pushing: Work) -> None:
    pushing.start()
    pushing.hub.fail(faults.DROPPED, asks_for("PUT", "/lfs/"), FOREVER)
    with pytest.raises(HubError, match=r"Cannot upload data/.*lab/equime.*again"):
        pushing.run()
