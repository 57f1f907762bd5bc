"""Which decoder the videos of a dataset have: PyAV, whose wheel carries FFmpeg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from equime_hub.errors import DatasetError

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict

Data = TypeVar("Data", bound="Dataset | DatasetDict | IterableDataset | IterableDatasetDict")


def with_pyav(data: Data) -> Data:
    """The same dataset, videos decoded by PyAV.

    For datasets that lost the decoder on their way through a file: `load_from_disk`,
    `Dataset.from_parquet`, `load_dataset("parquet", ...)`. No video is decoded.

    Args:
        data: A dataset or a stream, or a dictionary of them by split.

    Raises:
        DatasetError: A stream that does not know its columns, as after `map`.
    """
    from equime_hub.video.feature import pyav_features

    if isinstance(data, dict):
        return type(data)({split: with_pyav(rows) for split, rows in data.items()})
    before = data.features
    if before is None:
        raise DatasetError("This stream does not know its columns: use with_pyav before map.")
    for name, feature in pyav_features(before).items():
        if repr(feature) != repr(before[name]):  # equal they are, whatever decodes them
            data = data.cast_column(name, feature)
    return data


class DecodedByPyav:
    """Goes before a builder of `datasets`: what it gives decodes videos with PyAV."""

    def _decoded(self, data: Any) -> Any:
        return with_pyav(data)

    def _as_dataset(self, *args: Any, **kwargs: Any) -> Any:
        return self._decoded(super()._as_dataset(*args, **kwargs))  # type: ignore[misc]

    def _as_streaming_dataset_single(self, *args: Any, **kwargs: Any) -> Any:
        return self._decoded(super()._as_streaming_dataset_single(*args, **kwargs))  # type: ignore[misc]
