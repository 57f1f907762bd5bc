"""Decisions about access, and the local log of them: lines are added, never changed.

Each decision is two lines of JSON. The first says what is about to be done, and is on the disk
before the Hub is asked; the second says that it was done, or why it failed. So a crash between
them leaves a decision without a result, which can be seen. Of the person, only the user name and
the id of the request are kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from equime_hub.cards.policy import POLICY, Policy
from equime_hub.errors import DatasetError, HubError, OfflineError
from equime_hub.hub import requests
from equime_hub.hub.advice import advise
from equime_hub.hub.client import status
from equime_hub.hub.requests import Request

NAME = "decisions.jsonl"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Decision:
    """Who decided what about whom.

    Attributes:
        repository: ORG/NAME.
        action: "accept", "reject", "revoke" or "grant".
        by: Account of the keeper.
        request: Id of the request; None if access is granted unasked.
        user: Account it is about; None if the repository hides it.
        reason: As given; it should name nobody.
        advice: Codes of the advice that was shown (`Advice.code`).
        when: UTC, ISO 8601.
        id: Of this decision.
    """

    repository: str
    action: requests.Action | Literal["grant"]
    by: str
    request: str | None
    user: str | None
    reason: str = ""
    advice: tuple[str, ...] = ()
    when: str = field(default_factory=_now)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class Entry:
    """A decision and what came of it.

    Attributes:
        decision: What was decided.
        result: "done", "failed", or "unknown" if nothing was written after it.
        error: Why it failed.
    """

    decision: Decision
    result: Literal["done", "failed", "unknown"]
    error: str | None = None


@dataclass(frozen=True)
class Log:
    """A decision log as read.

    Attributes:
        entries: Oldest first.
        damaged: Numbers of lines that cannot be read, from 1.
    """

    entries: tuple[Entry, ...]
    damaged: tuple[int, ...]


def default_path() -> Path:
    """The log in the user's data folder, where the system keeps such things."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "equime" / NAME


def answer(
    repository: str,
    action: requests.Action,
    request: Request,
    *,
    by: str,
    reason: str = "",
    log: Path,
    policy: Policy = POLICY,
) -> None:
    """Answer a request on the Hub, with a line in the log before and after.

    Args:
        repository: "ORG/NAME".
        action: What is decided.
        request: About whom.
        by: Who decides (`requests.keeper`).
        reason: Shown to them by the Hub, unless they are let in.
        log: The decision log.
        policy: What was advised by.

    Raises:
        DatasetError: The log cannot be written; then nothing is answered.
        HubError: As `requests.answer`.
    """
    shown = tuple(advice.code for advice in advise(request, policy))
    decision = Decision(repository, action, by, request.id, request.username, reason, shown)
    with deciding(log, decision):
        requests.answer(repository, action, request, reason)


def grant(repository: str, user: str, *, by: str, reason: str = "", log: Path) -> None:
    """Let somebody in who has not asked, with a line in the log before and after.

    Raises:
        DatasetError: The log cannot be written; then nothing is granted.
        HubError: As `requests.grant`.
    """
    with deciding(log, Decision(repository, "grant", by, None, user, reason)):
        requests.grant(repository, user)


@contextlib.contextmanager
def deciding(log: Path, decision: Decision) -> Iterator[None]:
    """Write down what is about to be done, let the block do it, and write down that it was.

    A refusal is written as failed. If the Hub goes silent or breaks down, or this process dies,
    nothing more is written: nobody knows what became of it.

    Raises:
        DatasetError: The log cannot be written; then the block does not run.
    """
    _append(log, {"entry": "intended", **asdict(decision)})
    try:
        yield
    except HubError as error:
        if not isinstance(error, OfflineError) and (status(error) or 0) < 500:
            line = {"entry": "failed", "id": decision.id, "when": _now(), "error": str(error)}
            _append(log, line)
        raise
    _append(log, {"entry": "done", "id": decision.id, "when": _now()})


def read(log: Path) -> Log:
    """Read a log; one that is not there is empty.

    Raises:
        DatasetError: It cannot be opened.
    """
    try:
        lines = log.read_bytes().split(b"\n") if log.exists() else []
    except OSError as error:
        raise DatasetError(f"The decision log {log} cannot be read: {error}.") from error
    decisions: dict[str, Decision] = {}
    results: dict[str, Mapping[str, Any]] = {}
    damaged = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            values = json.loads(line)
            kind = values.pop("entry")
            if kind == "intended":
                decision = Decision(**{**values, "advice": tuple(values["advice"])})
                decisions[decision.id] = decision
            elif kind in ("done", "failed") and values["id"] in decisions:
                results[values["id"]] = {"result": kind, "error": values.get("error")}
            else:
                damaged.append(number)
        except (ValueError, TypeError, KeyError, AttributeError):
            damaged.append(number)
    entries = [
        Entry(decision, **results.get(decision.id, {"result": "unknown"}))
        for decision in decisions.values()
    ]
    return Log(tuple(entries), tuple(damaged))


def _append(log: Path, values: Mapping[str, Any]) -> None:
    line = json.dumps(values, ensure_ascii=False).encode() + b"\n"
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # a line that a crash tore stays alone
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DatasetError(
            f"The decision log {log} cannot be written: {error}. Nothing is decided without it; "
            "name another with --log."
        ) from error
