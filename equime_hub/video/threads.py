"""OpenCV and linear algebra on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache

import cv2
from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread(*, linear_algebra: bool = True) -> Iterator[None]:
    """Keep OpenCV and NumPy's linear algebra on one thread inside the block.

    Frames are small and workers are as many as cores, so more would only wait for each other;
    and with several the order of detections is left to chance.

    Args:
        linear_algebra: False leaves NumPy alone, which takes a quarter of a millisecond less.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with _pools().limit(limits=1, user_api="blas") if linear_algebra else nullcontext():
            yield
    finally:
        cv2.setNumThreads(threads)


@lru_cache(maxsize=1)
def _pools() -> ThreadpoolController:
    return ThreadpoolController()  # looks through all loaded libraries, so once
