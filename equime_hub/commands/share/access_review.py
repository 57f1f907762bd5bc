"""Walking through requests in a terminal, or with the answers from a pipe."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from equime_hub.commands.common import talk
from equime_hub.commands.share.access_text import full, printable
from equime_hub.errors import HubError, OfflineError
from equime_hub.hub import decisions
from equime_hub.hub.requests import MAX_REASON, Request

Choice = Literal["accept", "reject", "skip", "quit"]

_CHOICES: dict[str, Choice] = {"a": "accept", "r": "reject", "s": "skip", "q": "quit"}


def walk(repository: str, requests: Sequence[Request], by: str, log: Path) -> Counter[str]:
    """Show each request and do what is typed.

    The end of the input means "quit". A request that cannot be answered, as when somebody else
    was faster, is told of and passed over.

    Returns:
        How many were accepted, rejected, skipped, failed.

    Raises:
        OfflineError: The Hub cannot be reached; the next requests would fare no better.
        DatasetError: The log cannot be written.
    """
    counts: Counter[str] = Counter()
    for number, request in enumerate(requests, 1):
        click.echo(f"\n[{number}/{len(requests)}] {full(request)}")
        choice, reason = _ask(request)
        if choice == "quit":
            break
        if choice == "skip":
            counts["skipped"] += 1
            continue
        try:
            decisions.answer(repository, choice, request, by=by, reason=reason, log=log)
        except OfflineError:
            raise
        except HubError as error:
            talk(f"equime: {error}")
            counts["failed"] += 1
        else:
            talk(printable(f"{request.who}: {choice}ed."))
            counts[f"{choice}ed"] += 1
    return counts


def _ask(request: Request) -> tuple[Choice, str]:
    """What to do, and the reason for a rejection."""
    while True:
        typed = _typed("[a]ccept, [r]eject, [s]kip or [q]uit? ")
        if typed is None:
            return "quit", ""
        choice = _CHOICES.get(typed[:1].casefold())
        if choice == "reject":
            reason = _typed(f"Why? {printable(request.who)} will read it. ")
            if reason and len(reason) <= MAX_REASON:
                return choice, reason
            talk(f"A rejection takes a reason of 1 to {MAX_REASON} characters.")
        elif choice:
            return choice, ""


def _typed(question: str) -> str | None:
    """A line from the terminal or a pipe; None at its end."""
    click.echo(question, nl=False, err=True)
    line = sys.stdin.readline()
    return line.strip() if line else None
