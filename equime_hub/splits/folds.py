"""Folds for testing on people, or datasets, that were not trained on.

Each function takes one value a row and gives folds as row numbers, so it serves a `Dataset`
(`rows.select(fold.train)`), a pandas table (`.iloc`) or a NumPy array alike. Folds depend on who
is there and not on the order of the rows.

Where several datasets are mixed, "sub01" of one is not "sub01" of another: give the folds
`people.full_name(dataset, subject)`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from equime_hub import seeds
from equime_hub.errors import PlanError
from equime_hub.splits.people import People, full_name

Rows = npt.NDArray[np.int64]
"""Row numbers from 0, ascending."""


@dataclass(frozen=True, eq=False)
class Fold:
    """What to train on and what to test on.

    Attributes:
        name: The person or dataset left out, or "fold-0", "fold-1", ...
        train: Rows to train on.
        test: Rows to test on.
    """

    name: str
    train: Rows
    test: Rows


def leave_one_subject_out(subjects: Sequence[str]) -> Iterator[Fold]:
    """One fold a person, who alone is tested; in the order of their names.

    Args:
        subjects: Person of every row.

    Raises:
        PlanError: Fewer than two people, or a row without one.
    """
    return _leave_one_out(subjects, "person", "people")


def leave_one_dataset_out(datasets: Sequence[str]) -> Iterator[Fold]:
    """One fold a dataset, which alone is tested (CD6ME's protocol); in the order of their names.

    Args:
        datasets: Dataset of every row.

    Raises:
        PlanError: Fewer than two datasets, or a row without one.
    """
    return _leave_one_out(datasets, "dataset", "datasets")


def k_folds(
    subjects: Sequence[str],
    k: int,
    strata: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> Iterator[Fold]:
    """`k` folds; every person is tested in exactly one of them.

    People are dealt out one by one, those first who weigh most, each to the fold that has least
    of what they bring. Without strata the fold sizes are those of scikit-learn's `GroupKFold`;
    with strata the aim is that of its `StratifiedGroupKFold`, in time that grows linearly with
    the people.

    Args:
        subjects: Person of every row.
        k: Number of folds, at least 2.
        strata: What every fold should hold an equal share of, one value a row: the emotion of
            the clip, or (gender, race, age group) of the person; None is a stratum like others.
        seed: Breaks ties between people who weigh the same.

    Raises:
        PlanError: Fewer people than folds, a row without person, another number of strata.
    """
    names, owner = _codes(subjects, "person")
    if not 2 <= k <= len(names):
        raise PlanError(
            f"{k} folds of {len(names)} people cannot be made: k must be at least 2 and at most "
            "the number of people."
        )
    if strata is not None and len(strata) != len(owner):
        raise PlanError(f"There are {len(owner)} rows with a person and {len(strata)} strata.")
    labels = [str(stratum) for stratum in strata] if strata is not None else ["all"] * len(owner)
    fold_of = _deal(owner, _codes(labels, "stratum")[1], len(names), k, seed)[owner]
    return (_fold(f"fold-{i}", fold_of == i) for i in range(k))


def drop_donors(
    fold: Fold,
    subjects: Sequence[str],
    donors: Sequence[str | None],
    datasets: Sequence[str | None] | None = None,
) -> Fold:
    """The fold without training rows that know a test person (MiE-X, section 5.1).

    A row knows the person it shows, and the donor from whom its action units were taken.

    Args:
        fold: A fold of these rows.
        subjects: Person of every row.
        donors: `au_source_subject` of every row, as "dataset/subject" or as the subject alone,
            which then is that person of any dataset; None is nobody's.
        datasets: `source_dataset` of every row, if subjects of two datasets may share a name.

    Raises:
        PlanError: The columns differ in length.
    """
    if len({len(subjects), len(donors), len(subjects if datasets is None else datasets)}) > 1:
        raise PlanError("subjects, donors and datasets must have one value for each row.")
    origins = [None] * len(subjects) if datasets is None else datasets
    shown = [full_name(*names) for names in zip(origins, subjects, strict=True)]
    names = {shown[row] for row in fold.test}
    tested = People.of(names)
    keep = [shown[row] not in names and donors[row] not in tested for row in fold.train]
    return replace(fold, train=fold.train[keep])


def _leave_one_out(values: Sequence[str], one: str, many: str) -> Iterator[Fold]:
    names, codes = _codes(values, one)
    if len(names) < 2:
        raise PlanError(
            f"Leaving one {one} out needs at least two {many}, got {', '.join(names) or 'no rows'}."
        )
    return (_fold(name, codes == code) for code, name in enumerate(names))


def _fold(name: str, tested: npt.NDArray[np.bool_]) -> Fold:
    return Fold(name, np.flatnonzero(~tested), np.flatnonzero(tested))


def _codes(values: Sequence[str], what: str) -> tuple[list[str], Rows]:
    """The different values in order, and for each row the number of its own."""
    for row, value in enumerate(values):
        if value is None or value == "" or value != value:  # NaN, as pandas reads an empty cell
            raise PlanError(f"Row {row} has no {what}; leave it out, or say which.")
    texts = [str(value) for value in values]
    names = sorted(set(texts))
    numbers = {name: number for number, name in enumerate(names)}
    return names, np.fromiter((numbers[text] for text in texts), np.int64, len(texts))


def _deal(owner: Rows, label: Rows, people: int, k: int, seed: int) -> Rows:
    """Fold of every person.

    A person's weight in a stratum is their share of its rows, so that a rare one counts as much
    as a frequent one; the share of all rows counts like one more stratum, and breaks ties.
    """
    strata = int(label.max()) + 1
    pairs, counts = np.unique(owner * strata + label, return_counts=True)
    person, stratum = np.divmod(pairs, strata)
    share = counts / np.bincount(label)[stratum]
    size = np.bincount(owner, minlength=people) / len(owner)
    start = np.searchsorted(person, np.arange(people + 1))
    weight = np.bincount(person, share**2) + size**2
    drawn = seeds.generator("folds", seed).permutation(people)
    load, filled = np.zeros((k, strata)), np.zeros(k)
    fold_of = np.empty(people, np.int64)
    for who in drawn[np.argsort(-weight[drawn], kind="stable")]:
        own = slice(start[who], start[who + 1])
        # What the squares of all loads would grow by, up to a term equal for all folds.
        fold = np.argmin(load[:, stratum[own]] @ share[own] + filled * size[who])
        load[fold, stratum[own]] += share[own]
        filled[fold] += size[who]
        fold_of[who] = fold
    return fold_of
