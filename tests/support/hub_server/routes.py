"""The table of routes, and what the handlers share."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from tests.support.hub_server.log import Call
from tests.support.hub_server.store import Refusal, Repository, Store

Handler = Callable[..., Response]
RULES: list[Rule] = []
API = "/api/<any(models,datasets,spaces):kind>/<space>/<name>"


def route(method: str, *paths: str) -> Callable[[Handler], Handler]:
    """Register a handler; it gets a `Context` and the parts of the path, each decoded.

    `kind`, `space` and `name` of the repository stay in the context.
    """

    def register(handler: Handler) -> Handler:
        for path in paths:
            RULES.append(Rule(path, methods=[method], endpoint=handler, strict_slashes=False))
        return handler

    return register


@dataclass(frozen=True)
class Context:
    """One request with the store that it is about, and the repository that its path names."""

    store: Store
    call: Call
    page_size: int
    kind: str = ""
    id: str = ""

    @property
    def found(self) -> Repository:
        """The repository, known to the caller."""
        return self.store.found(self.call.user, self.kind, self.id)

    @property
    def opened(self) -> Repository:
        """The repository, readable by the caller."""
        return self.store.opened(self.call.user, self.kind, self.id)

    @property
    def writable(self) -> Repository:
        """The repository, the caller's to change."""
        repository = self.opened
        self.signed_in()
        if not self.store.writes(self.call.user, repository):
            raise Refusal(403, "You have read access but not the required permissions")
        return repository

    def signed_in(self) -> str:
        """The caller's name, who may write with this token."""
        if self.call.user is None:
            raise Refusal(401, "Invalid username or password.")
        if self.call.scope != "write":
            raise Refusal(403, "This token has read rights only: you must use a write token")
        return self.call.user

    def paged(self, rows: list[Any]) -> Response:
        """One page of a list, with the address of the next one."""
        start = int(self.call.query.get("cursor", "0"))
        end = start + self.page_size
        answer = reply(rows[start:end])
        if end < len(rows):
            query = {**self.call.query.to_dict(), "cursor": str(end)}
            address = f"{self.store.endpoint}{self.call.raw}?{urlencode(query)}"
            answer.headers["Link"] = f'<{address}>; rel="next"'
        return answer


def reply(value: object, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(json.dumps(value), status, mimetype="application/json")


def refused(refusal: Refusal) -> Response:
    """An error as the clients read it: in the headers, and as JSON."""
    answer = reply({"error": refusal.message}, refusal.status)
    answer.headers["X-Error-Message"] = refusal.message
    if refusal.code:
        answer.headers["X-Error-Code"] = refusal.code
    answer.headers.update(refusal.headers)
    return answer
