"""What was asked of the Hub of the tests, and what it answered."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict


@dataclass
class Call:
    """One request, in the log from its arrival on.

    Args:
        method: In capitals.
        path: Decoded, without the query.
        raw: The path as it was sent; the query is not in it.
        query: Its parameters.
        user: Whose token came with it; None without one (LFS contents are sent without).
        scope: "read" or "write", of the token.
        headers: As they were sent, the token among them.
        received: The body. A fault that drops the connection leaves it empty.
        sent: The body of the answer.
        status: Of the answer; 0 before there is one, and where the connection was dropped.
    """

    method: str
    path: str
    raw: str
    query: MultiDict[str, str]
    user: str | None = None
    scope: str = "write"
    headers: dict[str, str] = field(default_factory=dict)
    received: bytes = b""
    sent: bytes = b""
    status: int = 0

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.received)
