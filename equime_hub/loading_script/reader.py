"""The Parquet reader that opens our datasets: PyAV frames, and streams that may be left early."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
from datasets.builder import Key
from datasets.packaged_modules.parquet.parquet import Parquet

from equime_hub.video.feature import with_pyav


class EquimeParquet(Parquet):  # type: ignore[misc]
    """`datasets`' Parquet builder with two differences.

    Videos decode with PyAV, whose wheel carries FFmpeg, and row groups are read one after the
    other. The original keeps a scan running in Arrow's threads between rows; a program that
    leaves such a stream early hangs or aborts at exit (pyarrow 26, apache/arrow#45214).
    """

    SLEEP_ON_THREADS_SHUTDOWNS = False  # no scan is left running, so nothing to wait for

    def _as_dataset(self, *args: Any, **kwargs: Any) -> datasets.Dataset:
        return _with_pyav(super()._as_dataset(*args, **kwargs))

    def _as_streaming_dataset_single(self, *args: Any, **kwargs: Any) -> datasets.IterableDataset:
        return _with_pyav(super()._as_streaming_dataset_single(*args, **kwargs))

    def _generate_tables(
        self, files: list[str], row_groups_list: list[tuple[int, ...] | None]
    ) -> Iterator[tuple[Key, pa.Table]]:
        predicate = self.config.filters
        if isinstance(predicate, list):
            predicate = pyarrow.parquet.filters_to_expression(predicate)
        parquet = pyarrow.dataset.ParquetFileFormat()
        for file_index, (file, groups) in enumerate(zip(files, row_groups_list, strict=True)):
            with open(file, "rb") as stream:  # datasets replaces `open` when it streams
                fragment = parquet.make_fragment(stream)
                for group in groups or range(fragment.num_row_groups):
                    table = fragment.subset(row_group_ids=[group]).to_table(
                        columns=self.config.columns, filter=predicate, use_threads=False
                    )
                    if len(table):
                        yield Key(file_index, group), self._cast_table(table)


def _with_pyav(data: Any) -> Any:
    for name, feature in with_pyav(data.features).items():
        if feature != data.features[name]:
            data = data.cast_column(name, feature)
    return data
