"""The Parquet reader that opens our datasets: PyAV frames, and streams that may be left early."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import datasets
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
from datasets.builder import Key
from datasets.packaged_modules.parquet.parquet import Parquet

from equime_hub.loading_script.pyav import DecodedByPyav

_log = logging.getLogger(__name__)


class EquimeParquet(DecodedByPyav, Parquet):  # type: ignore[misc]
    """`datasets`' Parquet builder with three differences.

    Videos decode with PyAV, whose wheel carries FFmpeg. Row groups are read one after the other:
    the original keeps a scan running in Arrow's threads between rows, and a program that leaves
    such a stream early hangs or aborts at exit (pyarrow 26, apache/arrow#45214). And reading
    fewer rows than the card counts is no error when `filters` or `on_bad_files` ask for it.
    """

    SLEEP_ON_THREADS_SHUTDOWNS = False  # no scan is left running, so nothing to wait for

    def _split_generators(self, *args: Any) -> list[datasets.SplitGenerator]:
        if self.config.filters is not None or self.config.on_bad_files != "error":
            self.info.splits = None
        generators: list[datasets.SplitGenerator] = super()._split_generators(*args)
        return generators

    def _generate_tables(
        self, files: list[str], row_groups_list: list[tuple[int, ...] | None]
    ) -> Iterator[tuple[Key, pa.Table]]:
        for file_index, (file, groups) in enumerate(zip(files, row_groups_list, strict=True)):
            try:
                with open(file, "rb") as stream:  # datasets replaces `open` when it streams
                    for index, batch in enumerate(self._batches(stream, groups)):
                        table = pa.Table.from_batches([batch])
                        yield Key(file_index, index), self._cast_table(table)
            except ValueError as error:  # what Arrow raises for files it cannot read is one too
                if self.config.on_bad_files == "error":
                    raise
                if self.config.on_bad_files == "warn":
                    _log.warning(f"Skipping bad file {file}: {error}")

    def _batches(self, stream: BinaryIO, groups: Sequence[int] | None) -> Iterator[pa.RecordBatch]:
        """Rows of some row groups (None: of all), at most `batch_size` at a time."""
        predicate = self.config.filters
        if isinstance(predicate, list):
            predicate = pyarrow.parquet.filters_to_expression(predicate)
        fragment = pyarrow.dataset.ParquetFileFormat(
            default_fragment_scan_options=self.config.fragment_scan_options
        ).make_fragment(stream)
        for group in range(fragment.num_row_groups) if groups is None else groups:
            table = fragment.subset(row_group_ids=[group]).to_table(
                columns=self.config.columns, filter=predicate, use_threads=False
            )
            yield from table.to_batches(max_chunksize=self.config.batch_size)
