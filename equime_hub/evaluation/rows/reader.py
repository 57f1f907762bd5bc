"""Rows of a run, read and checked."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from equime_hub.errors import DatasetError
from equime_hub.evaluation.manifest import ROWS
from equime_hub.evaluation.rows.roles import (
    BITS,
    CLIP,
    EXPRESSIONS,
    PRETRAIN,
    REQUIRED,
    ROLES,
    TEST,
    TRAIN,
    VALIDATION,
    Codes,
    Mask,
    Rows,
)

_FREE = np.array([role not in ("test", "unused") for role in ROLES])
"""Roles that may be without fold."""


def read(run: Path) -> Rows:
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

    def rows(self) -> Rows:
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
        order = _by_fold(fold, len(names))
        clip, role, fold = clip[order], role[order], fold[order]
        tests = np.bincount(fold[BITS[role] == TEST], minlength=len(names))
        if not names or not tests.all():
            where = f" in fold {names[int(tests.argmin())][0]!r}" if names else ""
            self._refuse(f"has no row with the role test{where}; every fold tests something")
        start = np.searchsorted(fold, np.arange(len(names) + 1))
        default, always = bits & np.uint8(TRAIN | VALIDATION), bits & np.uint8(PRETRAIN)
        return Rows(clips, names, default, always, clip, role, start)

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


def _by_fold(fold: Codes, count: int) -> npt.NDArray[np.int64]:
    """Rows that name a fold, sorted by it."""
    named = np.flatnonzero(fold >= 0)
    small = np.uint16 if count < 1 << 16 else np.int32  # the former are sorted by radix
    order: npt.NDArray[np.int64] = named[np.argsort(fold[named].astype(small), kind="stable")]
    return order
