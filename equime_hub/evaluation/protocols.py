"""Protocols: who is trained on and who is tested, by name.

- `loso`: leave one subject out (MEGC 2019: 68 folds over three datasets).
- `k-fold`: k folds by subject (MiE-X: 3 or 5).
- `lodo`: leave one dataset out (CD6ME).
- `train-test`: some datasets are trained on, each of others is tested.
- `dfme`: the parts of CCAC 2024: train, then test_A and test_B, each reported by itself.
  Validation is a fifth of the people of train: the first of `selection.inner_folds`.
- `splits`: the splits train, validation and test that the data come with.

A protocol gives folds before training, and says afterwards whether a
prediction log keeps to it. Counts are summed over its folds, but where `separate` says that each
fold is a test of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from equime_hub.errors import DatasetError, PlanError
from equime_hub.evaluation.log import PredictionLog
from equime_hub.splits import folds as fold_makers
from equime_hub.splits.folds import Fold
from equime_hub.splits.people import full_name

TRAIN, TEST_A, TEST_B = "train", "test_A", "test_B"
TEST = "test"


@dataclass(frozen=True)
class ProtocolRows:
    """Clips to make folds of, one value a clip.

    Attributes:
        subjects: Person.
        datasets: Dataset; the same subject of two datasets is two people.
        parts: Part of DFME, "train", "test_A" or "test_B"; only `dfme` needs it.
        strata: What every fold of `k-fold` should hold an equal share of, such as the emotion.
        splits: Split of the data; only `splits` needs it.
    """

    subjects: Sequence[str]
    datasets: Sequence[str | None]
    parts: Sequence[str | None] | None = None
    strata: Sequence[Hashable] | None = None
    splits: Sequence[str | None] | None = None

    def people(self) -> list[str]:
        """Full name of every clip's person."""
        return [full_name(*names) for names in zip(self.datasets, self.subjects, strict=True)]


class Scheme(ABC):
    """What every protocol is."""

    name: ClassVar[str]
    separate: ClassVar[bool] = False
    """Each fold is a test of its own, and nothing is summed over folds."""
    tests_one: ClassVar[str | None] = None
    """A fold tests one "person", or one "dataset"."""
    tested_once: ClassVar[str | None] = None
    """A "person", or a "dataset", is tested in one fold a seed."""

    @abstractmethod
    def folds(self, rows: ProtocolRows) -> Iterator[Fold]:
        """The folds; PlanError if these rows allow none."""

    def check(self, log: PredictionLog) -> None:
        """DatasetError if the log's folds cannot be those of this protocol."""
        if self.tests_one:
            _demand_one_in_a_fold(log, self.tests_one)
        if self.tested_once:
            _demand_one_fold_of(log, self.tested_once)


class LeaveOneSubjectOut(Scheme):
    """One fold a person."""

    name = "loso"
    tests_one = tested_once = "person"

    def folds(self, rows: ProtocolRows) -> Iterator[Fold]:
        """As `splits.folds.leave_one_subject_out`, by full names.

        >>> rows = ProtocolRows(["a", "b", "a"], ["casme2", "casme2", "samm"])
        >>> [fold.name for fold in LeaveOneSubjectOut().folds(rows)]
        ['casme2/a', 'casme2/b', 'samm/a']
        """
        return fold_makers.leave_one_subject_out(rows.people())


@dataclass(frozen=True)
class SubjectKFold(Scheme):
    """`k` folds by person; `seed` breaks ties."""

    k: int = 5
    seed: int = 0
    name: ClassVar[str] = "k-fold"
    tested_once: ClassVar[str | None] = "person"

    def folds(self, rows: ProtocolRows) -> Iterator[Fold]:
        """As `splits.folds.k_folds`, by full names."""
        return fold_makers.k_folds(rows.people(), self.k, rows.strata, self.seed)


class LeaveOneDatasetOut(Scheme):
    """One fold a dataset."""

    name = "lodo"
    tests_one = tested_once = "dataset"

    def folds(self, rows: ProtocolRows) -> Iterator[Fold]:
        """As `splits.folds.leave_one_dataset_out`."""
        return fold_makers.leave_one_dataset_out([name or "" for name in rows.datasets])


@dataclass(frozen=True)
class TrainTest(Scheme):
    """Datasets to train on, all together, and datasets to test on, one fold each.

    The fold has the name of the tested dataset.
    """

    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    name: ClassVar[str] = "train-test"
    separate: ClassVar[bool] = True
    tests_one: ClassVar[str | None] = "dataset"

    def folds(self, rows: ProtocolRows) -> Iterator[Fold]:
        """One fold a tested dataset.

        Raises:
            PlanError: None is named, one is both trained on and tested, or has no rows.
        """
        if not self.train or not self.test or set(self.train) & set(self.test):
            raise PlanError(
                f"Training on {', '.join(self.train) or 'nothing'} and testing on "
                f"{', '.join(self.test) or 'nothing'}: name at least one dataset for each, and "
                "none for both."
            )
        if absent := sorted({*self.train, *self.test} - set(rows.datasets)):
            raise PlanError(
                f"No row is of the dataset {', '.join(absent)}; there are "
                f"{', '.join(sorted(name for name in set(rows.datasets) if name))}."
            )
        of = np.array([name or "" for name in rows.datasets])
        return iter(_parted(of, self.train, self.test))


class DfmeParts(Scheme):
    """DFME as CCAC 2024 divides it: train, test_A, test_B (He et al., supplement)."""

    name = "dfme"
    separate = True
    tested_once = "person"

    def folds(self, rows: ProtocolRows) -> Iterator[Fold]:
        """The folds test_A and test_B, trained on the same rows; one may have no rows.

        Raises:
            PlanError: Rows without part or with another one, nothing to train on or to test, or a
                person in two parts.
        """
        if rows.parts is None or (other := set(rows.parts) - {TRAIN, TEST_A, TEST_B}):
            raise PlanError(
                f"dfme needs the part of every row, {TRAIN}, {TEST_A} or {TEST_B}; got "
                f"{'none' if rows.parts is None else ', '.join(sorted(map(str, other)))}."
            )
        part_of: dict[str, str] = {}
        for row, (person, part) in enumerate(zip(rows.people(), rows.parts, strict=True)):
            if part_of.setdefault(person, str(part)) != part:
                raise PlanError(
                    f"{person} is in {part_of[person]} and, in row {row}, in {part}; the parts of "
                    "DFME share no person."
                )
        made = _parted(np.array(rows.parts), (TRAIN,), (TEST_A, TEST_B))
        tested = [fold for fold in made if fold.train.size and fold.test.size]
        if not tested:
            raise PlanError(f"dfme needs rows of {TRAIN}, and rows of {TEST_A} or {TEST_B}.")
        return iter(tested)

    def check(self, log: PredictionLog) -> None:
        """No fold but test_A and test_B, and no person in both."""
        if other := sorted(set(log.codes("fold")[1]) - {TEST_A, TEST_B}):
            raise DatasetError(
                f"The log has the fold {other[0]!r}; dfme tests {TEST_A} and {TEST_B}."
            )
        super().check(log)


class Splits(Scheme):
    """The splits that the data come with."""

    name = "splits"

    def folds(self, rows: ProtocolRows) -> Iterator[Fold]:
        """One fold, test; rows of other splits than train and test are in neither part.

        Raises:
            PlanError: Nothing to train on, or nothing to test.
        """
        of = np.array([name or "none" for name in rows.splits or [None] * len(rows.subjects)])
        (fold,) = _parted(of, (TRAIN,), (TEST,))
        for name, found in ((TRAIN, fold.train), (TEST, fold.test)):
            if not len(found):
                there = ", ".join(f"{part} {(of == part).sum():,}" for part in sorted({*of}))
                raise PlanError(
                    f"The split {name} has no clips (clips: {there}). Give data that have splits, "
                    f"or another protocol than {self.name}, such as k-fold (--protocol)."
                )
        return iter([fold])

    def check(self, log: PredictionLog) -> None:
        """One fold."""
        if len(names := log.codes("fold")[1]) > 1:
            raise DatasetError(
                f"The log has {len(names)} folds, such as {names[0]!r} and {names[1]!r}; the "
                f"protocol {self.name} has one. Choose the protocol that was followed."
            )


PROTOCOLS: dict[str, type[Scheme]] = {
    made.name: made
    for made in (LeaveOneSubjectOut, SubjectKFold, LeaveOneDatasetOut, TrainTest, DfmeParts, Splits)
}
"""Name → protocol."""


def named(name: str) -> type[Scheme]:
    """A protocol by its name.

    Raises:
        PlanError: There is none of that name.
    """
    if name not in PROTOCOLS:
        raise PlanError(f"There is no protocol {name!r}. Choose one of: {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]


def _parted(of: npt.NDArray[Any], train: Sequence[str], tests: Sequence[str]) -> list[Fold]:
    """A fold a name in `tests`, all trained on the same rows, by the name of each row's part."""
    trained = np.flatnonzero(np.isin(of, train))
    return [Fold(name, trained, np.flatnonzero(of == name)) for name in tests]


def _demand_one_in_a_fold(log: PredictionLog, what: str) -> None:
    """Demand one person or dataset a fold and seed."""
    for seed, fold, values, rows in _two(log, what, "fold"):
        raise DatasetError(
            f"With the seed {seed} the fold {fold!r} tests the {what} {values[0]!r} (row "
            f"{rows[0]}) and {values[1]!r} (row {rows[1]}, counted from 0); this protocol tests "
            f"one {what} a fold. Choose the protocol that was followed."
        )


def _demand_one_fold_of(log: PredictionLog, what: str) -> None:
    """Demand one fold a person or dataset and seed."""
    for seed, value, folds, rows in _two(log, "fold", what):
        raise DatasetError(
            f"With the seed {seed} the {what} {value!r} is tested in the fold {folds[0]!r} (row "
            f"{rows[0]}) and in {folds[1]!r} (row {rows[1]}, counted from 0); this protocol tests "
            f"a {what} in one fold, so some of its clips were trained on. Choose the protocol "
            "that was followed."
        )


def _two(log: PredictionLog, what: str, of: str) -> Iterator[tuple[int, Any, list[Any], list[int]]]:
    """Where something is two with one seed: the seed, of what, the two values and their rows."""
    codes = {name: log.people() if name == "person" else log.codes(name) for name in (what, of)}
    (value, values), (group, groups) = codes[what], codes[of]
    seed, seeds = log.codes("seed")
    _, first, place = np.unique(group * len(seeds) + seed, return_index=True, return_inverse=True)
    for row in np.flatnonzero(value != value[first[place]]).tolist()[:1]:
        rows = [int(first[place[row]]), row]
        yield seeds[seed[row]], groups[group[row]], [values[value[at]] for at in rows], rows
