"""Faults on demand: the next requests that match fail in a given way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.hub_server.log import Call
from tests.support.hub_server.store import Refusal

Fault = Refusal | str
"""An answer that is given instead; or how the connection is dropped: "half", "reply"."""

RATE_LIMIT = Refusal(429, "We had to rate limit you.", **{"Retry-After": "0"})
SERVER_ERROR = Refusal(500, "Internal Server Error")
STALE_PARENT = Refusal(412, "A commit has happened since. Please refresh and try again.")
EXPIRED_TOKEN = Refusal(401, "Invalid username or password.")
DROPPED = "half"
"""Hangs up halfway through the body, of which nothing is kept."""
LOST_REPLY = "reply"
"""Does what was asked, and hangs up before the answer."""


@dataclass
class Rule:
    """Something that happens to the next `times` requests that match."""

    what: Fault | Callable[[], object]
    match: Callable[[Call], bool]
    times: int

    def applies(self, call: Call) -> bool:
        """Whether it is this one's turn; it then counts as used."""
        if self.times == 0 or not self.match(call):
            return False
        self.times -= 1
        return True
