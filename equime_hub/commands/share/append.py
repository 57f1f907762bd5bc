"""`equime append`: add a generation of clips to a dataset on the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from equime_hub.commands.options import Repository, command
from equime_hub.commands.share.push_options import NoImages, publish, release_options


@command(
    "Add new clips to a dataset on the Hub.",
    folder={"metavar": "DATASET"},
    release=release_options(tag="the next one, such as v1.1.0"),
)
def append(
    folder: Path,
    repository: Repository,
    *,
    release: dict[str, Any],
    no_images: NoImages = False,
) -> None:
    """Add the clips of the dataset folder DATASET to the dataset ORG/NAME.

    They become new files; those that are there stay as they are, and earlier releases load as
    before. Refused are clips that are there already and people who would change split. Whatever
    stops it, the same command goes on.

    Examples:
        equime append more ORG/equime --dry-run
        equime append more ORG/equime --note "1,000 more people over 60"
    """
    from equime_hub.hub.append import append as run

    publish(run, folder, repository, release, no_images)
