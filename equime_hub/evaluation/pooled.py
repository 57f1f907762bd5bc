"""A prediction log as counts: what is summed before any score is computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from equime_hub.errors import DatasetError
from equime_hub.evaluation.log import PredictionLog
from equime_hub.metrics.scores import SCORES, resampled

Codes = npt.NDArray[np.int64]
Counts = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

Kind = Literal["all", "dataset", "test"]
Part = tuple[str, Kind, Mask]
"""Name, kind and rows of what is scored."""

ALL = "all"
"""Name of what holds every prediction."""

UNKNOWN = "unknown dataset"


@dataclass(frozen=True, eq=False)
class Predictions:
    """A prediction log as numbers.

    Attributes:
        log: The log, with C classes.
        seeds: Seeds of training, sorted.
        cell: Place of each row in the flattened C×C confusion.
        seed: Place of its seed in `seeds`.
        person: Number of its person, in the order of their full names.
    """

    log: PredictionLog
    seeds: tuple[int, ...]
    cell: Codes
    seed: Codes
    person: Codes


def coded(log: PredictionLog) -> Predictions:
    """A log as numbers.

    Raises:
        DatasetError: The seeds tested different clips.
    """
    place = {name: number for number, name in enumerate(log.classes)}
    true, predicted = (
        np.array([place[value] for value in values], np.int64)[rows]
        for rows, values in map(log.codes, ("reference", "prediction"))
    )
    row, seeds = log.codes("seed")
    _demand_same_clips(log, seeds)
    order = sorted(seeds)
    seed = np.array([order.index(value) for value in seeds], np.int64)[row]
    return Predictions(log, tuple(order), true * len(place) + predicted, seed, log.people()[0])


def _demand_same_clips(log: PredictionLog, seeds: list[int]) -> None:
    (clip, names), (seed, _) = log.codes("clip_id"), log.codes("seed")
    lacking = np.flatnonzero(np.bincount(clip) < len(seeds))
    if not len(lacking):
        return
    having = {seeds[number] for number in seed[clip == lacking[0]].tolist()}
    raise DatasetError(
        f"The clip {names[lacking[0]]!r} has a prediction with the seed {min(having)} and none "
        f"with {min(set(seeds) - having)}; {len(lacking):,} clips lack some seed. A mean over "
        "seeds needs the same clips of each: finish the run, or leave the seed out."
    )


def masks(found: Predictions, *, separate: bool, by: bool) -> Iterator[Part]:
    """Everything that is scored.

    Args:
        found: The predictions.
        separate: Each fold is a test of its own.
        by: Otherwise, score each of several datasets too.

    Raises:
        DatasetError: A fold that is a test of its own is missing for a seed.
    """
    if separate:
        fold, folds = found.log.codes("fold")
        for name in sorted(folds):
            mask = fold == folds.index(name)
            if absent := set(range(len(found.seeds))) - set(found.seed[mask].tolist()):
                raise DatasetError(
                    f"The fold {name!r} has no predictions with the seed "
                    f"{found.seeds[min(absent)]}; with this protocol a fold is a test of its own, "
                    "and has the same name with every seed."
                )
            yield name, "test", mask
        return
    yield ALL, "all", np.ones(len(found.cell), bool)
    dataset, stored = found.log.codes("dataset")
    datasets = [name or UNKNOWN for name in stored]
    if by and len(datasets) > 1:
        for name in sorted(datasets):
            yield name, "dataset", dataset == datasets.index(name)


def counted(found: Predictions, mask: Mask, group: Codes, groups: int) -> Counts:
    """Rows of `mask` by group and seed: groups × seeds × C×C.

    Args:
        found: The predictions.
        mask: Rows to count.
        group: Group of each of these rows, such as its person or fold.
        groups: How many there are.
    """
    seeds, size = len(found.seeds), len(found.log.classes)
    at = (group * seeds + found.seed[mask]) * size**2 + found.cell[mask]
    counts = np.bincount(at, minlength=groups * seeds * size**2)
    return counts.reshape(groups, seeds, size, size).astype(np.float64)


def by_person(found: Predictions) -> Counts:
    """All rows by person and seed: people × seeds × C×C."""
    everything = np.ones(len(found.cell), bool)
    return counted(found, everything, found.person, int(found.person.max()) + 1)


def redrawn(counts: Counts, draws: int, seed: int) -> Counts:
    """Sums over groups that are drawn with replacement, each with all it has: draws × the rest."""
    drawn = resampled(counts.reshape(len(counts), -1), draws, seed)
    return drawn.reshape(-1, *counts.shape[1:])


def scores_of(counts: Counts, *, fixed: bool = True) -> dict[str, npt.NDArray[np.float64]]:
    """Every score of `NAMES` of …×C×C counts."""
    found = {name: score(counts, fixed) for name, score in SCORES.items()}
    return {**found, "macro_f1": SCORES["uf1"](counts, False)}
