"""What opens a Hub dataset offline, from the Arrow cache of an earlier load."""

from __future__ import annotations

from typing import Any

from datasets import Dataset, IterableDataset
from datasets.packaged_modules.cache.cache import Cache

from equime_hub.loading_script.names import is_ours
from equime_hub.loading_script.pyav import with_pyav


class EquimeCache(Cache):  # type: ignore[misc]
    """`datasets`' builder for its cache; videos of our datasets decode with PyAV."""

    def _as_dataset(self, *args: Any, **kwargs: Any) -> Dataset:
        return self._decoded(super()._as_dataset(*args, **kwargs))

    def _as_streaming_dataset_single(self, *args: Any, **kwargs: Any) -> IterableDataset:
        return self._decoded(super()._as_streaming_dataset_single(*args, **kwargs))

    def _decoded(self, data: Any) -> Any:
        # Our reader wrote its name into the cache, perhaps with a few columns only; the stock
        # one may have written all of them.
        ours = self.info.builder_name == "reader" or is_ours(self.info.features)
        return with_pyav(data) if ours else data
