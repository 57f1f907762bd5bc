"""The `Video` feature of `datasets`, decoded by PyAV instead of torchcodec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import pyarrow as pa
from datasets import Features, LargeList, List, Video
from datasets.utils.file_utils import is_local_path

from equime_hub.errors import VideoError
from equime_hub.video.clip import Clip
from equime_hub.video.codec import encode
from equime_hub.video.decoder import AvDecoder

Tokens = Mapping[str, str | bool | None]
"""Repository → token of the Hub."""


@dataclass(eq=False)
class AvVideo(Video):  # type: ignore[misc]
    """A `datasets.Video` whose rows give an `AvDecoder`.

    Files know nothing of it: written to Parquet or YAML it is a plain `Video`. Of the fields only
    `decode` and `dimension_order` matter; the others configure torchcodec.

    It equals a `Video` with the same fields, so datasets that decode differently concatenate; the
    first one's decoder wins.

    Reading another column of a row opens no video. In the formats "numpy" and "torch" a row also
    gives the decoder, not all its pixels.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Video) and vars(self) == vars(other)

    def encode_example(self, value: Any) -> dict[str, Any]:
        """As `Video.encode_example`, and also from an `AvDecoder` or a `Clip`."""
        if isinstance(value, Clip):
            value = encode(value)
        elif isinstance(value, AvDecoder):
            value = value.encoded
        encoded: dict[str, Any] = super().encode_example(value)
        return encoded

    def decode_example(
        self, value: Any, token_per_repo_id: Tokens | None = None
    ) -> AvDecoder | None:
        """Wrap a row's video; its bytes are read when a frame is asked for.

        Args:
            value: `{"bytes": ..., "path": ...}`, a path, or what this function returned.
            token_per_repo_id: Tokens for videos that lie on the Hub.

        Raises:
            VideoError: Neither bytes nor path.
        """
        if not self.decode:
            raise VideoError("This column does not decode: cast it to AvVideo(decode=True)")
        if value is None or isinstance(value, AvDecoder):
            return value
        path, data = (value, None) if isinstance(value, str) else (value["path"], value["bytes"])
        if data is not None:
            return AvDecoder(data, self.dimension_order)
        if path is None:
            raise VideoError("A video needs bytes or a path, this row has neither")
        if is_local_path(path):
            return AvDecoder(path, self.dimension_order)
        return AvDecoder(path, self.dimension_order, partial(_fetch, tokens=token_per_repo_id))

    def cast_storage(self, storage: pa.Array) -> pa.StructArray:
        """As `Video.cast_storage`; a binary array may also hold paths.

        Arrow makes binaries of a mixture of bytes and strings, which is what decoders of embedded
        videos and of files are. A path never holds the zero byte, a video file always does.
        """
        if not pa.types.is_binary(storage.type):
            return super().cast_storage(storage)
        rows = [
            value and ({"bytes": value} if b"\0" in value else {"path": value.decode()})
            for value in storage.to_pylist()
        ]
        return pa.array(rows, self.pa_type)


def pyav_features(features: Features) -> Features:
    """The same features, with `AvVideo` for every `Video`, also inside lists and structs."""
    return Features({name: _with_pyav(feature) for name, feature in features.items()})


def _with_pyav(feature: Any) -> Any:
    if isinstance(feature, Video):
        return AvVideo(**{f.name: getattr(feature, f.name) for f in fields(feature) if f.init})
    if isinstance(feature, List | LargeList):
        return replace(feature, feature=_with_pyav(feature.feature))
    if isinstance(feature, dict):
        return {name: _with_pyav(child) for name, child in feature.items()}
    return feature


def _fetch(path: str, tokens: Tokens | None) -> bytes:
    """Bytes of a remote file, read the way `datasets` embeds it."""
    row = pa.array([{"bytes": None, "path": path}], Video.pa_type)
    try:
        embedded = Video().embed_storage(row, token_per_repo_id=tokens)
    except OSError as error:
        raise VideoError(f"Cannot read {path}: {error}") from error
    data: bytes = embedded[0]["bytes"].as_py()
    return data
