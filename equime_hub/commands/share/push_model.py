"""`equime push-model`: a trained classifier on the Hub."""

from __future__ import annotations

from pathlib import Path

from equime_hub.commands.options import Repository, command
from equime_hub.commands.share.push_options import DryRun, Private, show


@command("Publish a trained model.")
def push_model(
    folder: Path,
    repository: Repository,
    *,
    tag: str | None = None,
    private: Private,
    dry_run: DryRun = False,
) -> None:
    """Send the model saved in FOLDER to the repository ORG/NAME, in one commit.

    FOLDER is what Transformers' `save_pretrained` of model and video processor wrote, and a
    README.md. Pickled weights and program code are refused.

    Options:
        tag: Name of the release; it never changes its meaning.

    Examples:
        equime push-model runs/videomae ORG/videomae-equime --dry-run
        equime push-model runs/videomae ORG/videomae-equime --public --tag v1.0.0
    """
    from equime_hub.hub.model import push_model as run

    show(run(folder, repository, private=private, tag=tag, dry_run=dry_run), dry_run)
