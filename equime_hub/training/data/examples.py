"""Clips with labels, of one dataset or of several; labels are read without touching a video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from equime_hub import seeds
from equime_hub.errors import DatasetError
from equime_hub.loading_script.real.labels import MAPS, classify
from equime_hub.prediction.clips import left_out
from equime_hub.schema.features import columns
from equime_hub.schema.taxonomy import EMOTIONS, EMOTIONS_3
from equime_hub.splits.people import full_name
from equime_hub.training.data.sources import DataSource, Videos
from equime_hub.video.decoder import AvDecoder
from equime_hub.video.moments import Moments

if TYPE_CHECKING:
    from datasets import Dataset

EMOTION, EMOTION_3 = "emotion", "emotion_3"
LABEL_MAPS = (EMOTION, EMOTION_3, *MAPS)
"""What `gather` makes classes by: two columns as they are, or a map of raw labels."""

DESCRIBED = (
    "clip_id", "subject_id", "source_dataset", "part", "split", "fps", "num_frames",
    "onset_frame", "apex_frame", "offset_frame", "emotion", "emotion_3", "emotion_raw",
    "expression", "source_image", "source_sha256", "au_source_subject", "counterfactual_of",
    "gender", "age_group", "race", "license",
)  # fmt: skip
"""Columns of `Examples.table` besides `label`; classes by name."""

_IDENTITY = (
    "clip_id", "source_dataset", "source_sha256", "num_frames", "width", "height", "fps",
    "onset_frame", "apex_frame", "offset_frame", "encoding", "software", "size_bytes", "psnr",
    "tv", "bitrate_kbps",
)  # fmt: skip
"""What tells a clip's pixels, and where its expression is, from any other's."""

_FILTER = ("accepted", "rejection_reason")
_SAID = ("source_dataset", "emotion_raw", "emotion", "emotion_3")
_SOURCE, _ROW = "source", "row"
Labels = tuple[str | None, str | None, str | None, str | None]
"""What a row says of its label: the columns `_SAID`."""

_CLASSES = {column.name: column.names for column in columns("metadata") if column.names}
_READ = tuple(dict.fromkeys(n for n in (*DESCRIBED, *_IDENTITY, *_FILTER) if n != "split"))


@dataclass(frozen=True, eq=False)
class Examples:
    """Clips with labels.

    Attributes:
        table: One row a clip: the columns `DESCRIBED`, and `label`, its class.
        classes: All classes, in the order of their numbers.
        notes: Sentences: what was left out, and why.
        label_map: Dataset → label as the dataset writes it → class, None if left out.
        identities: One digest a clip, of its name, its video and its moments.
        videos: Where the videos are.
    """

    table: pa.Table
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    label_map: Mapping[str, Mapping[str, str | None]]
    identities: npt.NDArray[np.str_]
    videos: Videos

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """Number of the class of each clip."""
        found: npt.NDArray[np.int64] = (
            pc.index_in(self.table["label"], pa.array(self.classes)).to_numpy().astype(np.int64)
        )
        return found

    @cached_property
    def names(self) -> list[str]:
        """The clip_id of each clip."""
        found: list[str] = self.table["clip_id"].to_pylist()
        return found

    @cached_property
    def datasets(self) -> npt.NDArray[np.str_]:
        """The source_dataset of each clip; empty where none is named."""
        return np.array([name or "" for name in self.table["source_dataset"].to_pylist()], str)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of which clips these are, in which order."""
        return seeds.digest(self.identities.tolist())

    def people(self) -> list[str]:
        """Full name of the person of each clip."""
        columns = (self.table[name].to_pylist() for name in ("source_dataset", "subject_id"))
        return [full_name(*names) for names in zip(*columns, strict=True)]

    def video(self, index: int) -> AvDecoder:
        """The video of a clip.

        Raises:
            VideoError: It has none.
        """
        return self.videos[index]

    @cached_property
    def _moments(self) -> list[tuple[int | None, ...]]:
        frames = ("onset_frame", "apex_frame", "offset_frame")
        return list(zip(*(self.table[name].to_pylist() for name in frames), strict=True))

    def moments(self, index: int) -> Moments:
        """Where the expression of a clip is, as far as its row says."""
        return Moments(*self._moments[index])

    def take(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> Examples:
        """Some of these clips, in the order given; a boolean mask keeps the order."""
        # By way of numbers, so that a mask and a list do the same.
        rows = np.arange(len(self))[np.asarray(indices)]
        return replace(
            self,
            table=self.table.take(pa.array(rows)),
            identities=self.identities[rows],
            videos=self.videos.take(rows),
        )

    def without(self, broken: Mapping[int, str]) -> Examples:
        """These clips without some that cannot be decoded, and a note that names them.

        Args:
            broken: Number of a clip → why.
        """
        if not broken:
            return self
        note = left_out({self.names[row]: why for row, why in broken.items()})
        kept = np.ones(len(self), bool)
        kept[list(broken)] = False
        return replace(self.take(kept), notes=(*self.notes, note))


def gather(
    sources: Sequence[DataSource],
    *,
    label_map: str | None = None,
    classes: tuple[str, ...] | None = None,
    accepted_only: bool = True,
) -> Examples:
    """The labelled clips of some datasets.

    Args:
        sources: Where they are from.
        label_map: One of `LABEL_MAPS`; None is "emotion".
        classes: Those wanted, in this order; None is all of the map, or for "emotion" those
            that occur. Clips of others are left out.
        accepted_only: Leave out clips that failed a gate.

    Raises:
        DatasetError: No source, label map or class of that name, one clip in two sources, or no
            clip is left. And what `equime_hub.load` raises.
    """
    if not sources:
        raise DatasetError("There is no dataset to read; name a folder or a Hub repository.")
    name = label_map or EMOTION
    if name not in LABEL_MAPS:
        raise DatasetError(
            f"There is no label map {name!r}. Choose one of: {', '.join(LABEL_MAPS)}."
        )
    parts = [part for source in sources for part in _parts(source)]
    table = pa.concat_tables([_rows(number, *part) for number, part in enumerate(parts)])
    _demand_distinct(table, [source for source, _ in parts])
    notes: list[str] = []
    if accepted_only:
        table = _accepted(table, notes)
    said = [*zip(*(table[column].to_pylist() for column in _SAID), strict=True)]
    # There are few different labels, and looking one up is slow.
    class_of = {labels: _label(name, labels) for labels in dict.fromkeys(said)}
    wanted = _wanted(name, classes, class_of.values())
    class_of = {labels: found if found in wanted else None for labels, found in class_of.items()}
    _note_lost(name, wanted, Counter(s for s in said if class_of[s] is None), notes)
    table = table.append_column(
        "label", pa.array([class_of[labels] for labels in said], pa.string())
    )
    table = table.filter(pc.is_valid(table["label"])).combine_chunks()
    if not len(table):
        raise DatasetError(
            f"No clip of {', '.join(map(str, sources))} is left: label map {name!r}, classes "
            f"{', '.join(wanted) or 'none'}. {' '.join(notes)}"
        )
    return Examples(
        table=table.select([*DESCRIBED, "label"]),
        classes=wanted,
        notes=tuple(notes),
        label_map=_as_map(class_of),
        identities=_identities(table),
        videos=Videos(
            tuple(source for source, _ in parts),
            table[_SOURCE].to_numpy(),
            table[_ROW].to_numpy(),
            tuple(table["clip_id"].to_pylist()),
            {
                n: data.select_columns(["clip_id", "video"])
                for n, (source, data) in enumerate(parts)
                if source.root
            },
        ),
    )


def _parts(source: DataSource) -> Iterator[tuple[DataSource, Dataset]]:
    """A dataset by its splits, without its videos where these take room."""
    read = [*_READ, "video"] if source.root else [*_READ]  # there it is only an address
    for split in source.split.split("+") if source.split else [None]:
        found = source.load(read, split)
        for name, data in found.items() if isinstance(found, dict) else [(split, found)]:
            yield replace(source, split=str(name)), data


def _rows(number: int, source: DataSource, data: Dataset) -> pa.Table:
    """What is known of the clips of one part; classes by name, unknown ones null."""
    table = data.select_columns(list(_READ)).with_format("arrow")[:]
    split = (source.split or "").partition("[")[0]
    added = {
        "split": pa.repeat(split, len(table)),
        _SOURCE: pa.repeat(pa.scalar(number, pa.int64()), len(table)),
        _ROW: pa.array(np.arange(len(table))),
    }
    known = {name: _by_name(name, table[name]) for name in _READ}
    return pa.table({**known, **added})


def _by_name(column: str, codes: pa.ChunkedArray) -> pa.ChunkedArray:
    if not (names := _CLASSES.get(column)):
        return codes
    # `datasets` writes -1 for a class that is not known.
    known = pc.if_else(pc.greater_equal(codes, 0), codes, None)
    return pc.take(pa.array(names), known)


def _demand_distinct(table: pa.Table, sources: Sequence[DataSource]) -> None:
    counts = table.group_by("clip_id").aggregate(
        [(_SOURCE, "count"), (_SOURCE, "min"), (_SOURCE, "max")]
    )
    twice = counts.filter(pc.greater(counts[f"{_SOURCE}_count"], 1))
    if not len(twice):
        return
    clip = twice.sort_by("clip_id").slice(0, 1).to_pylist()[0]
    first, last = (sources[clip[f"{_SOURCE}_{which}"]] for which in ("min", "max"))
    where = f"twice in {first}" if first == last else f"in {first} and in {last}"
    raise DatasetError(
        f"The clip {clip['clip_id']} is {where} ({len(twice):,} such clips). A clip that counts "
        "twice could be trained on and tested; name each dataset and split once."
    )


def _accepted(table: pa.Table, notes: list[str]) -> pa.Table:
    """The rows that no gate rejected; null is not rejected."""
    kept = pc.fill_null(table["accepted"], True)
    rejected = table.filter(pc.invert(kept))["rejection_reason"].to_pylist()
    if rejected:
        reasons = Counter(reason or "no reason given" for reason in rejected).most_common()
        notes.append(
            f"Left out, as a gate rejected them: {len(rejected):,} clips "
            f"({', '.join(f'{reason} {count:,}' for reason, count in reasons)})."
        )
    return table.filter(kept)


def _label(name: str, labels: Labels) -> str | None:
    """Class of a row by the columns `_SAID`."""
    dataset, raw, emotion, emotion_3 = labels
    if name in MAPS:
        return classify(name, dataset or "", raw)
    return emotion if name == EMOTION else emotion_3


def _wanted(
    name: str, classes: tuple[str, ...] | None, found: Iterable[str | None]
) -> tuple[str, ...]:
    """The classes in the order of their numbers."""
    known = {EMOTION: EMOTIONS, EMOTION_3: EMOTIONS_3}.get(name) or MAPS[name].classes
    if classes is None:
        occurring = set(found)
        return tuple(c for c in known if c in occurring) if name == EMOTION else tuple(known)
    if unknown := [c for c in classes if c not in known]:
        raise DatasetError(
            f"The label map {name!r} has no class {', '.join(unknown)}. Its classes are "
            f"{', '.join(known)}."
        )
    if len(set(classes)) < len(classes) or len(classes) < 2:
        raise DatasetError(
            f"Name two classes or more, each once; got {', '.join(classes) or 'none'}."
        )
    return tuple(classes)


def _note_lost(name: str, wanted: Sequence[str], lost: Counter[Labels], notes: list[str]) -> None:
    counts: Counter[str] = Counter()
    for (dataset, raw, _, _), count in lost.items():
        counts[f"{dataset or 'no dataset'}: {raw or 'no label'}"] += count
    if counts:
        reasons = ", ".join(f"{count:,} {label}" for label, count in counts.most_common())
        notes.append(
            f"Left out, as the label map {name!r} gives them none of the classes "
            f"{', '.join(wanted)}: {counts.total():,} clips ({reasons})."
        )


def _as_map(class_of: Mapping[Labels, str | None]) -> dict[str, dict[str, str | None]]:
    found: dict[str, dict[str, str | None]] = {}
    for (dataset, raw, _, _), label in class_of.items():
        found.setdefault(dataset or "", {})[raw or ""] = label
    return found


def _identities(table: pa.Table) -> npt.NDArray[np.str_]:
    """One digest a clip; 75,000 take a third of a second."""
    columns = [table[name].to_pylist() for name in _IDENTITY]
    return np.array([seeds.digest(*values)[:32] for values in zip(*columns, strict=True)])
