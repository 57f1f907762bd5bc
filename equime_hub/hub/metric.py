"""Metrics as Spaces: what `evaluate.load("ORG/uf1")` opens."""

from __future__ import annotations

from pathlib import Path

from equime_hub import metrics
from equime_hub.cards.compare import head
from equime_hub.errors import MetricError
from equime_hub.hub.artifact import Sent, local_files, send

CARD = "README.md"
LICENSE = "apache-2.0"
"""Of this package, and so of the code of its metrics."""
NEEDED = ("title", "sdk", "sdk_version", "app_file", "description")
"""What a Space, and the list of metrics on the Hub, read from the head of the card."""
TAGS = ("evaluate", "metric")
SHARED = ("app.py", "requirements.txt")
"""Files of a Space that are the same for every metric; a folder may have its own."""


def push_metric(
    name: str, repository: str, *, private: bool | None = None, dry_run: bool = False
) -> Sent:
    """Make a Space hold a metric, complete by itself.

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
        MetricError: There is no such metric, it has no card of a Space, or the repository is
            called otherwise.
        HubError: As `artifact.send`.
    """
    place = Path(metrics.path(name))
    folder = place if place.is_dir() else place.parent
    if repository.rpartition("/")[2] != name:
        raise MetricError(
            f"The Space of {name} must be called ORG/{name}, not {repository!r}: `evaluate` looks "
            "for a file of the Space's name."
        )
    files: dict[str, Path | bytes] = {**local_files(folder), CARD: space_card(folder).encode()}
    for file in SHARED:
        files.setdefault(file, metrics.FOLDER / file)
    return send(
        repository,
        "space",
        files,
        own=("*.py",),
        sign=f"{name}.py",
        private=private,
        dry_run=dry_run,
    )


def space_card(folder: Path) -> str:
    """The card of a metric's folder as its Space shows it: the same, with a licence in its head.

    Args:
        folder: Such as `metrics.path("uf1")`.

    Raises:
        MetricError: It has no card, or one in whose head something is missing.
    """
    path = folder / CARD
    if not path.is_file():
        raise MetricError(f"{folder} has no {CARD}, which a Space needs.")
    card = path.read_text(encoding="utf-8")
    found = head(card)
    missing = [key for key in NEEDED if not found.get(key)]
    missing += [f"the tag {tag}" for tag in TAGS if tag not in (found.get("tags") or ())]
    if missing:
        raise MetricError(f"The head of {path} lacks {', '.join(missing)}, which a Space needs.")
    if "license" in found or folder.name not in metrics.OURS:
        return card  # whoever wrote another metric says under which licence
    return card.replace("---\n", f"---\nlicense: {LICENSE}\n", 1)
