"""`equime push`: publish a dataset on the Hub, gated."""

from __future__ import annotations

from pathlib import Path

import click

from equime_hub.commands.common import json_option, progress_bar
from equime_hub.commands.share.push_options import checker, push_options, show


@click.command(
    short_help="Publish a dataset on the Hub, gated.",
    epilog="""\b
Examples:
  equime push equime ORG/equime --dry-run
  equime push equime ORG/equime --public --note "75,000 clips of 4,700 people" """,
)
@click.argument("folder", metavar="DATASET", type=click.Path(path_type=Path))
@click.argument("repository", metavar="ORG/NAME")
@click.option("--public", is_flag=True, help="Let everybody see the page; the clips stay gated.")
@click.option("--tag", show_default="v1.0.0", help="Name of the release.")
@push_options
@json_option
def push(
    folder: Path,
    repository: str,
    public: bool,
    tag: str | None,
    note: str,
    pr: bool,
    dry_run: bool,
    no_images: bool,
    as_json: bool,
) -> None:
    """Send the dataset folder DATASET to a new repository ORG/NAME.

    It is checked like `equime verify` and `equime audit` do. Who may read it is asked for on its
    page and answered with `equime access`; its gate is closed before anything is sent. Whatever
    stops it, the same command goes on.
    """
    from equime_hub.hub.push import push as run
    from equime_hub.hub.sending import Wanted

    if public and pr:
        raise click.UsageError("--pr changes no repository; leave it or --public out.")
    wanted = Wanted(repository, tag, note, pr, dry_run)
    with progress_bar("sent", "bytes") as progress:
        done = run(folder, wanted, check=checker(no_images), public=public, progress=progress)
    show(done, repository, as_json)
