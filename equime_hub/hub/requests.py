"""Requests for access to a gated dataset: list them, find one, answer it.

A person is named by the id of the request, because a repository may hide user names.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from equime_hub.errors import HubError, NotFoundError, NotGrantedError
from equime_hub.hub.client import api, ask, check_name, speaking
from equime_hub.hub.client import status as http_status

if TYPE_CHECKING:
    from huggingface_hub.hf_api import AccessRequest

Status = Literal["pending", "accepted", "rejected"]
STATUSES: tuple[Status, ...] = ("pending", "accepted", "rejected")
Action = Literal["accept", "reject", "revoke"]
MAX_REASON = 200
"""Characters of a reason that the Hub takes; it shows them to whom they concern."""

_NO_ACCESS = "{who} has no access to {repository} that could be revoked: the request is {status}."
_UNFIT: Mapping[tuple[Action, Status], str] = {
    ("accept", "accepted"): "{who} has access to {repository} already.",
    ("reject", "accepted"): (
        "{who} has access to {repository} already; "
        "`equime access revoke {repository} {who}` takes it away."
    ),
    ("reject", "rejected"): "{who} was rejected for {repository} already.",
    ("revoke", "pending"): _NO_ACCESS,
    ("revoke", "rejected"): _NO_ACCESS,
}
"""What cannot be done with a request of some status, and why."""


@dataclass(frozen=True)
class Request:
    """Somebody who asked for access, or was given it unasked.

    Attributes:
        id: The Hub's; always known.
        username: Account on the Hub; None if the repository hides it.
        fullname: The account's; None if hidden or not given.
        email: The account's address; None if hidden, or if access was given unasked.
        asked: When.
        status: "pending", "accepted" or "rejected".
        answers: Text of a question → answer; a ticked box is "yes", another "no".
    """

    id: str
    username: str | None
    fullname: str | None
    email: str | None
    asked: datetime
    status: Status
    answers: Mapping[str, str] = field(default_factory=dict)

    @property
    def who(self) -> str:
        """User name, or the id of the request if that is hidden; `find` takes both."""
        return self.username or self.id


def keeper(repository: str) -> str:
    """Account that answers: whoever is signed in.

    Raises:
        NotSignedInError: Nobody is, or the token is not accepted.
    """
    return str(ask(repository, "see who is signed in", lambda: api().whoami()["name"]))


def listed(repository: str, status: Status) -> tuple[Request, ...]:
    """All requests of one status, oldest first.

    Raises:
        HubError: The repository is missing, not gated, or not the caller's to keep.
    """
    read = getattr(api(), f"list_{status}_access_requests")
    try:
        with as_keeper(repository):
            found = ask(
                repository,
                f"list {status} access requests",
                lambda: [_request(item) for item in read(repository, repo_type="dataset")],
            )
    except HubError as error:
        if http_status(error) != 400:
            raise
        raise HubError(
            f"{repository} is not gated, so nobody asks for access to it. `equime gate on "
            f"{repository}` closes it."
        ) from error
    return tuple(sorted(found, key=lambda request: request.asked))


def find(repository: str, who: str) -> Request:
    """The request of a user name (capitals do not matter) or of an id.

    Raises:
        NotFoundError: Nobody of that name or id has asked.
        HubError: As for `listed`.
    """
    for status in STATUSES:
        for request in listed(repository, status):
            if who == request.id or who.casefold() == request.who.casefold():
                return request
    raise NotFoundError(
        f"There is no request by or with the id {who!r} for {repository}. "
        f"`equime access list {repository} --status all` shows all there are."
    )


def answer(repository: str, action: Action, request: Request, reason: str = "") -> None:
    """Let somebody in, turn somebody down who waits, or take access away.

    A request that was revoked is rejected, not sent back among those that wait; who was rejected
    cannot ask again on the Hub, and can be let in all the same.

    Args:
        repository: "ORG/NAME".
        action: What is to become of the request.
        request: As it is now.
        reason: Shown by the Hub to whom it concerns, unless they are let in.

    Raises:
        HubError: The request is not one of which that can become, the reason is empty or too long,
            or the Hub refuses.
    """
    if problem := _UNFIT.get((action, request.status)):
        who = request.who
        raise HubError(problem.format(who=who, repository=repository, status=request.status))
    status: Status = "accepted" if action == "accept" else "rejected"
    send: Callable[..., None] = api().accept_access_request
    given: dict[str, str] = {}
    if status == "rejected":
        send, given = api().reject_access_request, {"rejection_reason": _reason(request, reason)}
    try:
        with as_keeper(repository), speaking(repository, "answer the access request"):
            send(repository, request_id=request.id, repo_type="dataset", **given)
    except NotFoundError:
        # So the Hub also says of a request that has this status by now.
        if find(repository, request.id).status != status:
            raise
        raise HubError(
            f"The request of {request.who} for {repository} is {status} already: somebody else "
            "answered it meanwhile."
        ) from None


def _reason(request: Request, reason: str) -> str:
    if not 0 < len(reason.strip()) <= MAX_REASON:
        raise HubError(
            f"The reason has {len(reason.strip())} characters; the Hub shows it to "
            f"{request.who} and takes 1 to {MAX_REASON}."
        )
    return reason.strip()


def grant(repository: str, username: str) -> None:
    """Let somebody in who has not asked.

    Raises:
        NotFoundError: There is no such user.
        HubError: They are in already, or the Hub refuses.
    """
    with as_keeper(repository), speaking(repository, f"grant access to {username!r}"):
        api().grant_access(repository, username, repo_type="dataset")


@contextlib.contextmanager
def as_keeper(repository: str) -> Iterator[None]:
    """Say what the Hub means where it refuses somebody who is no keeper.

    Raises:
        HubError: It is no name of a repository.
        NotGrantedError: Instead of the one that was raised in the block.
    """
    check_name(repository)
    try:
        yield
    except NotGrantedError as error:
        raise NotGrantedError(
            f"Only who may write to {repository} closes it and answers requests for it. Sign in as "
            "one of them by `hf auth login --force`, with a token that may write."
        ) from error


def _request(item: AccessRequest) -> Request:
    return Request(
        id=item.request_id,
        username=item.username,
        fullname=item.fullname,
        email=item.email,
        asked=item.timestamp,
        status=item.status,
        answers={str(text): _answer(value) for text, value in (item.fields or {}).items()},
    )


def _answer(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value).strip()
