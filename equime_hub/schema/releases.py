"""What a dataset on the Hub has released: `releases.json`, one entry a generation of clips."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from equime_hub.errors import DatasetError
from equime_hub.files import write_text

NAME = "releases.json"
"""File of a published dataset; one that never was pushed has none."""

FIRST = "v1.0.0"
"""Tag of the first release, if no other is asked for."""

_NUMBERED = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
_TAG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_-]))*")


@dataclass(frozen=True)
class Release:
    """One generation of clips, as it was added to a dataset.

    Attributes:
        tag: Revision that has all clips up to these, such as "v1.0.0".
        date: Day of the release, "2026-11-21" (UTC).
        build: Fingerprint of the generation's plan and configuration.
        plan: Fingerprint of its plan.
        clips: Split → clips that it added.
        people: Different people in these clips.
        note: What its maker says about it; may be empty.
    """

    tag: str
    date: str
    build: str
    plan: str
    clips: Mapping[str, int]
    people: int
    note: str = ""


def read_releases(folder: Path) -> tuple[Release, ...]:
    """Releases of a dataset folder, oldest first; none if it was never pushed.

    Raises:
        DatasetError: `releases.json` is there and damaged.
    """
    path = folder / NAME
    if not path.is_file():
        return ()
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["releases"]
        return tuple(_checked(Release(**entry)) for entry in entries)
    except (ValueError, TypeError, KeyError) as error:
        raise DatasetError(
            f"{path} is damaged ({error}). Take it from the Hub again: it is never changed by hand."
        ) from error


def write_releases(folder: Path, releases: Iterable[Release]) -> None:
    """Write `releases.json`, oldest first."""
    entries = [asdict(release) for release in releases]
    text = json.dumps({"releases": entries}, indent=2, ensure_ascii=False)
    write_text(folder / NAME, text + "\n")


def next_tag(tags: Iterable[str]) -> str:
    """The next minor version after all of some tags; tags of another form do not count.

    >>> next_tag(["v1.0.0", "v1.9.3", "stable"]), next_tag([])
    ('v1.10.0', 'v1.0.0')
    """
    numbers = [tuple(map(int, m.groups())) for tag in tags if (m := _NUMBERED.fullmatch(tag))]
    if not numbers:
        return FIRST
    major, minor, _ = max(numbers)
    return f"v{major}.{minor + 1}.0"


def check_tag(tag: str) -> str:
    """Give back a name that can be a tag.

    Raises:
        DatasetError: It cannot.
    """
    if not _TAG.fullmatch(tag) or tag.endswith(".lock") or tag == "main":
        raise DatasetError(
            f"{tag!r} cannot be a tag. Use letters, digits and . _ - only, such as {FIRST}."
        )
    return tag


def _checked(release: Release) -> Release:
    """Refuse values of other types than the dataclass declares.

    Raises:
        TypeError: With the field.
    """
    texts = [f.name for f in fields(release) if f.name not in ("clips", "people")]
    for name in texts:
        if not isinstance(getattr(release, name), str):
            raise TypeError(f"{name} is no text")
    counts = [release.people, *dict(release.clips).values()]
    if not all(type(count) is int and count >= 0 for count in counts):
        raise TypeError("clips and people are no counts")
    return release
