"""`equime_hub.load("samm", root=...)`: rows of a lab's folder, without an import."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets

from equime_hub import seeds
from equime_hub.loading_script.pyav import DecodedByPyav
from equime_hub.loading_script.real import REAL
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import listed
from equime_hub.loading_script.real.frames import normalized
from equime_hub.loading_script.real.lazy import address
from equime_hub.loading_script.real.notes import say
from equime_hub.loading_script.real.pixels import labels
from equime_hub.schema.features import SCHEMA_VERSION, features
from equime_hub.schema.imports import split_of
from equime_hub.splits.assign import SPLITS

_NAMED = 5


@dataclass
class RealConfig(datasets.BuilderConfig):  # type: ignore[misc]
    """What is read; `name` is a config of the schema.

    Attributes:
        dataset: Name in `REAL`.
        root: The lab's folder.
        clips: Its clips.
    """

    dataset: str = ""
    root: str = ""
    clips: tuple[RealClip, ...] = ()


class RealBuilder(DecodedByPyav, datasets.GeneratorBasedBuilder):  # type: ignore[misc]
    """Labels in the cache of `datasets`, pixels where the lab keeps them.

    `lazy` reads, encodes and decodes a clip when its frames are asked for. What only the files
    could tell (width, height, size, hash) is null.
    """

    BUILDER_CONFIG_CLASS = RealConfig

    def _info(self) -> datasets.DatasetInfo:
        citation = REAL.get(self.config.dataset)().citation
        return datasets.DatasetInfo(features=features(self.config.name), citation=citation)

    def _split_generators(self, _: Any) -> list[datasets.SplitGenerator]:
        by_split: dict[str, list[RealClip]] = {split: [] for split in SPLITS}
        for clip in self.config.clips:
            by_split[split_of(clip.part)].append(clip)
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"clips": tuple(clips)})
            for split, clips in by_split.items()
            if clips
        ]

    def _generate_examples(
        self, clips: tuple[RealClip, ...]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        empty = dict.fromkeys(self.info.features)
        for clip in clips:
            row = empty | labels(clip)
            if "video" in empty:
                row["video"] = {"bytes": None, "path": address(Path(self.config.root), clip)}
            yield clip.clip_id, row


def builder(name: str, root: Path, options: Options, config: str = "default") -> RealBuilder:
    """The builder of a dataset; its cache depends on every clip, label and file name.

    Clips without any frame are left out, as an import leaves them out. Remarks (`notes`)
    count them, the frames that are missing and what is odd.

    Raises:
        EquimeError: Unknown name; the folder or its annotation is not what it should be.
    """
    found = listed(REAL.get(name)(), root, options)
    _remark(root, found)
    clips = tuple(normalized(clip, options.normalize_fps) for clip in found if clip.frames)
    key = seeds.digest(SCHEMA_VERSION, str(root.resolve()), [vars(clip) for clip in clips])
    return RealBuilder(
        dataset_name=name,
        config_name=config,
        config_id=f"{config}-{key[:16]}",
        hash=key[:16],
        dataset=name,
        root=str(root),
        clips=clips,
    )


def _remark(root: Path, found: list[RealClip]) -> None:
    lost = [clip.clip_id for clip in found if not clip.frames]
    missing = [name for clip in found if clip.frames for name in clip.missing]
    for names, what in (
        (lost, "Clips without any frame, left out"),
        (missing, "Missing frames, without which their clips go on"),
        ([note for clip in found if clip.frames for note in clip.notes], "Odd in the annotation"),
    ):
        if names:
            more = ", ..." if len(names) > _NAMED else ""
            say(f"{what} ({len(names)} in {root}): {', '.join(names[:_NAMED])}{more}")
