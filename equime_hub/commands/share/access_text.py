"""Requests for access as text and tables, and walking through them.

What strangers wrote cannot steer a terminal.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import click

from equime_hub.cards.policy import POLICY
from equime_hub.commands.common import counted, talk
from equime_hub.errors import HubError, OfflineError
from equime_hub.files import written
from equime_hub.hub import decisions
from equime_hub.hub.advice import advise, answer, unknown
from equime_hub.hub.requests import MAX_REASON, Request

Choice = Literal["accept", "reject", "skip", "quit"]

_CHOICES: dict[str, Choice] = {"a": "accept", "r": "reject", "s": "skip", "q": "quit"}
_WIDTH = 96
_FORMULA = ("=", "+", "-", "@")
"""Beginnings of a cell that spreadsheets compute."""


def plain(request: Request) -> dict[str, Any]:
    """A request and its advice, for JSON."""
    advice = [asdict(item) for item in advise(request, POLICY)]
    return {**asdict(request), "asked": request.asked.isoformat(), "advice": advice}


def line(request: Request) -> str:
    """One line: when, who, from where, and how much there is to look at."""
    found = len(advise(request, POLICY))
    institution = answer(request, POLICY.question("institution"))
    return printable(
        f"{request.asked:%Y-%m-%d}  {request.status:<8}  {request.who:<24}  "
        f"{counted(found, 'thing', 'things') + ' to look at':<21}  {institution}"
    ).rstrip()


def full(request: Request) -> str:
    """All answers, the terms agreed to, and what to look at."""
    account = " ".join(
        (request.fullname or "", f"<{request.email}>" if request.email else "")
    ).strip()
    rows = [("account", account or "hidden")]
    rows += [(q.key, answer(request, q) or "-") for q in POLICY.questions if not q.is_agreement]
    rows += unknown(request, POLICY)
    advice = advise(request, POLICY)
    open_terms = {item.about for item in advice if item.check == "not agreed"}
    agreed = [q.key for q in POLICY.questions if q.is_agreement and q.key not in open_terms]
    rows.append(("agreed to", ", ".join(agreed) or "nothing"))
    lines = [f"{request.who}, {request.status}, asked {request.asked:%Y-%m-%d %H:%M} UTC"]
    lines.append(f"  request {request.id}")
    lines += [_wrapped(value, f"  {name:<12} ", " " * 15) for name, value in rows]
    lines.append("To look at:" if advice else "Nothing stands out.")
    lines += [_wrapped(item.text, "  - ", "    ") for item in advice]
    return "\n".join(lines)


def decision(entry: decisions.Entry) -> str:
    """One line of the decision log."""
    made = entry.decision
    reason = f": {made.reason}" if made.reason else ""
    advice = f" [{'; '.join(made.advice)}]" if made.advice else ""
    error = f" ({entry.error})" if entry.error else ""
    return printable(
        f"{made.when}  {entry.result:<7}  {made.by} {made.action} {made.user or made.request} "
        f"{made.repository}{reason}{advice}{error}"
    )


def write_csv(path: Path, requests: Iterable[Request]) -> None:
    """Write a table of all answers, readable only by its owner; to stdout if `path` is "-"."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    head = ("id", "username", "fullname", "email", "asked", "status")
    table.writerow((*head, *(q.key for q in POLICY.questions), "other answers", "advice"))
    for request in requests:
        other = json.dumps(dict(unknown(request, POLICY)), ensure_ascii=False)
        cells = (
            *(request.id, request.username, request.fullname, request.email),
            *(request.asked.isoformat(), request.status),
            *(answer(request, question) for question in POLICY.questions),
            other if other != "{}" else "",
            "; ".join(advice.code for advice in advise(request, POLICY)),
        )
        table.writerow([_cell(cell or "") for cell in cells])
    if str(path) == "-":
        click.echo(text.getvalue(), nl=False)
        return
    with written(path) as temporary:
        temporary.touch(mode=0o600)  # before anything is in it: these are personal data
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")


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


def printable(text: str) -> str:
    """A text without characters that steer a terminal."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


def _wrapped(text: str, first: str, rest: str) -> str:
    return textwrap.fill(
        printable(text), _WIDTH, initial_indent=printable(first), subsequent_indent=rest
    )


def _cell(text: str) -> str:
    shown = printable(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
