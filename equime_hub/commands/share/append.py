"""`equime append`: add a generation of clips to a dataset on the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equime_hub.commands.share.push_options import publishes

if TYPE_CHECKING:
    from equime_hub.hub.sending import PushReport, Wanted


@click.command(
    short_help="Add new clips to a dataset on the Hub.",
    epilog="""\b
Examples:
  equime append more ORG/equime --dry-run
  equime append more ORG/equime --note "1,000 more people over 60" """,
)
@publishes(tag="the next one, such as v1.1.0")
def append(folder: Path, wanted: Wanted, **how: Any) -> PushReport:
    """Add the clips of the dataset folder DATASET to the dataset ORG/NAME.

    They become new files; those that are there stay as they are, and earlier releases load as
    before. Refused are clips that are there already and people who would change split. Whatever
    stops it, the same command goes on.
    """
    from equime_hub.hub.append import append as run

    return run(folder, wanted, **how)
