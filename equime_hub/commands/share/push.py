"""`equime push`: publish a dataset on the Hub, gated."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from equime_hub.commands.options import Repository, command
from equime_hub.commands.share.push_options import NoImages, publish, release_options


@command(
    "Publish a dataset on the Hub, gated.",
    folder={"metavar": "DATASET"},
    release=release_options(tag="v1.0.0"),
)
def push(
    folder: Path,
    repository: Repository,
    *,
    public: bool = False,
    release: dict[str, Any],
    no_images: NoImages = False,
) -> None:
    """Send the dataset folder DATASET to a new repository ORG/NAME.

    It is checked like `equime verify` and `equime audit` do. Who may read it is asked for on its
    page and answered with `equime access`; its gate is closed before anything is sent. Whatever
    stops it, the same command goes on.

    Options:
        public: Let everybody see the page; the clips stay gated.

    Examples:
        equime push equime ORG/equime --dry-run
        equime push equime ORG/equime --public --note "75,000 clips of 4,700 people"
    """
    from equime_hub.hub.push import push as run

    if public and release.get("pr"):
        raise click.UsageError("--pr changes no repository; leave it or --public out.")
    publish(partial(run, public=public), folder, repository, release, no_images)
