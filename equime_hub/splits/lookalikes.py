"""Photographs that look the same: copies that were resized, re-encoded or brightened.

A perceptual hash finds candidates; thumbnails decide. The hash alone will not do for faces that
are aligned alike: of 1,500 drawn people, 1.3 % of the pairs are within its threshold.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

MAX_BITS = 6
"""Bits of 64 in which the hashes of copies may differ. JPEG of quality 20 changes up to 5."""
MIN_CORRELATION = 0.996
"""Of the thumbnails of copies. JPEG of quality 20 leaves 0.996, half or fourfold the size 0.9999;
of the pairs of drawn people that pass the hash, none reaches 0.993."""

SKETCH = np.dtype([("hash", np.uint64), ("thumbnail", np.uint8, (16, 16, 3))])
"""What is kept of a photograph: 776 bytes."""

_BLOCK = 256
_PAIRS = 4096


def sketch(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.void]:
    """Perceptual hash (OpenCV's `PHash`: signs of 64 low DCT frequencies) and thumbnail.

    Args:
        image: H×W×3 uint8, of any size.

    Returns:
        One `SKETCH`; `np.stack` makes an array of several.
    """
    import cv2

    # Averaged first: PHash itself skips pixels of large images, so their size would matter.
    small = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)
    found = np.empty((), SKETCH)
    found["hash"] = cv2.img_hash.pHash(small).view(np.uint64)[0, 0]
    found["thumbnail"] = cv2.resize(small, (16, 16), interpolation=cv2.INTER_AREA)
    return found


def pairs(
    sketches: npt.NDArray[np.void],
    max_bits: int = MAX_BITS,
    min_correlation: float = MIN_CORRELATION,
) -> Iterator[tuple[int, int]]:
    """Pairs (i, j), i < j, of photographs that look the same.

    Every hash is compared with every other, in blocks of 256: N²/2 comparisons, in which 30,000
    photographs take seconds and 200,000 minutes. Beside the sketches, each takes 3 KB of memory.

    Args:
        sketches: N of `SKETCH`.
        max_bits: Bits in which hashes may differ.
        min_correlation: Pearson correlation of the thumbnails, at least; a thumbnail of one
            colour is like no other.
    """
    hashes = np.ascontiguousarray(sketches["hash"])
    colours = sketches["thumbnail"].reshape(len(sketches), 256, 3).astype(np.float32)
    thumbnails = (colours - colours.mean(axis=1, keepdims=True)).reshape(len(sketches), 768)
    thumbnails /= np.maximum(np.linalg.norm(thumbnails, axis=1, keepdims=True), 1e-6)
    for start in range(0, len(hashes), _BLOCK):
        distance = np.bitwise_count(hashes[start : start + _BLOCK, None] ^ hashes[start:])
        first, second = np.nonzero(distance <= max_bits)
        first, second = first[first < second], second[first < second]
        for chunk in range(0, len(first), _PAIRS):
            i = first[chunk : chunk + _PAIRS] + start
            j = second[chunk : chunk + _PAIRS] + start
            alike = np.einsum("ij,ij->i", thumbnails[i], thumbnails[j]) >= min_correlation
            yield from zip(i[alike].tolist(), j[alike].tolist(), strict=True)
