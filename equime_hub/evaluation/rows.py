"""Which clip had which role in which fold: `rows.parquet` of a run.

One row says that a clip has a role in a fold. A row may leave the fold out, so that leave-one-out
folds need two rows a clip instead of one for each fold:

- `train` or `validation` without fold: in every fold in which no other row names the clip, but
  for `pretrain`. So "train on all that is not tested" is a row `train` without fold and a row
  `test` with one.
- `pretrain` without fold: in every fold, tested there or not, as weights that were pretrained
  once have seen it.
- `test` and `unused` always name their fold. `unused` takes a clip out of a fold, such as those
  whose donors are tested there.

The columns of `CLIP` and `subject_id` describe the clip. They may be null in all rows of a clip
but one. `seed` is there only if folds were drawn anew for each seed of training; then every row
that names a fold names its seed too.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from equime_hub.errors import DatasetError
from equime_hub.evaluation.manifest import ROWS
from equime_hub.files import written
from equime_hub.splits import folds

REQUIRED = ("fold", "role", "clip_id", "subject_id")
CLIP = (
    "source_dataset", "source_image", "source_sha256", "au_source_subject", "counterfactual_of",
    "expression",
)  # fmt: skip
"""Optional columns that describe the clip, text."""
EXPRESSIONS = ("micro", "macro")
ROLES = ("train", "validation", "test", "pretrain", "unused")
TRAIN, VALIDATION, TEST, PRETRAIN = 1, 2, 4, 8

Mask = npt.NDArray[np.bool_]
"""One value a clip, in the order of `RunRows.clips`."""
Codes = npt.NDArray[np.int32]
"""Numbers that stand for values; -1 for null."""

BITS = np.array([TRAIN, VALIDATION, TEST, PRETRAIN, 0], np.uint8)
"""Of the roles, in their order."""


@dataclass(frozen=True, eq=False)
class FoldRoles:
    """What the clips were used for in one fold.

    Attributes:
        name: Name of the fold.
        seed: Seed for which it was drawn; None if all seeds have the same folds.
        roles: One uint8 a clip, the sum of `TRAIN`, `VALIDATION`, `TEST` and `PRETRAIN`.
    """

    name: str
    seed: int | None
    roles: npt.NDArray[np.uint8]

    @property
    def title(self) -> str:
        """Name and seed, for people."""
        return self.name if self.seed is None else f"{self.name} (seed {self.seed})"

    def has(self, roles: int) -> Mask:
        """Clips that have any of these roles, whose numbers are added."""
        found: Mask = (self.roles & np.uint8(roles)) != 0
        return found


@dataclass(frozen=True, eq=False)
class RunRows:
    """All roles of a run; iterating makes one `FoldRoles` after the other.

    Attributes:
        clips: One row a clip: clip_id, subject_id and the columns of `CLIP` that there are, text.
        folds: Name and seed of every fold.
        default: Role of every clip in folds that do not name it.
        always: Role of every clip in all folds.
        clip: Clips that folds name, sorted by fold.
        role: Number of the role of each of these, in the order of `ROLES`.
        start: Where each fold begins in these, and where the last one ends.
    """

    clips: pa.Table
    folds: tuple[tuple[str, int | None], ...]
    default: npt.NDArray[np.uint8]
    always: npt.NDArray[np.uint8]
    clip: Codes
    role: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.folds)

    def __iter__(self) -> Iterator[FoldRoles]:
        for number, (name, seed) in enumerate(self.folds):
            own = slice(self.start[number], self.start[number + 1])
            clip, bits = self.clip[own], BITS[self.role[own]]
            roles = self.default.copy()
            roles[clip[bits != PRETRAIN]] = 0
            np.bitwise_or.at(roles, clip, bits)
            yield FoldRoles(name, seed, roles | self.always)

    def ever(self, roles: int) -> Mask:
        """Clips that have any of these roles in any fold."""
        return functools.reduce(np.logical_or, (fold.has(roles) for fold in self))


def table(
    clips: pa.Table,
    made: Iterable[folds.Fold],
    *,
    validation: Mapping[str, folds.Rows] | None = None,
    pretrain: folds.Rows | None = None,
) -> pa.Table:
    """Rows of a run in their short form.

    Args:
        clips: One row a clip: clip_id, subject_id, and as many columns of `CLIP` as are known.
            A column that is left out is unknown; a null says that there is nothing.
        made: Folds of these rows, as `splits.folds` makes them.
        validation: Fold → rows of its training that are kept for validation.
        pretrain: Rows that the weights were pretrained on, whatever the fold.

    Raises:
        DatasetError: `validation` names a fold that is not made.
    """
    validation = dict(validation or {})
    parts: list[tuple[str | None, str, folds.Rows]] = []
    bits: list[tuple[str, npt.NDArray[np.uint8]]] = []
    votes = np.zeros(len(clips), np.int64)
    # Only bits are kept of each fold: folds times clips would be gigabytes.
    for fold in made:
        kept = validation.pop(fold.name, np.zeros(0, np.int64))
        train, other = (np.zeros(len(clips), bool) for _ in range(2))
        train[fold.train] = True
        train[kept] = False
        other[fold.test] = other[kept] = True
        parts += [
            (fold.name, "test", fold.test),
            (fold.name, "validation", kept),
            (fold.name, "train", np.flatnonzero(train & other)),
        ]
        states = np.stack([train & ~other, ~train & ~other])
        votes += states[0].astype(np.int64) - states[1]
        bits.append((fold.name, np.packbits(states, axis=1)))
    if validation:
        raise DatasetError(f"There is no fold {next(iter(validation))!r} to validate in.")
    usual = votes > 0  # clips that are more often in training than left out
    for name, packed in bits:
        alone, unused = np.unpackbits(packed, axis=1, count=len(clips)).astype(bool)
        parts.append((name, "train", np.flatnonzero(alone & ~usual)))
        parts.append((name, "unused", np.flatnonzero(unused & usual)))
    parts.append((None, "train", np.flatnonzero(usual)))
    if pretrain is not None:
        parts.append((None, "pretrain", pretrain))
    return _joined(clips, parts)


def _joined(clips: pa.Table, parts: list[tuple[str | None, str, folds.Rows]]) -> pa.Table:
    sizes = [len(rows) for _, _, rows in parts]

    def repeated(values: list[str | None]) -> pa.Array:
        encoded = pa.array(values, pa.string()).dictionary_encode()
        return encoded.take(pa.array(np.repeat(np.arange(len(values)), sizes)))

    described = [name for name in ("clip_id", "subject_id", *CLIP) if name in clips.column_names]
    texts = pa.table(
        {name: clips[name].cast(pa.string()).dictionary_encode() for name in described}
    )
    places = np.concatenate([rows for _, _, rows in parts])
    found = texts.take(pa.array(places)).add_column(0, "role", repeated([r for _, r, _ in parts]))
    return found.add_column(0, "fold", repeated([name for name, _, _ in parts]))


def write(rows: pa.Table, run: Path) -> None:
    """Write `rows.parquet` into a run's folder, whole or not at all.

    Raises:
        DatasetError: A column of `REQUIRED` is missing.
    """
    if missing := [name for name in REQUIRED if name not in rows.column_names]:
        raise DatasetError(
            f"The rows have no column {', '.join(missing)}; a run needs {', '.join(REQUIRED)}."
        )
    with written(run / ROWS) as temporary:
        pq.write_table(rows, temporary, compression="zstd")


_FREE = np.array([role not in ("test", "unused") for role in ROLES])
"""Roles that may be without fold."""


def read(run: Path) -> RunRows:
    """The rows of a run's folder. They may be many: each column is read by itself.

    Raises:
        DatasetError: No such file, no Parquet, no row, a missing column, an unknown role, a clip
            without person or of two, a fold without test.
    """
    path = run / ROWS
    if not path.is_file():
        raise DatasetError(
            f"There is no {path}. It tells which clip had which role in which fold; "
            "`equime_hub.evaluation.rows.write` writes it."
        )
    try:
        # Text that repeats is read as numbers.
        names = [name for name in pq.read_schema(path).names if name in (*REQUIRED, *CLIP)]
        with pq.ParquetFile(path, memory_map=True, read_dictionary=names) as file:
            return _Reader(path, file).rows()
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} cannot be read as Parquet: {error}.") from error


class _Reader:
    def __init__(self, path: Path, file: pq.ParquetFile) -> None:
        self.path, self.file = path, file
        self.columns = file.schema_arrow.names

    def rows(self) -> RunRows:
        if missing := [name for name in REQUIRED if name not in self.columns]:
            self._refuse(
                f"has no column {', '.join(missing)}; it needs {', '.join(REQUIRED)}, and more is "
                f"checked with {', '.join(CLIP)}"
            )
        if not self.file.metadata.num_rows:
            self._refuse("has no row")
        clip, ids = self._codes("clip_id")
        role = self._roles()
        self._demand(clip >= 0, "has no clip_id")
        fold, names = self._folds()
        self._demand((fold >= 0) | _FREE[role], "has the role test or unused, but no fold")
        clips = self._clips(clip, ids)
        bits = np.zeros(len(ids), np.uint8)
        free = fold < 0
        np.bitwise_or.at(bits, clip[free], BITS[role[free]])
        named = np.flatnonzero(fold >= 0)
        # NumPy sorts 16 bits by radix, many times as fast as more bits.
        small = np.uint16 if len(names) < 1 << 16 else np.int32
        order = named[np.argsort(fold[named].astype(small), kind="stable")]
        clip, role, fold = clip[order], role[order], fold[order]
        tests = np.bincount(fold[BITS[role] == TEST], minlength=len(names))
        if not names or not tests.all():
            where = f" in fold {names[int(tests.argmin())][0]!r}" if names else ""
            self._refuse(f"has no row with the role test{where}; every fold tests something")
        start = np.searchsorted(fold, np.arange(len(names) + 1))
        default, always = bits & np.uint8(TRAIN | VALIDATION), bits & np.uint8(PRETRAIN)
        return RunRows(clips, names, default, always, clip, role, start)

    def _roles(self) -> npt.NDArray[np.uint8]:
        codes, names = self._codes("role")
        self._demand(codes >= 0, "has no role")
        known = {role: number for number, role in enumerate(ROLES)}
        if unknown := [name for name in names if name not in known]:
            self._refuse(f"has the role {unknown[0]!r}; the roles are {', '.join(ROLES)}")
        return np.array([known[name] for name in names], np.uint8)[codes]

    def _folds(self) -> tuple[Codes, tuple[tuple[str, int | None], ...]]:
        """Number of the fold of every row, and name and seed of every fold."""
        fold, names = self._codes("fold")
        seed, seeds = np.full_like(fold, -1), list[str]()
        if "seed" in self.columns:
            seed, seeds = self._codes("seed")
        if seeds:
            self._demand((seed >= 0) == (fold >= 0), "has a fold without seed, or the reverse")
        width = len(seeds) + 1
        key = fold * width + seed + 1  # negative without fold
        used = np.flatnonzero(np.bincount(key[fold >= 0]))
        place = np.zeros(int(used.max(initial=0)) + 1, np.int32)
        place[used] = np.arange(len(used))
        pairs = ((names[key // width], key % width) for key in used.tolist())
        titles = tuple((name, int(seeds[which - 1]) if which else None) for name, which in pairs)
        return np.where(fold >= 0, place[np.maximum(key, 0)], np.int32(-1)), titles

    def _clips(self, clip: Codes, ids: list[str]) -> pa.Table:
        """What the rows say of every clip, whichever of them says it."""
        found = {"clip_id": pa.array(ids, pa.string())}
        for name in ("subject_id", *(name for name in CLIP if name in self.columns)):
            codes, values = self._codes(name)
            if name == "expression" and (unknown := set(values) - set(EXPRESSIONS)):
                self._refuse(f"has the expression {unknown.pop()!r}; it is micro, macro or null")
            of = np.full(len(ids), -1, np.int32)
            known = codes >= 0
            of[clip[known]] = codes[known]
            if (two := known & (of[clip] != codes)).any():
                row = int(two.argmax())
                said = " and ".join(repr(values[code]) for code in (codes[row], of[clip[row]]))
                self._refuse(f"says of clip {ids[clip[row]]!r} that its {name} is {said}")
            if name == "subject_id" and (of < 0).any():
                self._refuse(f"has no subject_id for clip {ids[int(of.argmin())]!r}")
            found[name] = pa.array(values, pa.string()).take(pa.array(of, mask=of < 0))
        return pa.table(found)

    def _codes(self, name: str) -> tuple[Codes, list[str]]:
        """A column as numbers, and what they stand for."""
        column = self.file.read([name])[name]
        if name == "seed":
            column = column.cast(pa.int64())
        if not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        encoded = column.unify_dictionaries().combine_chunks()
        codes = encoded.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
        values = encoded.dictionary.cast(pa.string())
        # A dictionary may have more values than the rows. Empty text is null, as in a CSV.
        used = np.bincount(codes + 1, minlength=len(values) + 1)[1:] > 0
        used &= pc.not_equal(values, "").fill_null(False).to_numpy(zero_copy_only=False)
        place = np.append(np.where(used, np.cumsum(used) - 1, -1), -1).astype(np.int32)
        return place[codes], values.filter(pa.array(used)).to_pylist()

    def _demand(self, good: Mask, otherwise: str) -> None:
        if not good.all():
            self._refuse(f"is wrong: row {int(good.argmin())} {otherwise}")

    def _refuse(self, sentence: str) -> NoReturn:
        raise DatasetError(f"{self.path} {sentence}.")
