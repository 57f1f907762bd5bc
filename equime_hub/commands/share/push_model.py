"""`equime push-model`: a trained classifier on the Hub."""

from __future__ import annotations

from pathlib import Path

import click

from equime_hub.commands.common import json_option, report
from equime_hub.commands.share.push_options import artifact_options, show, values


@click.command(
    "push-model",
    short_help="Publish a trained model.",
    epilog="""\b
Examples:
  equime push-model runs/videomae ORG/videomae-equime --dry-run
  equime push-model runs/videomae ORG/videomae-equime --public --tag v1.0.0""",
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("repository", metavar="ORG/NAME")
@click.option("--tag", help="Name of the release; it never changes its meaning.")
@artifact_options
@json_option
def push_model(
    folder: Path,
    repository: str,
    tag: str | None,
    private: bool | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send the model saved in FOLDER to the repository ORG/NAME, in one commit.

    FOLDER is what Transformers' `save_pretrained` of model and video processor wrote, and a
    README.md. Pickled weights and program code are refused.
    """
    from equime_hub.hub.model import push_model as run

    done = run(folder, repository, private=private, tag=tag, dry_run=dry_run)
    if as_json:
        report(values(done, dry_run))
    else:
        show(done, dry_run)
