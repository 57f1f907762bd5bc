"""Metrics as Spaces: what `evaluate.load("ORG/uf1")` opens."""

from __future__ import annotations

from pathlib import Path

from equime_hub import metrics
from equime_hub.cards import metric_card
from equime_hub.errors import MetricError
from equime_hub.hub.artifact import Artifact, Sent, local_files, send


def push_metric(
    name: str, repository: str, *, private: bool | None = None, dry_run: bool = False
) -> Sent:
    """Make a Space hold one of our metrics, complete by itself.

    `evaluate` (0.4.6) asks the Space for its own version as a revision, such as `v0.4.6`, and
    then for `main`; so the Space has no tags.

    Args:
        name: One of `metrics.names()`.
        repository: As "ORG/uf1"; its last part is the metric's name, because `evaluate` looks for
            a file of the repository's name.
        private: Whether only its organisation sees it; None leaves that as it is, and makes a new
            one private.
        dry_run: Only look.

    Raises:
        MetricError: There is no such metric, or the repository is called otherwise.
        HubError: As `artifact.send`.
    """
    folder = Path(metrics.path(name))
    if repository.rpartition("/")[2] != name:
        raise MetricError(
            f"The Space of {name} must be called ORG/{name}, not {repository!r}: `evaluate` looks "
            "for a file of the Space's name."
        )
    files: dict[str, Path | bytes] = {
        **local_files(folder),
        metric_card.NAME: metric_card.space_card(folder).encode(),
    }
    space = Artifact(repository, "space", files, own=("*.py",), sign=f"{name}.py")
    return send(space, private=private, dry_run=dry_run)
