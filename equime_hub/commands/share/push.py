"""`equime push`: publish a dataset on the Hub, gated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equime_hub.commands.share.push_options import publishes

if TYPE_CHECKING:
    from equime_hub.hub.sending import PushReport, Wanted


@click.command(
    short_help="Publish a dataset on the Hub, gated.",
    epilog="""\b
Examples:
  equime push equime ORG/equime --dry-run
  equime push equime ORG/equime --public --note "75,000 clips of 4,700 people" """,
)
@click.option("--public", is_flag=True, help="Let everybody see the page; the clips stay gated.")
@publishes(tag="v1.0.0")
def push(folder: Path, wanted: Wanted, public: bool, **how: Any) -> PushReport:
    """Send the dataset folder DATASET to a new repository ORG/NAME.

    It is checked like `equime verify` and `equime audit` do. Who may read it is asked for on its
    page and answered with `equime access`; its gate is closed before anything is sent. Whatever
    stops it, the same command goes on.
    """
    from equime_hub.hub.push import push as run

    if public and wanted.pr:
        raise click.UsageError("--pr changes no repository; leave it or --public out.")
    return run(folder, wanted, public=public, **how)
