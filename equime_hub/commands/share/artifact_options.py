"""What `push-metric` and `push-model` share: options and the report."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from equime_hub.commands.common import Function, counted, talk

if TYPE_CHECKING:
    from equime_hub.hub.artifact import Sent


def artifact_options(function: Function) -> Function:
    """`--public/--private` and `--dry-run`."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Show what would be sent; send nothing."),
        click.option(
            "--public/--private",
            default=None,
            help="Who sees it.  [default: a new one is private, others stay as they are]",
        ),
    ):
        function = option(function)
    return function


def private(public: bool | None) -> bool | None:
    """The option as the functions take it."""
    return None if public is None else not public


def values(done: Sent, dry_run: bool) -> dict[str, Any]:
    """The report as plain values."""
    return {**asdict(done), "dry_run": dry_run}


def show(done: Sent, dry_run: bool) -> None:
    """Print what was sent, or would be."""
    for name in done.sent:
        click.echo(f"{'would send' if dry_run else 'sent'}  {name}")
    for name in done.removed:
        click.echo(f"{'would remove' if dry_run else 'removed'}  {name}")
    if not (done.sent or done.removed):
        talk(f"{done.repository} holds all of this already.")
    elif dry_run:
        files = counted(len(done.sent), "file", "files")
        new = " new" if done.created else ""
        talk(f"{files} of {done.num_bytes:,} bytes for the{new} repository {done.repository}.")
    else:
        talk(f"{done.repository}: {done.page}")
