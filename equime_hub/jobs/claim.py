"""Whose folder it is: what a build is made with, and the refusal of every other folder."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from equime_hub import checksums, seeds
from equime_hub.builder import pairs, shards
from equime_hub.builder.backends import BACKENDS
from equime_hub.builder.plan import Plan
from equime_hub.builder.render import RenderConfig
from equime_hub.builder.shards import Shard
from equime_hub.errors import BuildError, DatasetError
from equime_hub.schema.features import FOLDERS
from equime_hub.schema.stamp import Origin, read_origin, read_stamp

DEFAULT_LICENSE = "cc-by-nc-sa-4.0"
"""The EquiME paper's licence; its README says CC BY-NC 4.0 and its repository MIT."""
DEFAULT_TITLE = "EquiME"
MEASURED = "measured"
"""Key in `Origin.made_with` of what was measured after the build; no part of its fingerprint."""


@dataclass(frozen=True)
class BuildConfig:
    """How a dataset is built from a plan.

    Attributes:
        render: How clips are made.
        shard_bytes: Wanted size of a shard, in bytes; met as far as the size of a clip can be
            foretold.
        license: Licence of the dataset, as an identifier the Hub knows; None keeps what the
            folder says, or takes the default.
        title: Name on the card; None likewise.
    """

    render: RenderConfig
    shard_bytes: int = 500_000_000
    license: str | None = None
    title: str | None = None

    def layout(self, plan: Plan) -> list[Shard]:
        """Shards of a plan under this configuration."""
        first, backend = plan.specs[0], self.render.backend
        pixels = first.width * first.height * first.num_frames
        # x264 halves the size with every 6 steps of crf.
        finer = 2 ** ((backend.encoder.crf - self.render.settings.crf) / 6)
        clip_bytes = pixels * backend.bytes_per_pixel * finer
        return shards.layout(plan, round(self.shard_bytes / clip_bytes))

    def made_with(self) -> dict[str, Any]:
        """All that the bytes of a dataset depend on besides its plan, as plain JSON values."""
        backend = BACKENDS.describe(self.render.backend)
        _forget_locations(self.render.backend, backend)
        return {
            "backend": backend,
            "generation": asdict(self.render.backend.generation),
            "encoding": self.render.settings.describe(),
            "retry": self.render.retry,
            "measures": self.render.measures.describe(),
            "gates": self.render.gates.describe(),
            "shard_bytes": self.shard_bytes,
            **({"pairs": pairs.describe()} if self.render.pairs else {}),
        }


def _forget_locations(config: Any, plain: dict[str, Any]) -> None:
    """Drop fields marked as locations: where a model lies changes no byte, and is private."""
    for field in fields(config):
        value = getattr(config, field.name)
        if field.metadata.get("location"):
            del plain[field.name]
        elif is_dataclass(value):
            _forget_locations(value, plain[field.name])


def claim(folder: Path, plan: Plan, config: BuildConfig) -> str:
    """Make a folder the home of a build, or refuse it.

    Returns:
        The fingerprint of the build.

    Raises:
        BuildError: It is a file, holds other things, or another build; then both fingerprints
            are named.
        DatasetError: `equime measure` was interrupted there while it moved its files.
    """
    checksums.refuse_half_moved(folder)
    made_with = config.made_with()
    fingerprint = seeds.digest(plan.fingerprint, made_with)[:16]
    if folder.exists() and not folder.is_dir():
        raise BuildError(f"{folder} is a file; name a folder that is new or empty.")
    try:
        there = read_origin(folder)
    except DatasetError:
        there = None
    if there is None and folder.is_dir() and any(folder.iterdir()):
        there = _origin_of_shards(folder)  # build.json may have been lost
    if there is None and folder.is_dir() and any(folder.iterdir()):
        raise BuildError(
            f"{folder} holds files that are no equime dataset; name a folder that is new or empty."
        )
    if there is not None and there.fingerprint != fingerprint:
        raise BuildError(
            f"{folder} was built from {_difference(there, plan, config)}: its fingerprint is "
            f"{there.fingerprint} (plan {there.plan}), this build is {fingerprint} (plan "
            f"{plan.fingerprint}). Name another folder, or delete that one."
        )
    license = config.license or (there.license if there else DEFAULT_LICENSE)
    title = config.title or (there.title if there else DEFAULT_TITLE)
    if there and MEASURED in there.made_with:
        made_with[MEASURED] = there.made_with[MEASURED]  # later, by `remeasure`
    origin = Origin(fingerprint, plan.fingerprint, made_with, license, title)
    if origin != there:
        origin.write(folder)
    return fingerprint


def _origin_of_shards(folder: Path) -> Origin | None:
    """What a folder without a readable `build.json` was built from, by its shards."""
    for path in sorted(folder.glob("*/*.parquet")):
        with contextlib.suppress(DatasetError):
            stamp = read_stamp(path)
            return Origin(stamp.build, stamp.plan, {}, DEFAULT_LICENSE, DEFAULT_TITLE)
    return None


def _difference(there: Origin, plan: Plan, config: BuildConfig) -> str:
    if there.plan != plan.fingerprint:
        return "another plan"
    here = config.made_with()
    changed = [
        f"{name} {there.made_with.get(name)} there and {here.get(name)} here"
        for name in dict.fromkeys([*here, *there.made_with])
        if there.made_with and name != MEASURED and there.made_with.get(name) != here.get(name)
    ]
    return f"other options or software ({'; '.join(changed)})"


def refuse_strays(folder: Path, known: Collection[str]) -> None:
    """Refuse a folder with shards that are none of ours: `load_dataset` would read them as well.

    Raises:
        BuildError: The message names them.
    """
    paths = [path for place in FOLDERS.values() for path in folder.glob(f"{place}/*.parquet")]
    strays = sorted({path.relative_to(folder).as_posix() for path in paths} - set(known))
    if strays:
        raise BuildError(
            f"{folder} holds files that do not belong to this dataset: {', '.join(strays)}. "
            "Move them away and run the same command again."
        )
