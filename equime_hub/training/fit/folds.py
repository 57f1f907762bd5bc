"""Which clips each training learns from, is validated on, and tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from equime_hub.errors import PlanError
from equime_hub.evaluation import protocols, selection
from equime_hub.splits.folds import Fold, Rows, drop_donors
from equime_hub.training.data.examples import Examples
from equime_hub.training.fit.recipes import TrainConfig

_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Training:
    """Clips of one training, by their numbers in the examples.

    Attributes:
        name: Of its folds.
        train: Learnt from.
        validation: For choosing the epoch; may be empty.
        tests: Fold → tested clips. Folds that learn from the same clips share a training.
    """

    name: str
    train: Rows
    validation: Rows
    tests: dict[str, Rows]

    @property
    def tested(self) -> Rows:
        """Clips of all its tests."""
        return np.concatenate(list(self.tests.values()))

    def folds(self) -> Iterator[Fold]:
        """Its folds; validation is no part of them."""
        return (Fold(name, self.train, rows) for name, rows in self.tests.items())


def trainings(examples: Examples, config: TrainConfig) -> list[Training]:
    """All trainings of a run, for each of its seeds.

    Training clips that show a person of the test, or whose action units are such a person's, are
    left out (MiE-X, section 5.1); so are those of people of validation.

    Raises:
        PlanError: The protocol cannot be followed with these clips, no training has any clip of
            a class, or there is nothing to validate on although the recipe needs it.
    """
    _demand_datasets(examples, config)
    kept = (_restricted(examples, config, training) for training in _folds(examples, config))
    found = [each for each in kept if each is not None]
    if not found:
        raise PlanError(
            "Nothing is left to test: all datasets are train-only "
            f"({', '.join(config.train_only)})."
        )
    _check(examples, config, found)
    return list(_joined(found))


def lacking(examples: Examples, found: Sequence[Training]) -> list[str]:
    """One sentence for each class that some training has no clip of."""
    said = []
    for name, there in zip(examples.classes, _counts(examples, found).T.tolist(), strict=True):
        if without := [each.name for each, n in zip(found, there, strict=True) if not n]:
            rest = ", ..." if len(without) > _SHOWN else ""
            said.append(
                f"No clip of {name} is learnt from in {len(without):,} of {len(found):,} trainings "
                f"({', '.join(without[:_SHOWN])}{rest}), as all are kept out there; their models "
                "do not know that class."
            )
    return said


def _counts(examples: Examples, found: Sequence[Training]) -> Rows:
    """Clips to learn from, trainings × classes."""
    size = len(examples.classes)
    return np.stack([np.bincount(examples.labels[each.train], minlength=size) for each in found])


def _folds(examples: Examples, config: TrainConfig) -> Iterator[Training]:
    """The folds of a protocol; data that are only trained on are in the training of all."""
    scheme = _scheme(config, _named(examples))
    # train-test and splits say themselves who is learnt from.
    divided = config.protocol in (protocols.TrainTest.name, protocols.Splits.name)
    extra = np.isin(examples.datasets, () if divided else config.train_only)
    own = np.flatnonzero(~extra)
    table = examples.table.take(own)
    subjects, sources, parts, splits = (
        table[name].to_pylist() for name in ("subject_id", "source_dataset", "part", "split")
    )
    labels = examples.labels[own].tolist()
    rows = protocols.ProtocolRows(subjects, sources, parts, labels, splits)
    held = np.zeros(0, np.int64)
    if config.protocol == protocols.Splits.name:
        held = np.flatnonzero(np.array(examples.table["split"].to_pylist()) == "validation")
    for fold in scheme.folds(rows):
        train = np.sort(np.concatenate([own[fold.train], np.flatnonzero(extra)]))
        yield Training(fold.name, train, held, {fold.name: own[fold.test]})


def _named(examples: Examples) -> set[str]:
    return {*examples.datasets.tolist()} - {""}


def _scheme(config: TrainConfig, datasets: set[str]) -> protocols.Scheme:
    made = protocols.named(config.protocol)
    if made is protocols.SubjectKFold:
        return protocols.SubjectKFold(config.folds)
    if made is protocols.TrainTest:
        if not config.test_only:
            raise PlanError(
                "train-test needs the datasets to test on: --test-only NAME, one of "
                f"{', '.join(sorted(datasets))}."
            )
        train = tuple(sorted(datasets - set(config.test_only)))
        return protocols.TrainTest(train, config.test_only)
    return made()


def _restricted(examples: Examples, config: TrainConfig, training: Training) -> Training | None:
    """A training with its validation, and without clips that must not be in it."""
    of = examples.datasets
    tests = {
        name: rows[~np.isin(of[rows], config.train_only)] for name, rows in training.tests.items()
    }
    # All that would be tested is train-only: the fold is none.
    if not sum(map(len, tests.values())):
        return None
    who = [
        examples.table[name].to_pylist()
        for name in ("subject_id", "au_source_subject", "source_dataset")
    ]

    def without(train: Rows, held: Rows) -> Rows:
        return drop_donors(Fold(training.name, train, held), *who).train

    tested = np.concatenate(list(tests.values()))
    learnt, held = (
        without(rows[~np.isin(of[rows], config.test_only)], tested)
        for rows in (training.train, training.validation)
    )
    if config.protocol != protocols.Splits.name and config.validates:
        # Validation is to be like the test: train-only clips, often made by a program, are not.
        real = learnt[~np.isin(of[learnt], config.train_only)]
        held = _inner(examples, config, training.name, real if len(real) else learnt)
    if len(held):
        # Clips whose action units are those of a validated person go too.
        learnt = without(np.setdiff1d(learnt, held), held)
    return replace(training, train=learnt, validation=held, tests=tests)


def _inner(examples: Examples, config: TrainConfig, name: str, rows: Rows) -> Rows:
    """Clips of validation, by person."""
    people = examples.people()
    there = len({people[row] for row in rows.tolist()})
    if there < 2:
        raise PlanError(
            f"The fold {name} trains on {there} people, so that none can be kept for validation. "
            "Select the last epoch (--selection last), without --patience and plateau."
        )
    fold = Fold(name, rows, np.zeros(0, np.int64))
    k = min(config.inner_folds, there)
    return next(selection.inner_folds(fold, people, k, examples.labels.tolist())).test


def _check(examples: Examples, config: TrainConfig, found: Sequence[Training]) -> None:
    counts = _counts(examples, found)
    absent = [name for name, n in zip(examples.classes, counts.sum(axis=0), strict=True) if not n]
    if absent:
        raise PlanError(
            f"No training has any clip of {', '.join(absent)} to learn from. "
            "Leave such classes out (--classes), or choose another label map or protocol."
        )
    for training, each in zip(found, counts, strict=True):
        if not each.any():
            raise PlanError(
                f"The fold {training.name} has no clip to learn from: all are of people, or of "
                "datasets, that are kept out of it. Choose another protocol."
            )
        if config.validates and not len(training.validation):
            raise PlanError(
                f"There is no clip for validation in the fold {training.name}, but the recipe "
                "chooses or stops by it. Give data with a split validation, or train without: "
                "--selection last, no --patience, --schedule constant."
            )


def _joined(found: Iterable[Training]) -> Iterator[Training]:
    """Folds that learn from the same clips become one training."""
    # DFME tests two parts by one training, for example.
    groups: dict[tuple[bytes, bytes], list[Training]] = {}
    for each in found:
        groups.setdefault((each.train.tobytes(), each.validation.tobytes()), []).append(each)
    for group in groups.values():
        tests = {name: rows for each in group for name, rows in each.tests.items() if len(rows)}
        yield replace(group[0], name="+".join(tests), tests=tests)


def _demand_datasets(examples: Examples, config: TrainConfig) -> None:
    there = _named(examples)
    for option in ("train_only", "test_only"):
        if unknown := sorted(set(getattr(config, option)) - there):
            raise PlanError(
                f"{option} names {', '.join(unknown)}, but the clips are of "
                f"{', '.join(sorted(there)) or 'no named dataset'}."
            )
    if shared := sorted(set(config.train_only) & set(config.test_only)):
        raise PlanError(f"{', '.join(shared)} cannot be both train_only and test_only.")
