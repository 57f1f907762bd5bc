"""Cross-evaluation: models × training sets × test sets, as EquiME's Tables 1 and 2 have it.

Beside every test set stand the scores of predictors that look at no clip, and a cell that only
ever says one class is named so: two rows of the published tables are nothing else. A column
compares models on the same people and clips, or it is refused.

Intervals resample people. All cells of a test set share the draws, so that the spread over
training sets has an interval too; test sets are drawn apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equime_hub import seeds as keys
from equime_hub.errors import DatasetError
from equime_hub.evaluation import (
    evaluate as evaluation,
)
from equime_hub.evaluation import (
    pooled as pooling,
)
from equime_hub.evaluation import (
    protocols,
    selection,
)
from equime_hub.evaluation.cross.runs import Run
from equime_hub.evaluation.cross.spread import Drawn, Steadiness, steadiness
from equime_hub.evaluation.evaluate import MeanScore, PartScores
from equime_hub.evaluation.log import PredictionLog, joined
from equime_hub.metrics.report import NAMES, Row
from equime_hub.metrics.scores import quantiles, resampled

DISJOINT = ("loso", "k-fold", "dfme", "splits")
"""Protocols that can test a dataset they train on, as nobody is in both parts of a fold."""


@dataclass(frozen=True)
class Cell:
    """One model, trained on one set of datasets, on one test set.

    Attributes:
        model: Its name.
        train: Datasets trained on, sorted and joined by " + ".
        test: The test set.
        within: The test set is one of those trained on; its protocol kept the people apart.
        protocol: None if unknown.
        selection: None if unknown.
        seeds: Seeds of training.
        scores: By the names of `metrics.report.NAMES`, mean over the seeds.
        mean_confidence: Mean of the largest probability; None without probabilities.
        calibration_error: Expected calibration error, all seeds together. It has no interval: a
            resampled error lies above that of the clips themselves.
        constant: The only class that is ever predicted, whatever the seed; None if there are more.
        constant_seeds: Seeds that only ever predict one class.
    """

    model: str
    train: str
    test: str
    within: bool
    protocol: str | None
    selection: str | None
    seeds: tuple[int, ...]
    scores: dict[str, MeanScore]
    mean_confidence: MeanScore | None
    calibration_error: float | None
    constant: str | None
    constant_seeds: tuple[int, ...]

    @property
    def leaky(self) -> bool:
        """The test had a say in what was selected."""
        return self.selection is not None and selection.is_leaky(self.selection)

    @property
    def condition(self) -> str:
        """What is compared over training sets: model and test set."""
        return f"{self.model} → {self.test}"


@dataclass(frozen=True)
class TestSet:
    """What is tested, and what it gives to predictors that look at no clip.

    Attributes:
        name: The dataset; with the fold behind it if the protocol reports folds apart.
        clips: How many.
        people: How many.
        references: Class → clips.
        constant_class: The class that `constant` always says.
        baselines: Scores of `constant`, `prior` and `chance`.
    """

    __test__ = False  # not pytest's

    name: str
    clips: int
    people: int
    references: dict[str, int]
    constant_class: str
    baselines: dict[str, Row]


@dataclass(frozen=True)
class Matrix:
    """All cells with the same classes.

    Attributes:
        classes: The classes, sorted.
        cells: Those that there are, in the order of the runs.
        tests: The test sets.
        steadiness: Score → how much it depends on the training set; empty if nothing was trained
            on two.
    """

    classes: tuple[str, ...]
    cells: tuple[Cell, ...]
    tests: tuple[TestSet, ...]
    steadiness: dict[str, Steadiness]

    @property
    def leaky(self) -> bool:
        """A test had a say in what was selected for it."""
        return any(cell.leaky for cell in self.cells)

    def rows(self) -> list[tuple[str, str]]:
        """Models and training sets, those of a model together."""
        models = list(dict.fromkeys(cell.model for cell in self.cells))
        pairs = dict.fromkeys((cell.model, cell.train) for cell in self.cells)
        return sorted(pairs, key=lambda pair: models.index(pair[0]))

    def cell(self, model: str, train: str, test: str) -> Cell | None:
        """One cell; None if it is missing."""
        wanted = (model, train, test)
        return next((c for c in self.cells if (c.model, c.train, c.test) == wanted), None)


@dataclass(frozen=True)
class Cross:
    """What `compare` found.

    Attributes:
        level: Coverage of the intervals; None without.
        draws: Bootstrap draws.
        matrices: One for each set of classes, the smallest set first.
    """

    level: float | None
    draws: int
    matrices: tuple[Matrix, ...]

    @property
    def leaky(self) -> bool:
        """A test had a say in what was selected for it."""
        return any(matrix.leaky for matrix in self.matrices)

    def title(self, matrix: Matrix) -> str:
        """How many classes a matrix has, and which if another one has as many."""
        size = f"{len(matrix.classes)} classes"
        alone = sum(len(each.classes) == len(matrix.classes) for each in self.matrices) == 1
        return size if alone else f"{size} ({', '.join(matrix.classes)})"

    def shared(self) -> list[tuple[str, str, str]]:
        """Model, training set and test set of the cells that are in several matrices."""
        found = [(c.model, c.train, c.test) for matrix in self.matrices for c in matrix.cells]
        return [name for name in dict.fromkeys(found) if found.count(name) > 1]


@dataclass(frozen=True, eq=False)
class _Entry:
    """What one run says of one test set."""

    run: Run
    train: str
    test: str
    within: bool
    log: PredictionLog


def compare(
    runs: Iterable[Run],
    *,
    leaky: bool = False,
    level: float | None = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> Cross:
    """Score every run on every test set that it predicted.

    Runs of one model, training set and test set are taken together if they have other seeds.

    Args:
        runs: At least one.
        leaky: Allows runs that were selected on the test; the word stays with their cells.
        level: Coverage of the intervals, in (0, 1); None for no intervals.
        draws: How often people are resampled.
        seed: Of the draws.

    Raises:
        DatasetError: No run; predictions that do not keep to their protocol, or name no test set;
            a test set that was trained on without a protocol that keeps people apart; a cell that
            is there twice; a test set that is not the same for all.
        EquimeError: An unknown protocol or selection, or a leaky one without `leaky`.
        MetricError: `draws`, `seed` or `level` out of range.
    """
    groups: dict[tuple[str, ...], dict[tuple[str, str, str], list[_Entry]]] = {}
    for run in runs:
        selection.demand_leaky(run.selection, leaky)
        same = groups.setdefault(tuple(sorted(run.log.classes)), {})
        for entry in _entries(run):
            same.setdefault((run.model, entry.train, entry.test), []).append(entry)
    if not groups:
        raise DatasetError("There is no run to compare; name at least one.")
    matrices = [
        _matrix(classes, [_joined(entries) for entries in cells.values()], level, draws, seed)
        for classes, cells in groups.items()
    ]
    return Cross(level, draws, tuple(sorted(matrices, key=lambda m: (len(m.classes), m.classes))))


def _entries(run: Run) -> Iterator[_Entry]:
    if run.protocol is not None:
        protocols.named(run.protocol)().check(run.log)
    column, names = run.log.codes("dataset")
    fold, folds = run.log.codes("fold")
    for number, stored in enumerate(names):
        name = stored or (run.test[0] if run.test and len(run.test) == 1 else None)
        if name is None or (run.test and name not in run.test):
            raise DatasetError(
                f"{run.path} has predictions for "
                f"{'a test set without name' if name is None else name!r}, and is said to test "
                f"{', '.join(run.test or ()) or 'nobody knows what'}. Name the test set, in the "
                "log's column dataset, the manifest or the list of runs."
            )
        within = name in run.train and run.protocol != "lodo"
        if within and run.protocol not in DISJOINT:
            raise DatasetError(
                f"{run.path} was trained on {name} and tests it, with the protocol "
                f"{run.protocol or 'unknown'}; only {', '.join(DISJOINT)} keep the people of the "
                "two apart. Name the protocol that was followed."
            )
        train = " + ".join(sorted(each for each in set(run.train) if within or each != name))
        if not train:
            raise DatasetError(
                f"{run.path} left out {name} and was trained on nothing else; name all datasets "
                "that were trained on."
            )
        rows = column == number
        if run.protocol != "dfme":
            yield _Entry(run, train, name, within, _part(run.log, rows))
            continue
        for place in dict.fromkeys(fold[rows].tolist()):
            part = _part(run.log, rows & (fold == place))
            yield _Entry(run, train, f"{name} {folds[place]}", within, part)


def _part(log: PredictionLog, rows: npt.NDArray[np.bool_]) -> PredictionLog:
    return PredictionLog(log.table.filter(pa.array(rows)), log.classes)


def _joined(entries: list[_Entry]) -> _Entry:
    """Runs with different seeds as one."""
    first = entries[0]
    for entry in entries:
        for what in ("protocol", "selection"):
            one, other = getattr(first.run, what), getattr(entry.run, what)
            if one != other:
                raise DatasetError(
                    f"{first.run.path} has the {what} {one}, and {entry.run.path} {other}; seeds "
                    "of one model are averaged only if they came about alike."
                )
    log = joined([(entry.run.path, entry.log) for entry in entries])
    return replace(first, log=log)


def _matrix(
    classes: tuple[str, ...], entries: list[_Entry], level: float | None, draws: int, seed: int
) -> Matrix:
    tests: dict[str, TestSet] = {}
    first: dict[str, tuple[_Entry, dict[str, list[int]]]] = {}
    cells, drawn = [], []
    for entry in entries:
        part = evaluation.evaluate(entry.log, by_dataset=False, level=None).part()
        people = _people(entry.log)
        other, known = first.setdefault(entry.test, (entry, people))
        if people != known:
            raise DatasetError(
                f"The test set {entry.test} is not the same in {other.run.path} "
                f"({sum(map(sum, known.values())):,} clips of {len(known):,} people) and in "
                f"{entry.run.path} ({part.clips:,} of {part.subjects:,}): a column compares models "
                "on the same people, each with as many clips of each class."
            )
        tests.setdefault(entry.test, _test_set(entry.test, part))
        sample = None
        if level is not None and len(people) > 1:
            sample = _sample(entry.log, draws, keys.derive("cross", seed, entry.test))
        cells.append(_cell(entry, part, sample, level))
        drawn.append(sample)
    table = [
        Drawn(c.condition, c.train, {n: c.scores[n].mean for n in NAMES}, sample)
        for c, sample in zip(cells, drawn, strict=True)
        if not c.within
    ]
    floors = {
        c.condition: {n: getattr(tests[c.test].baselines["constant"], n) for n in NAMES}
        for c in cells
    }
    return Matrix(classes, tuple(cells), tuple(tests.values()), steadiness(table, floors, level))


def _people(log: PredictionLog) -> dict[str, list[int]]:
    """Clips of each class of each person, the classes sorted."""
    person, names = log.people()
    clip, _ = log.codes("clip_id")
    once = np.unique(clip, return_index=True)[1]
    reference, values = log.codes("reference")
    order = sorted(log.classes)
    place = np.array([order.index(value) for value in values])[reference]
    counts = np.bincount(person[once] * len(order) + place[once], minlength=len(names) * len(order))
    return dict(zip(names, counts.reshape(len(names), -1).tolist(), strict=True))


def _test_set(name: str, part: PartScores) -> TestSet:
    seeds = len(part.by_seed)
    return TestSet(
        name=name,
        clips=part.clips,
        people=part.subjects,
        references={str(row.label): row.references // seeds for row in part.report.classes},
        constant_class=str(part.report.constant_class),
        baselines=part.report.baselines,
    )


def _sample(log: PredictionLog, draws: int, seed: int) -> dict[str, npt.NDArray[np.float64]]:
    """Score → its value in each draw of people; "confidence" too if there are probabilities."""
    found = pooling.coded(log)
    people, size, seeds = int(found.person.max()) + 1, len(found.classes), len(found.seeds)
    whole = np.ones(len(found.cell), bool)
    counts = resampled(pooling.counted(found, whole, found.person, people), draws, seed)
    scores = pooling.scores_of(counts.reshape(-1, seeds, size, size))
    sample = {name: values.mean(axis=1) for name, values in scores.items()}
    if found.has.all():
        sure = found.probabilities.max(axis=1)
        sums = [np.bincount(found.person, weights, people) for weights in (sure, whole)]
        total, clips = resampled(np.stack(sums, axis=1), draws, seed).T
        sample["confidence"] = total / clips
    return sample


def _cell(
    entry: _Entry,
    part: PartScores,
    sample: dict[str, npt.NDArray[np.float64]] | None,
    level: float | None,
) -> Cell:
    def bounded(name: str, value: float, sd: float | None = None) -> MeanScore:
        if sample is None or level is None or name not in sample:
            return MeanScore(value, sd)
        return MeanScore(value, sd, *quantiles(sample[name], level))

    said = part.report.constant_prediction
    confidence = part.report.mean_confidence
    return Cell(
        model=entry.run.model,
        train=entry.train,
        test=entry.test,
        within=entry.within,
        protocol=entry.run.protocol,
        selection=entry.run.selection,
        seeds=tuple(part.by_seed),
        scores={
            name: bounded(name, part.scores[name].mean, part.scores[name].sd) for name in NAMES
        },
        mean_confidence=None if confidence is None else bounded("confidence", confidence),
        calibration_error=part.report.expected_calibration_error,
        constant=None if said is None else str(said),
        constant_seeds=part.constant_seeds,
    )
