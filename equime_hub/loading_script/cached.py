"""What opens a Hub dataset offline, from the Arrow cache of an earlier load."""

from __future__ import annotations

from typing import Any

from datasets.packaged_modules.cache.cache import Cache

from equime_hub.loading_script.names import is_ours
from equime_hub.loading_script.pyav import DecodedByPyav


class EquimeCache(DecodedByPyav, Cache):  # type: ignore[misc]
    """`datasets`' builder for its cache; videos of our datasets decode with PyAV."""

    def _decoded(self, data: Any) -> Any:
        # Our reader wrote its name into the cache, perhaps with a few columns only; the stock
        # one may have written all of them.
        ours = self.info.builder_name == "reader" or is_ours(self.info.features)
        return super()._decoded(data) if ours else data
