"""`equime gate`: close a dataset on the Hub, and see how it is closed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from equime_hub.commands.common import counted, json_option, report, talk

if TYPE_CHECKING:
    from equime_hub.hub.gating import Gate

_GATED = {
    "manual": "a person answers every request",
    "auto": "whoever asks is let in",
    None: "open to everybody who sees the repository",
}
_FORM = {
    "current": "the policy's questions are on the card",
    "different": "the card has other questions than the policy",
    "missing": "the card asks no questions",
    None: "the card cannot be read without access",
}


@click.group(
    short_help="Close a dataset on the Hub: who reads it asks first.",
    epilog="""\b
Examples:
  equime gate on lab/equime
  equime gate status lab/equime --json""",
)
def gate() -> None:
    """Who reads a dataset on the Hub has asked, and a person has said yes.

    `equime push` turns the gate on by itself, before the first file. Requests are answered with
    `equime access`.
    """


@gate.command(
    short_help="Answer every request by hand, with the policy's questions.",
    epilog="""\b
Example:
  equime gate on lab/equime""",
)
@click.argument("repository", metavar="ORG/NAME")
@json_option
def on(repository: str, as_json: bool) -> None:
    """Close ORG/NAME, and put the questions of the access policy on its card.

    An empty repository is only closed; `equime push` brings the card. Who has access keeps it.
    """
    from equime_hub.hub import gating

    wrote = gating.turn_on(repository)
    found = gating.status(repository)
    if as_json:
        report({**asdict(found), "card_written": wrote})
        return
    _tell(found)
    if wrote:
        talk("The questions were written into the card, in one commit with its sums.")


@gate.command(
    short_help="Say how a dataset is closed.",
    epilog="""\b
Examples:
  equime gate status lab/equime
  equime gate status lab/equime --json""",
)
@click.argument("repository", metavar="ORG/NAME")
@json_option
@click.pass_context
def status(ctx: click.Context, repository: str, as_json: bool) -> None:
    """Say whether ORG/NAME is there, gated, and how many requests wait.

    Exit code 1 unless a person answers every request, and the card has the policy's questions.
    """
    from equime_hub.hub import gating

    found = gating.status(repository)
    if as_json:
        report({**asdict(found), "closed": found.closed})
    else:
        _tell(found)
    if found.exists and not found.closed:
        talk(f"`equime gate on {repository}` mends that.")
    if not found.closed:
        ctx.exit(1)


def _tell(found: Gate) -> None:
    if not found.exists:
        click.echo(f"{found.repository}: there is no such dataset, or it is private to others.")
        return
    click.echo(found.repository)
    click.echo(f"  seen by  {'members of its organisation' if found.private else 'everybody'}")
    click.echo(f"  access   {_GATED[found.gated]}")
    click.echo(f"  form     {_FORM[found.form]}")
    if found.waiting is not None:
        click.echo(f"  waiting  {counted(found.waiting, 'request', 'requests')}")
