"""What passes from those who read licensed folders to those who write datasets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """Something wrong with a clip of a licensed folder.

    Attributes:
        clip_id: The clip.
        file: The file that is missing or damaged, relative to the root.
        problem: One sentence.
        lost: Whether the clip could not be imported for it.
    """

    clip_id: str
    file: str
    problem: str
    lost: bool = False


@dataclass(frozen=True)
class Reading:
    """What became of a clip.

    Attributes:
        row: Values by column name, as `ClipRecord.row` gives them; None if the clip was lost.
        problems: All that is wrong with it.
    """

    row: dict[str, Any] | None
    problems: tuple[Problem, ...] = ()


def split_of(part: str | None) -> str:
    """Split of a row of some part: all is "train" unless the part says otherwise.

    >>> split_of(None), split_of("hs"), split_of("test_A"), split_of("validation")
    ('train', 'train', 'test', 'validation')
    """
    name = (part or "").lower().split("_")[0]
    return name if name in ("validation", "test") else "train"
