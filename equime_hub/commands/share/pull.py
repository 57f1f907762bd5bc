"""`equime pull`: a local copy of a dataset on the Hub."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from equime_hub.commands.common import counted, json_option, progress_bar, report, talk
from equime_hub.schema.features import CONFIGS


@click.command(
    short_help="Copy a dataset from the Hub.",
    epilog="""\b
Examples:
  equime pull ORG/equime
  equime pull ORG/equime --revision v1.0.0 --out equime-1.0.0
  equime pull ORG/equime --config metadata --out labels""",
)
@click.argument("repository", metavar="ORG/NAME")
@click.option(
    "--out", type=click.Path(path_type=Path), show_default="./NAME", help="Folder for the copy."
)
@click.option("--revision", show_default="main", help="Tag, branch or commit.")
@click.option(
    "--config",
    type=click.Choice(CONFIGS),
    show_default="all",
    help="Copy the files of one config only: metadata are labels without clips.",
)
@json_option
def pull(
    repository: str, out: Path | None, revision: str | None, config: str | None, as_json: bool
) -> None:
    """Copy the dataset repository ORG/NAME into a folder, every file checked.

    Stop it at any time and start it again: what has arrived is kept. Over an older copy, it
    fetches what is new and says what it removes.
    """
    from equime_hub.loading_script.pull import pull as run

    folder = out or Path(repository.rpartition("/")[2])
    with progress_bar("copied", "bytes") as progress:
        done = run(repository, folder, revision=revision, config=config, progress=progress)
    for name in done.removed:
        talk(f"{name} was removed: {repository} at {revision or 'main'} does not have it.")
    if as_json:
        report(asdict(done))
        return
    fetched = counted(len(done.fetched), "file", "files")
    click.echo(
        f"{folder}: {repository} at {done.commit[:8]}, {counted(len(done.files), 'file', 'files')}"
        f" ({fetched} of {done.num_bytes / 1e6:,.1f} MB fetched now)"
    )
