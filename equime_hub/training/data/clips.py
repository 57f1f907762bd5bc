"""Clips as a torch dataset: from their videos or from a cache, augmented, and made a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import torch
from torch.utils.data import Dataset

from equime_hub.models.inputs import Inputs, Values
from equime_hub.training.data.augment import Augment
from equime_hub.training.data.examples import Examples

if TYPE_CHECKING:
    from equime_hub.training.data.cache import Cache


class Item(TypedDict):
    """One clip: `values` as `Inputs.prepare` gives them, number of its class, its own number."""

    values: Values
    label: int
    index: int


class Clips(Dataset[Item]):
    """Clips for a `DataLoader`, with `collate` as its `collate_fn`.

    Safe to pickle and to share between workers: the cache is mapped by each process when it
    first reads. What augmentation does to a clip depends on seed, epoch and clip alone, not on
    the worker or the order.

    Args:
        examples: The clips.
        inputs: What the model is shown of them.
        cache: Where `prepare` was done before; it may hold more clips than these.
        augment: How copies for training are altered; None leaves them.
        seed: Seed of the augmentation.

    Raises:
        DatasetError: The cache lacks one of the clips, or could not decode it.
    """

    def __init__(
        self,
        examples: Examples,
        inputs: Inputs,
        cache: Cache | None = None,
        augment: Augment | None = None,
        seed: int = 0,
    ) -> None:
        self.examples = examples
        self.inputs = inputs
        self.augment = augment
        self.seed = seed
        self._cache = cache
        if cache is None:
            examples.videos.open()
        else:
            self._places = cache.places(examples)
        self._labels = examples.labels
        # In shared memory, so that workers that go on from epoch to epoch see it change.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]

    def __len__(self) -> int:
        return len(self.examples)

    def augmented(self, augment: Augment, seed: int) -> Clips:
        """The same clips, altered."""
        return Clips(self.examples, self.inputs, self._cache, augment, seed)

    def set_epoch(self, epoch: int) -> None:
        """Alter the clips anew, as each epoch does."""
        self._epoch[0] = epoch

    def __getitem__(self, index: int) -> Item:
        values = self._values(index)
        if self.augment is not None:
            key = (self.seed, int(self._epoch[0]), self.examples.names[index])
            values = self.augment(values, self.inputs.kind, *key)
        return {"values": values, "label": int(self._labels[index]), "index": index}

    def _values(self, index: int) -> Values:
        if self._cache is not None:
            return self._cache[int(self._places[index])]
        examples = self.examples
        return self.inputs.prepare(examples.video(index), examples.moments(index)).values

    def collate(self, items: Sequence[Item]) -> dict[str, Any]:
        """What the model is called with, labels included."""
        made = self.inputs.finish([item["values"] for item in items])
        return {**made, "labels": torch.tensor([item["label"] for item in items])}
