"""`equime gate`: close a dataset on the Hub, and see how it is closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from click.exceptions import Exit

from equime_hub.commands.common import counted, report, talk
from equime_hub.commands.options import Repository, command, group

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


@group("Close a dataset on the Hub: who reads it asks first.")
def gate() -> None:
    """Who reads a dataset on the Hub has asked, and a person has said yes.

    `equime push` turns the gate on by itself, before the first file. Requests are answered with
    `equime access`.

    Examples:
        equime gate on lab/equime
        equime gate status lab/equime --json
    """


@command("Answer every request by hand, with the policy's questions.", of=gate)
def on(repository: Repository) -> None:
    """Close ORG/NAME, and put the questions of the access policy on its card.

    An empty repository is only closed; `equime push` brings the card. Who has access keeps it.

    Example:
        equime gate on lab/equime
    """
    from equime_hub.hub import gating

    wrote = gating.turn_on(repository)
    found = gating.status(repository)
    written = "The questions were written into the card, in one commit with its sums."
    report({**asdict(found), "card_written": wrote}, _lines(found), *[written] * wrote)


@command("Say how a dataset is closed.", of=gate)
def status(repository: Repository) -> None:
    """Say whether ORG/NAME is there, gated, and how many requests wait.

    Exit code 1 unless a person answers every request, and the card has the policy's questions.

    Examples:
        equime gate status lab/equime
        equime gate status lab/equime --json
    """
    from equime_hub.hub import gating

    found = gating.status(repository)
    report({**asdict(found), "closed": found.closed}, _lines(found))
    if found.exists and not found.closed:
        talk(f"`equime gate on {repository}` mends that.")
    if not found.closed:
        raise Exit(1)


def _lines(found: Gate) -> Iterator[str]:
    if not found.exists:
        yield f"{found.repository}: there is no such dataset, or it is private to others."
        return
    yield found.repository
    yield f"  seen by  {'members of its organisation' if found.private else 'everybody'}"
    yield f"  access   {_GATED[found.gated]}"
    yield f"  form     {_FORM[found.form]}"
    if found.waiting is not None:
        yield f"  waiting  {counted(found.waiting, 'request', 'requests')}"
