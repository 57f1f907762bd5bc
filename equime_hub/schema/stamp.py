"""What every shard says about itself in its footer."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from equime_hub.errors import DatasetError
from equime_hub.schema.features import SCHEMA_VERSION

KEY = "equime.shard"
"""Key in the Parquet file's metadata."""


@dataclass(frozen=True)
class Stamp:
    """Origin of a shard.

    Attributes:
        build: Fingerprint of plan and configuration.
        plan: Fingerprint of the plan.
        name: The file's name inside the dataset folder.
        schema_version: Schema of its columns.
    """

    build: str
    plan: str
    name: str
    schema_version: str = SCHEMA_VERSION

    def metadata(self) -> dict[str, str]:
        """Key and value for the Parquet footer."""
        return {KEY: json.dumps(asdict(self), sort_keys=True)}


def read_stamp(path: Path) -> Stamp:
    """Read a shard's stamp.

    Raises:
        DatasetError: The file is damaged, or was not built by this package.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path).metadata or {}
        return Stamp(**json.loads(metadata[KEY.encode()]))
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise DatasetError(
            f"{path.name} is damaged or was not built by equime ({error})."
        ) from error
