"""Remarks on what was read: said by those who read, collected by those who report.

A remark is no error: a header row elsewhere than in the official file, a correction that no longer
fits. Without a collector it goes to the log, so that nothing is silent.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from contextvars import ContextVar

_LOG = logging.getLogger("equime_hub")
_COLLECTED: ContextVar[list[str] | None] = ContextVar("collected", default=None)


def say(remark: str) -> None:
    """Give a remark, one sentence, to the collector; the log gets it if there is none."""
    collected = _COLLECTED.get()
    if collected is None:
        _LOG.warning(remark)
    elif remark not in collected:
        collected.append(remark)


@contextlib.contextmanager
def collected() -> Iterator[list[str]]:
    """Collect the remarks of the block, each once, in order.

    >>> with collected() as remarks:
    ...     say("Row 5 is empty.")
    >>> remarks
    ['Row 5 is empty.']
    """
    remarks: list[str] = []
    token = _COLLECTED.set(remarks)
    try:
        yield remarks
    finally:
        _COLLECTED.reset(token)
