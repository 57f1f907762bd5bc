"""Onset and apex of a clip as two images: the config `onset_apex`, MiE-X's form of the data.

They are frames of the *decoded* video, so they show what its readers see, and they are lossless.
Measured on 20 clips of drawn people (64 frames of 256 × 256, 27 kB of video each, crf 12), where
something moves, with the measures of `benchmarks/codec.py`:

| format | kB a pair | ms to write | motion kept, median | worst | SNR of it, dB |
| --- | --- | --- | --- | --- | --- |
| decoded video | | | 0.941 | 0.892 | 11.2 |
| PNG, level 6 | 106 | 22 | 0.941 | 0.892 | 11.2 |
| PNG, level 1 | 122 | 9 | 0.941 | 0.892 | 11.2 |
| **WebP lossless, method 0** | 74 | 6 | 0.941 | 0.892 | 11.2 |
| WebP lossless, method 4 | 60 | 121 | 0.941 | 0.892 | 11.2 |
| JPEG, quality 95 | 34 | 1 | 0.933 | 0.888 | 9.2 |
| JPEG, quality 95, 4:4:4 | 40 | 1 | 0.935 | 0.893 | 9.0 |
| JPEG, quality 100, 4:4:4 | 81 | 1 | 0.942 | 0.894 | 10.8 |

JPEG takes little of the motion away but adds half as much noise again as the video has between
two frames that are almost equal; when it no longer does, it is larger than WebP. On a photograph
a pair takes 122 kB, its video 44 kB. Making a clip takes about 330 ms: packing better would cost
a third of that.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from PIL.features import version

from equime_hub.schema.features import features
from equime_hub.schema.records import Pair, pair_row
from equime_hub.video import codec
from equime_hub.video.clip import Clip

NAMES = ("onset", "apex")
"""The columns of the images."""

_NEEDED = ["clip_id", "video", "onset_frame", "apex_frame"]
_SETTINGS = {"lossless": True, "method": 0, "quality": 25}
"""Of the WebP encoder; the quality of a lossless image is the effort made to pack it."""


def describe() -> str:
    """All that the bytes depend on besides the frames."""
    settings = " ".join(f"{name}={value}" for name, value in _SETTINGS.items())
    return f"WebP {settings} (Pillow {PIL.__version__}, libwebp {version('webp')})"


def of(clip: Clip, onset: int, apex: int) -> Pair | None:
    """Two frames of a clip as images.

    Args:
        clip: Decoded.
        onset: Frame, from 0.
        apex: The same.

    Returns:
        The images; None if the clip has too few frames, as a broken one may.
    """
    if max(onset, apex) >= len(clip):
        return None
    return {"onset": _image(clip.frames[onset]), "apex": _image(clip.frames[apex])}


def of_shard(path: Path) -> Iterator[pa.Table]:
    """Row groups of the shard of `onset_apex` that belongs to one of `default`.

    Raises:
        VideoError: A video cannot be decoded.
    """
    schema = features("onset_apex").arrow_schema
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group)
            pairs = list(map(_of_row, rows.select(_NEEDED).to_pylist()))
            images = pa.Table.from_pylist(pairs, schema=pa.schema(map(schema.field, NAMES)))
            for name in NAMES:
                rows = rows.append_column(schema.field(name), images[name])
            yield rows


def _of_row(row: dict[str, Any]) -> dict[str, Any]:
    pair = of(codec.decode(row["video"]["bytes"]), row["onset_frame"], row["apex_frame"])
    return pair_row(pair or {}, row["clip_id"])


def _image(frame: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "WEBP", **_SETTINGS)
    return file.getvalue()
