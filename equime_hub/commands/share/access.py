"""`equime access`: answer those who ask for a gated dataset; and ask how one stands oneself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click

from equime_hub.commands.common import Function, counted, json_option, report, talk
from equime_hub.commands.share import access_text as texts
from equime_hub.hub import decisions, requests

_repository = click.argument("repository", metavar="ORG/NAME")
_who = click.argument("who", metavar="WHO")
_reason_for_log = click.option("--reason", default="", show_default=False, help="For the log only.")
_reason_for_them = click.option(
    "--reason", required=True,
    help=f"The Hub shows it to WHO; {requests.MAX_REASON} characters at most.",
)  # fmt: skip
_log_option = click.option(
    "--log", type=click.Path(dir_okay=False, path_type=Path), default=decisions.default_path,
    show_default=f"{decisions.NAME} in your data folder",
    help="The log of decisions. Lines are added to it, and never changed.",
)  # fmt: skip


def _answers(reason: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Arguments and options of a command that answers the request of WHO."""
    return lambda function: _repository(_who(reason(_log_option(function))))


_NEXT = {
    "open": "Everybody may read it.",
    "granted": "`load_dataset({repository!r})` reads it.",
    "signed out": "Run `hf auth login`, then ask for access on {page}",
    "not asked": "Ask for access on {page}",
    "waiting or refused": "The request waits for an answer or was refused; see {page}",
    "missing": "There is no such dataset, or it is private to others: {page}",
}
"""What to do next, by `loading_script.access.State`."""


@click.group(
    short_help="List and answer requests for access to a gated dataset.",
    epilog="""\b
Examples:
  equime access list lab/equime
  equime access review lab/equime
  equime access accept lab/equime anna
  equime access check lab/equime""",
)
def access() -> None:
    """List and answer requests for access to a gated dataset, or ask how you stand yourself.

    WHO is a user name, or the id of a request where the Hub hides names. What is advised comes
    from the access policy; only a person decides. Each decision is written into a log on this
    machine, before the Hub is told and again once it is done.
    """


@access.command(
    "list",
    short_help="List requests.",
    epilog="""\b
Examples:
  equime access list lab/equime
  equime access list lab/equime --status all --csv requests.csv""",
)
@_repository
@click.option(
    "--status", type=click.Choice((*requests.STATUSES, "all")), default="pending",
    show_default=True, help="Which requests.",
)  # fmt: skip
@click.option(
    "--csv", "table", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    help="Write a table with all answers; - is stdout. It holds personal data.",
)  # fmt: skip
@json_option
def list_(repository: str, status: str, table: Path | None, as_json: bool) -> None:
    """List the requests for ORG/NAME, oldest first, with how much there is to look at in each."""
    if table and as_json:
        raise click.UsageError("Choose one of --csv and --json.")
    chosen = [name for name in requests.STATUSES if status in (name, "all")]
    found = [request for name in chosen for request in requests.listed(repository, name)]
    if as_json:
        report({"repository": repository, "requests": [texts.plain(r) for r in found]})
    elif table:
        texts.write_csv(table, found)
        if str(table) != "-":
            talk(f"{counted(len(found), 'request', 'requests')} in {table}.")
    else:
        for request in found:
            click.echo(texts.line(request))
        which = "" if status == "all" else f"{status} "
        talk(f"{counted(len(found), f'{which}request', f'{which}requests')}.")


@access.command(
    short_help="Show one request, and what to look at.",
    epilog="""\b
Example:
  equime access show lab/equime anna""",
)
@_repository
@_who
@json_option
def show(repository: str, who: str, as_json: bool) -> None:
    """Show all answers of WHO to the questions of ORG/NAME, compared with the access policy."""
    request = requests.find(repository, who)
    if as_json:
        report({"repository": repository, **texts.plain(request)})
    else:
        click.echo(texts.full(request))


@access.command(
    short_help="Let somebody in who waits or was rejected.",
    epilog="""\b
Example:
  equime access accept lab/equime anna""",
)
@_answers(_reason_for_log)
def accept(repository: str, who: str, reason: str, log: Path) -> None:
    """Give WHO access to ORG/NAME."""
    _answer("accept", repository, who, reason, log)


@access.command(
    short_help="Turn somebody down who waits.",
    epilog="""\b
Example:
  equime access reject lab/equime anna --reason "Please ask from your university account."
""",
)
@_answers(_reason_for_them)
def reject(repository: str, who: str, reason: str, log: Path) -> None:
    """Turn down the request of WHO for ORG/NAME.

    On the Hub, who is rejected cannot ask again; `equime access accept` still lets them in.
    """
    _answer("reject", repository, who, reason, log)


@access.command(
    short_help="Take access away.",
    epilog="""\b
Example:
  equime access revoke lab/equime anna --reason "The project has ended."
""",
)
@_answers(_reason_for_them)
def revoke(repository: str, who: str, reason: str, log: Path) -> None:
    """Take the access of WHO to ORG/NAME away; what they have downloaded stays with them.

    The request is rejected, so WHO cannot ask again; `equime access accept` lets them in again.
    """
    _answer("revoke", repository, who, reason, log)


@access.command(
    short_help="Let somebody in who has not asked.",
    epilog="""\b
Example:
  equime access grant lab/equime anna --reason "Co-author, signed the terms on paper."
""",
)
@_repository
@click.argument("user", metavar="USER")
@_reason_for_log
@_log_option
def grant(repository: str, user: str, reason: str, log: Path) -> None:
    """Give USER access to ORG/NAME, without a request and without answers."""
    by = requests.keeper(repository)
    decisions.grant(repository, user, by=by, reason=reason, log=log)
    click.echo(f"{user} has access to {repository} now.")


@access.command(
    short_help="Walk through the requests that wait.",
    epilog="""\b
Example:
  equime access review lab/equime""",
)
@_repository
@_log_option
@click.pass_context
def review(ctx: click.Context, repository: str, log: Path) -> None:
    """Show each request for ORG/NAME that waits, and ask: accept, reject, skip or quit?

    Exit code 1 if the Hub refused any of the answers.
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
        ctx.exit(1)


@access.command(
    "log",
    short_help="Print the log of decisions.",
    epilog="""\b
Examples:
  equime access log
  equime access log --json > decisions.json""",
)
@_log_option
@json_option
def log_(log: Path, as_json: bool) -> None:
    """Print every decision made on this machine: who, what, about whom, when, and why.

    "unknown" is the result of a decision after which nothing was written: the process was killed
    or the Hub fell silent. `equime access show` says how that request stands.
    """
    found = decisions.read(log)
    if as_json:
        report({"log": log, **asdict(found)})
    else:
        for entry in found.entries:
            click.echo(texts.decision(entry))
        talk(f"{counted(len(found.entries), 'decision', 'decisions')} in {log}.")
    if found.damaged:
        lines = ", ".join(map(str, found.damaged))
        talk(f"Cannot be read, and were left as they are: lines {lines}.")


@access.command(
    short_help="Ask how you stand yourself.",
    epilog="""\b
Examples:
  equime access check lab/equime
  equime access check lab/equime && python train.py""",
)
@_repository
@json_option
@click.pass_context
def check(ctx: click.Context, repository: str, as_json: bool) -> None:
    """Say whether you may read ORG/NAME, and where to ask for access.

    Exit code 0 if you may, else 1.
    """
    from equime_hub.loading_script.access import check as ask

    found = ask(repository)
    readable = found.state in ("open", "granted")
    if as_json:
        report({**asdict(found), "readable": readable})
    else:
        click.echo(f"{repository}: {found.state}" + (f" ({found.user})" if found.user else ""))
        talk(_NEXT[found.state].format(page=found.page, repository=repository))
    if not readable:
        ctx.exit(1)


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
