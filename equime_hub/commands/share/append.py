"""`equime append`: add a generation of clips to a dataset on the Hub."""

from __future__ import annotations

from pathlib import Path

import click

from equime_hub.commands.common import json_option, progress_bar
from equime_hub.commands.share.push_options import checker, push_options, show


@click.command(
    short_help="Add new clips to a dataset on the Hub.",
    epilog="""\b
Examples:
  equime append more ORG/equime --dry-run
  equime append more ORG/equime --note "1,000 more people over 60" """,
)
@click.argument("folder", metavar="DATASET", type=click.Path(path_type=Path))
@click.argument("repository", metavar="ORG/NAME")
@click.option("--tag", show_default="the next one, such as v1.1.0", help="Name of the release.")
@push_options
@json_option
def append(
    folder: Path,
    repository: str,
    tag: str | None,
    note: str,
    pr: bool,
    dry_run: bool,
    no_images: bool,
    as_json: bool,
) -> None:
    """Add the clips of the dataset folder DATASET to the dataset ORG/NAME.

    They become new files; those that are there stay as they are, and earlier releases load as
    before. Refused are clips that are there already and people who would change split. Whatever
    stops it, the same command goes on.
    """
    from equime_hub.hub.append import append as run
    from equime_hub.hub.sending import Wanted

    wanted = Wanted(repository, tag, note, pr, dry_run)
    with progress_bar("sent", "bytes") as progress:
        done = run(folder, wanted, check=checker(no_images), progress=progress)
    show(done, repository, as_json)
