"""OpenCV on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenCV on one thread inside the block.

    Frames are small and workers are as many as cores, so more would only wait for each other;
    and with several the order of detections is left to chance.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
