"""The Hub as a test sees it: who is there, what they do in their browser, what was asked."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import forks
from tests.support.hub_server.faults import Fault, Rule
from tests.support.hub_server.log import Call
from tests.support.hub_server.server import HOST, Server
from tests.support.hub_server.store import AccessRequest, Exposure, Repository

ROOT = Path(__file__).parents[3]
PRELUDE = """
import json, socket
connect, look_up = socket.socket.connect, socket.getaddrinfo
def connect_to_the_hub(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[:2] != ({host!r}, {port}):
        raise OSError(f"a test tried to reach {{address}}")
    return connect(self, address)
def look_up_the_hub(host, *rest, **more):
    if host != {host!r}:
        raise socket.gaierror(f"a test looked up {{host}}")
    return look_up(host, *rest, **more)
socket.socket.connect, socket.getaddrinfo = connect_to_the_hub, look_up_the_hub
result = None
"""


@dataclass(frozen=True)
class Finished:
    """A process that ended; `result` is what its code left in the variable of that name."""

    result: Any
    stdout: str
    stderr: str


class Hub:
    """See the fixture `hub`.

    Args:
        port: Of the loopback interface, which is free.
        homes: An empty folder for the home folders of users, where their caches are.
        act_as: Makes the clients of this process use a home folder and a token, or none.
    """

    def __init__(self, port: int, homes: Path, act_as: Callable[[Path, str | None], None]) -> None:
        self.server = Server(port)
        self.homes = homes
        self._act_as = act_as

    @property
    def endpoint(self) -> str:
        return self.server.endpoint

    @property
    def log(self) -> list[Call]:
        """Every request in the order of arrival."""
        return self.server.log

    @property
    def repositories(self) -> dict[tuple[str, str], Repository]:
        """By kind ("model", "dataset", "space") and name."""
        return self.server.store.repositories

    def repository(self, name: str, kind: str = "dataset") -> Repository:
        return self.repositories[kind, name]

    def user(self, name: str, scope: str = "write") -> str:
        """A new token of a user, who is made if there is none; "read" tokens change nothing."""
        token = f"hf_{secrets.token_hex(16)}"
        self.server.store.users.add(name)
        self.server.store.tokens[token] = (name, scope)
        return token

    def expire(self, token: str) -> None:
        """Make a token unknown."""
        del self.server.store.tokens[token]

    def organisation(self, name: str, *admins: str, **roles: str) -> None:
        """An organisation of admins, and of users with the role "read" or "write"."""
        self.server.store.organisations[name] = {**dict.fromkeys(admins, "admin"), **roles}

    def sign_in(self, user: str | None) -> None:
        """Act in this process as that user from now on; None is nobody.

        Each has caches of their own, as on a computer of their own.
        """
        self._act_as(self.homes / (user or "nobody"), self._token(user))

    def ask(self, user: str, name: str, kind: str = "dataset", /, **answers: object) -> str:
        """Ask for access as the form on the page of a gated repository does; returns its id."""
        repository = self.server.store.found(user, kind, name)
        assert repository.gated, f"{name} is not gated: its page has no form"
        assert user not in repository.requests, f"{user} asked before: the page has no form"
        status = "accepted" if repository.gated == "auto" else "pending"
        request = AccessRequest(user, answers, status)
        repository.requests[user] = request
        return request.id

    def readable_without_grant(self) -> list[Exposure]:
        """Data files of datasets that somebody without a grant could read, or was sent.

        At any moment since the start: also where it was put right afterwards.
        """
        return [*self.server.store.exposures]

    def fail(
        self, fault: Fault, match: Callable[[Call], bool] = lambda call: True, times: int = 1
    ) -> None:
        """Make the next requests that match fail; `faults` has the ways to.

        Those that drop the connection are matched before the body is read.
        """
        self.server.rules.append(Rule(fault, match, times))

    def before(
        self, match: Callable[[Call], bool], action: Callable[[], object], times: int = 1
    ) -> None:
        """Call `action` before the next requests that match are answered.

        It may itself use the clients.
        """
        self.server.rules.append(Rule(action, match, times))

    def stop(self) -> None:
        """Be out of reach from now on: connections are refused."""
        self.server.stop()

    def start(self) -> None:
        """Be in reach again."""
        self.server.start()

    def python(
        self, code: str, user: str | None = None, offline: bool = False, home: Path | None = None
    ) -> Finished:
        """Run code in another process (`forks`) that reaches this Hub and nothing else.

        Args:
            code: Leaves what it found in `result`, which must go through JSON.
            user: Whose token it has.
            offline: Whether the libraries are told to be.
            home: Its HF_HOME; a new one by default. It works in a folder of its own.
        """
        with tempfile.TemporaryDirectory() as folder:
            environment = {
                **{name: value for name, value in os.environ.items() if name[:3] != "HF_"},
                "HF_ENDPOINT": self.endpoint,
                "HF_HOME": str(home or Path(folder) / "home"),
                "HF_HUB_DISABLE_XET": "1",
                "HF_HUB_DISABLE_TELEMETRY": "1",
                "HF_HUB_OFFLINE": str(int(offline)),
                "HF_EVALUATE_OFFLINE": str(int(offline)),
                "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            }
            if (token := self._token(user)) is not None:
                environment["HF_TOKEN"] = token
            prelude = PRELUDE.format(host=HOST, port=self.server.port)
            end = "print('\\n' + json.dumps(result))"
            program = f"{prelude}\n{textwrap.dedent(code)}\n{end}"
            done = forks.run("-c", program, cwd=Path(folder), env=environment)
        assert done.returncode == 0, done.stderr
        out, _, result = done.stdout.rstrip("\n").rpartition("\n")
        return Finished(json.loads(result), out, done.stderr)

    def _token(self, user: str | None) -> str | None:
        if user is None:
            return None
        for token, (name, scope) in reversed(self.server.store.tokens.items()):
            if name == user and scope == "write":
                return token
        raise KeyError(f"no user {user} with a token")
