"""How long work tells whoever waits how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Progress = Callable[[int, int], None]
"""Called as `progress(done, total)`."""

T = TypeVar("T")


def watched(items: Sequence[T], progress: Progress | None) -> Iterator[T]:
    """The items one by one, telling before each and at the end how many are done."""
    for done, item in enumerate(items):
        if progress:
            progress(done, len(items))
        yield item
    if progress:
        progress(len(items), len(items))
