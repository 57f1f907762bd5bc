"""Datasets that clips come from, and the videos of clips that are spread over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from equime_hub.errors import DatasetError, VideoError
from equime_hub.loading_script.load import load
from equime_hub.loading_script.pyav import with_pyav
from equime_hub.video.decoder import AvDecoder

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class DataSource:
    """A dataset, or some splits of it.

    Attributes:
        name: "equime", a folder, or a Hub repository; with `root` the name of a licensed dataset.
        root: The lab's folder of a licensed dataset.
        split: "train", "test[:10%]", "train+validation", ...; None is all of them.
        revision: Tag, branch or commit of a Hub repository.
    """

    name: str
    root: str | None = None
    split: str | None = None
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> DataSource:
        """A dataset as it is written on the command line.

        >>> DataSource.parse("samm=/data/SAMM").root, DataSource.parse("ORG/equime@v1.0").revision
        ('/data/SAMM', 'v1.0')
        """
        name, equals, root = text.partition("=")
        if equals:
            return cls(name, root=root)
        name, at, revision = text.partition("@")
        return cls(text) if not at or Path(text).exists() else cls(name, revision=revision)

    def __str__(self) -> str:
        return self.name if self.split is None else f"{self.name} ({self.split})"

    def load(self, columns: Sequence[str], split: str | None) -> Any:
        """Columns of one split, or of all of them by name; what `equime_hub.load` raises."""
        return load(self.name, columns=columns, split=split, revision=self.revision, root=self.root)


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

    sources: tuple[DataSource, ...]
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
            self.opened[source] = with_pyav(where.load(("clip_id", "video"), where.split))
        return self.opened[source]
