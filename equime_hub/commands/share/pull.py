"""`equime pull`: a local copy of a dataset on the Hub."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from equime_hub.commands.common import counted, progress_bar, report, talk
from equime_hub.commands.options import Repository, command
from equime_hub.schema.features import CONFIGS


@command("Copy a dataset from the Hub.", config={"type": click.Choice(CONFIGS)})
def pull(
    repository: Repository,
    *,
    out: Path | None = None,
    revision: str | None = None,
    config: str | None = None,
) -> None:
    """Copy the dataset repository ORG/NAME into a folder, every file checked.

    Stop it at any time and start it again: what has arrived is kept. Over an older copy, it
    fetches what is new and says what it removes.

    Options:
        out: Folder for the copy. [default: ./NAME]
        revision: Tag, branch or commit. [default: main]
        config: Copy the files of one config only: metadata are labels without clips.
            [default: all]

    Examples:
        equime pull ORG/equime
        equime pull ORG/equime --revision v1.0.0 --out equime-1.0.0
        equime pull ORG/equime --config metadata --out labels
    """
    from equime_hub.loading_script.pull import pull as run

    folder = out or Path(repository.rpartition("/")[2])
    with progress_bar("copied", "bytes") as progress:
        done = run(repository, folder, revision=revision, config=config, progress=progress)
    for name in done.removed:
        talk(f"{name} was removed: {repository} at {revision or 'main'} does not have it.")
    fetched = counted(len(done.fetched), "file", "files")
    report(
        asdict(done),
        f"{folder}: {repository} at {done.commit[:8]}, {counted(len(done.files), 'file', 'files')}"
        f" ({fetched} of {done.num_bytes / 1e6:,.1f} MB fetched now)",
    )
