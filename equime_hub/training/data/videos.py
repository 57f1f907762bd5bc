"""The videos of clips that are spread over datasets, each opened when it is first needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from equime_hub.errors import DatasetError, VideoError
from equime_hub.loading_script.load import load
from equime_hub.loading_script.pyav import with_pyav
from equime_hub.video.decoder import AvDecoder

if TYPE_CHECKING:
    from datasets import Dataset

    from equime_hub.training.data.examples import Source

_COLUMNS = ("clip_id", "video")


@dataclass(frozen=True, eq=False)
class Videos:
    """One video a clip. Safe to pickle: datasets that are open stay so, by their files.

    Attributes:
        sources: Datasets, each of one split.
        source: N, which of them holds each clip.
        row: N, at which row.
        names: N, the clip_id there.
        opened: Source → its videos.
    """

    sources: tuple[Source, ...]
    source: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    names: tuple[str, ...]
    opened: dict[int, Dataset] = field(default_factory=dict)

    def __getitem__(self, index: int) -> AvDecoder:
        """The video of a clip, not yet decoded.

        Raises:
            VideoError: Its row has none.
            DatasetError: The dataset is not what it was when the labels were read.
        """
        dataset = self._dataset(int(self.source[index]))
        row = int(self.row[index])
        found: dict[str, Any] = dataset[row] if row < len(dataset) else {"clip_id": None}
        if found["clip_id"] != self.names[index]:
            raise DatasetError(
                f"Row {row} of {self.sources[self.source[index]]} is the clip "
                f"{found['clip_id']!r} now, and was {self.names[index]!r} when the labels were "
                "read; start again."
            )
        if found["video"] is None:
            raise VideoError("there is no video")
        video: AvDecoder = found["video"]
        return video

    def open(self) -> None:
        """Open every dataset now, so that processes that get a copy need not."""
        for source in np.unique(self.source).tolist():
            self._dataset(source)

    def take(self, rows: npt.NDArray[np.int64]) -> Videos:
        """Those of some clips; what is open stays open for both."""
        names = tuple(self.names[row] for row in rows)
        return Videos(self.sources, self.source[rows], self.row[rows], names, self.opened)

    def _dataset(self, source: int) -> Dataset:
        if source not in self.opened:
            where = self.sources[source]
            found = load(
                where.name,
                columns=_COLUMNS,
                split=where.split,
                revision=where.revision,
                root=where.root,
            )
            self.opened[source] = with_pyav(found)
        return self.opened[source]
