"""The releases of a dataset, as its card lists them."""

from __future__ import annotations

from collections.abc import Sequence

from equime_hub.cards.text import joined
from equime_hub.schema.releases import Release
from equime_hub.tables import counted


def render(releases: Sequence[Release]) -> str:
    """One paragraph a release, the newest first; empty if there is none.

    Args:
        releases: Oldest first.
    """
    entries = []
    total = 0
    for release in releases:
        added = sum(release.clips.values())
        total += added
        splits = joined([f"{n:,} {split}" for split, n in release.clips.items()])
        people = counted(release.people, "person", "people")
        note = " ".join(release.note.split())
        entries.append(
            f"**{release.tag}**, {release.date}: {counted(added, 'clip', 'clips')} of {people} "
            f"({splits}), {total:,} in all; build `{release.build}`." + (f" {note}" if note else "")
        )
    return "\n\n".join(reversed(entries))
