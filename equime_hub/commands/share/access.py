"""`equime access`: answer those who ask for a gated dataset; and ask how one stands oneself."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import click
from click.exceptions import Exit

from equime_hub.commands.common import counted, json_wanted, report, talk
from equime_hub.commands.options import Repository, Told, command, group
from equime_hub.commands.share import access_text as texts
from equime_hub.hub import decisions, requests

Log = Annotated[Path, Told(
    type=click.Path(dir_okay=False, path_type=Path), default=decisions.default_path,
    show_default=f"{decisions.NAME} in your data folder",
    help="The log of decisions. Lines are added to it, and never changed.",
)]  # fmt: skip
ReasonForLog = Annotated[str, Told(help="For the log only.")]
ReasonForThem = Annotated[
    str, Told(help=f"The Hub shows it to WHO; {requests.MAX_REASON} characters at most.")
]

_NEXT = {
    "open": "Everybody may read it.",
    "granted": "`load_dataset({repository!r})` reads it.",
    "signed out": "Run `hf auth login`, then ask for access on {page}",
    "not asked": "Ask for access on {page}",
    "waiting or refused": "The request waits for an answer or was refused; see {page}",
    "missing": "There is no such dataset, or it is private to others: {page}",
}
"""What to do next, by `loading_script.access.State`."""


@group("List and answer requests for access to a gated dataset.")
def access() -> None:
    """List and answer requests for access to a gated dataset, or ask how you stand yourself.

    WHO is a user name, or the id of a request where the Hub hides names. What is advised comes
    from the access policy; only a person decides. Each decision is written into a log on this
    machine, before the Hub is told and again once it is done.

    Examples:
        equime access list lab/equime
        equime access review lab/equime
        equime access accept lab/equime anna
        equime access check lab/equime
    """


@command(
    "List requests.",
    of=access,
    status={"type": click.Choice((*requests.STATUSES, "all"))},
    table={"called": "csv", "type": click.Path(dir_okay=False, path_type=Path, allow_dash=True)},
)
def list_(repository: Repository, *, status: str = "pending", table: Path | None = None) -> None:
    """List the requests for ORG/NAME, oldest first, with how much there is to look at in each.

    Options:
        status: Which requests.
        table: Write a table with all answers; - is stdout. It holds personal data.

    Examples:
        equime access list lab/equime
        equime access list lab/equime --status all --csv requests.csv
    """
    if table and json_wanted():
        raise click.UsageError("Choose one of --csv and --json.")
    chosen = [name for name in requests.STATUSES if status in (name, "all")]
    found = [request for name in chosen for request in requests.listed(repository, name)]
    if table:
        texts.write_csv(table, found)
        if str(table) != "-":
            talk(f"{counted(len(found), 'request', 'requests')} in {table}.")
        return
    which = "" if status == "all" else f"{status} "
    report(
        {"repository": repository, "requests": [texts.plain(request) for request in found]},
        map(texts.line, found),
        f"{counted(len(found), f'{which}request', f'{which}requests')}.",
    )


@command("Show one request, and what to look at.", of=access)
def show(repository: Repository, who: str) -> None:
    """Show all answers of WHO to the questions of ORG/NAME, compared with the access policy.

    Example:
        equime access show lab/equime anna
    """
    request = requests.find(repository, who)
    report({"repository": repository, **texts.plain(request)}, texts.full(request))


@command("Let somebody in who waits or was rejected.", of=access, json=False)
def accept(repository: Repository, who: str, *, reason: ReasonForLog = "", log: Log) -> None:
    """Give WHO access to ORG/NAME.

    Example:
        equime access accept lab/equime anna
    """
    _answer("accept", repository, who, reason, log)


@command("Turn somebody down who waits.", of=access, json=False)
def reject(repository: Repository, who: str, *, reason: ReasonForThem, log: Log) -> None:
    """Turn down the request of WHO for ORG/NAME.

    On the Hub, who is rejected cannot ask again; `equime access accept` still lets them in.

    Example:
        equime access reject lab/equime anna --reason "Please ask from your university account."
    """
    _answer("reject", repository, who, reason, log)


@command("Take access away.", of=access, json=False)
def revoke(repository: Repository, who: str, *, reason: ReasonForThem, log: Log) -> None:
    """Take the access of WHO to ORG/NAME away; what they have downloaded stays with them.

    The request is rejected, so WHO cannot ask again; `equime access accept` lets them in again.

    Example:
        equime access revoke lab/equime anna --reason "The project has ended."
    """
    _answer("revoke", repository, who, reason, log)


@command("Let somebody in who has not asked.", of=access, json=False)
def grant(repository: Repository, user: str, *, reason: ReasonForLog = "", log: Log) -> None:
    """Give USER access to ORG/NAME, without a request and without answers.

    Example:
        equime access grant lab/equime anna --reason "Co-author, signed the terms on paper."
    """
    by = requests.keeper(repository)
    decisions.grant(repository, user, by=by, reason=reason, log=log)
    click.echo(f"{user} has access to {repository} now.")


@command("Walk through the requests that wait.", of=access, json=False)
def review(repository: Repository, *, log: Log) -> None:
    """Show each request for ORG/NAME that waits, and ask: accept, reject, skip or quit?

    Exit code 1 if the Hub refused any of the answers.

    Example:
        equime access review lab/equime
    """
    waiting = requests.listed(repository, "pending")
    by = requests.keeper(repository)
    counts = texts.walk(repository, waiting, by, log)
    left = len(waiting) - counts["accepted"] - counts["rejected"]
    click.echo(
        f"{counts['accepted']} accepted, {counts['rejected']} rejected; "
        f"{counted(left, 'request is', 'requests are')} left."
    )
    if counts["failed"]:
        raise Exit(1)


@command("Print the log of decisions.", of=access)
def log_(*, log: Log) -> None:
    """Print every decision made on this machine: who, what, about whom, when, and why.

    "unknown" is the result of a decision after which nothing was written: the process was killed
    or the Hub fell silent. `equime access show` says how that request stands.

    Examples:
        equime access log
        equime access log --json > decisions.json
    """
    found = decisions.read(log)
    report(
        {"log": log, **asdict(found)},
        map(texts.decision, found.entries),
        f"{counted(len(found.entries), 'decision', 'decisions')} in {log}.",
    )
    if found.damaged:
        lines = ", ".join(map(str, found.damaged))
        talk(f"Cannot be read, and were left as they are: lines {lines}.")


@command("Ask how you stand yourself.", of=access)
def check(repository: Repository) -> None:
    """Say whether you may read ORG/NAME, and where to ask for access.

    Exit code 0 if you may, else 1.

    Examples:
        equime access check lab/equime
        equime access check lab/equime && python train.py
    """
    from equime_hub.loading_script.access import check as ask

    found = ask(repository)
    readable = found.state in ("open", "granted")
    report(
        {**asdict(found), "readable": readable},
        f"{repository}: {found.state}" + (f" ({found.user})" if found.user else ""),
        _NEXT[found.state].format(page=found.page, repository=repository),
    )
    if not readable:
        raise Exit(1)


def _answer(
    action: Literal["accept", "reject", "revoke"],
    repository: str,
    who: str,
    reason: str,
    log: Path,
) -> None:
    request = requests.find(repository, who)
    by = requests.keeper(repository)
    decisions.answer(repository, action, request, by=by, reason=reason, log=log)
    done = {
        "accept": "has access to",
        "reject": "is rejected for",
        "revoke": "has no more access to",
    }
    click.echo(texts.printable(f"{request.who} {done[action]} {repository} now."))
