"""The card of a metric on the Hub, where it is a Space."""

from __future__ import annotations

from pathlib import Path

from equime_hub.cards.compare import head
from equime_hub.errors import MetricError

NAME = "README.md"
LICENSE = "apache-2.0"
"""Of this package, and so of the code of its metrics."""

NEEDED = ("title", "sdk", "sdk_version", "app_file", "description")
"""What a Space, and the list of metrics on the Hub, read from the head."""
TAGS = ("evaluate", "metric")


def space_card(folder: Path) -> str:
    """The card of a metric's folder as its Space shows it: the same, with a licence in its head.

    Args:
        folder: Such as `metrics.path("uf1")`.

    Raises:
        MetricError: It has no card, or one in whose head something is missing.
    """
    path = folder / NAME
    if not path.is_file():
        raise MetricError(f"{folder} has no {NAME}, which a Space needs.")
    card = path.read_text(encoding="utf-8")
    found = head(card)
    missing = [key for key in NEEDED if not found.get(key)]
    missing += [f"the tag {tag}" for tag in TAGS if tag not in (found.get("tags") or ())]
    if missing:
        raise MetricError(f"The head of {path} lacks {', '.join(missing)}, which a Space needs.")
    if "license" in found:
        return card
    return card.replace("---\n", f"---\nlicense: {LICENSE}\n", 1)
