"""Cross-evaluation: models × training sets × test sets, as EquiME's Tables 1 and 2 have it.

Beside every test set stand the scores of predictors that look at no clip, and a cell that only
ever says one class is named so: two rows of the published tables are nothing else. A column
compares models on the same people and clips, or it is refused.

Intervals resample people. All cells of a test set share the draws, so that the spread over
training sets has an interval too; test sets are drawn apart.

EquiME's Figure 5b calls a small spread consistent. A constant predictor has the smallest, so the
number of scores above it stands beside every spread.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from equime_hub import seeds as keys
from equime_hub.errors import DatasetError
from equime_hub.evaluation import pooled, protocols, selection
from equime_hub.evaluation.cross.matrix import Bounded, Cell, Cross, Matrix, Steadiness, TestSet
from equime_hub.evaluation.cross.runs import CrossRun
from equime_hub.evaluation.evaluate import MeanScore, PartScores, evaluate
from equime_hub.evaluation.log import PredictionLog, joined
from equime_hub.metrics.report import NAMES, Row
from equime_hub.metrics.scores import Label, quantiles, resampled
from equime_hub.metrics.spread import Spread, consistency

DISJOINT = ("loso", "k-fold", "dfme", "splits")
"""Protocols that can test a dataset they train on, as nobody is in both parts of a fold."""

Sample = dict[str, npt.NDArray[np.float64]]
"""Score → its value in every draw of people."""


class _Tested(NamedTuple):
    """What one run says of one test set; its log has the predictions for that alone."""

    run: CrossRun
    train: str
    test: str
    within: bool


def compare(
    runs: Iterable[CrossRun],
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
    groups: dict[tuple[str, ...], dict[tuple[str, str, str], list[_Tested]]] = {}
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


def _entries(run: CrossRun) -> Iterator[_Tested]:
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
        tests = {name: column == number}
        if run.protocol == "dfme":  # its folds are tests of their own
            places = dict.fromkeys(fold[column == number].tolist())
            tests = {f"{name} {folds[at]}": (column == number) & (fold == at) for at in places}
        for test, rows in tests.items():
            yield _Tested(replace(run, log=run.log.only(rows)), train, test, within)


def _joined(entries: list[_Tested]) -> _Tested:
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
    log = joined([(entry.run.path, entry.run.log) for entry in entries])
    return first._replace(run=replace(first.run, log=log))


def _matrix(
    classes: tuple[str, ...], entries: list[_Tested], level: float | None, draws: int, seed: int
) -> Matrix:
    tests: dict[str, TestSet] = {}
    first: dict[str, tuple[_Tested, dict[str, list[int]]]] = {}
    cells: list[tuple[Cell, Sample]] = []
    for entry in entries:
        part = evaluate(entry.run.log, by_dataset=False, level=None).part()
        people = _people(entry.run.log)
        other, known = first.setdefault(entry.test, (entry, people))
        if people != known:
            raise DatasetError(
                f"The test set {entry.test} is not the same in {other.run.path} "
                f"({sum(map(sum, known.values())):,} clips of {len(known):,} people) and in "
                f"{entry.run.path} ({part.clips:,} of {part.subjects:,}): a column compares models "
                "on the same people, each with as many clips of each class."
            )
        tests.setdefault(entry.test, _test_set(entry.test, part))
        sample, ends = Sample(), dict[str, tuple[float, float]]()
        if level is not None and len(people) > 1:
            sample = _sample(entry.run.log, draws, keys.derive("cross", seed, entry.test))
            ends = {name: quantiles(values, level) for name, values in sample.items()}
        cells.append((_cell(entry, part, ends), sample))
    floors = {name: each.baselines["constant"] for name, each in tests.items()}
    steady = _steadiness(cells, floors, level)
    return Matrix(classes, tuple(cell for cell, _ in cells), tuple(tests.values()), steady)


def _people(log: PredictionLog) -> dict[str, list[int]]:
    """Clips of each class of each person, the classes sorted."""
    # Every seed has the same clips.
    references = pooled.by_person(pooled.coded(log))[:, 0].sum(axis=-1).astype(np.int64)
    counts = references[:, np.argsort(log.classes)]
    return dict(zip(log.people()[1], counts.tolist(), strict=True))


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


def _sample(log: PredictionLog, draws: int, seed: int) -> Sample:
    """Score → its value in each draw of people; "confidence" too if there are probabilities."""
    found = pooled.coded(log)
    scores = pooled.scores_of(pooled.redrawn(pooled.by_person(found), draws, seed))
    sample = {name: values.mean(axis=1) for name, values in scores.items()}
    if log.probable().all():
        sure = log.probabilities().max(axis=1)
        sums = [np.bincount(found.person, weights) for weights in (sure, np.ones(len(sure)))]
        total, clips = resampled(np.stack(sums, axis=1), draws, seed).T
        sample["confidence"] = total / clips
    return sample


def _cell(entry: _Tested, part: PartScores, ends: Mapping[str, tuple[float, float]]) -> Cell:
    def bounded(name: str, value: float, sd: float | None = None) -> MeanScore:
        return MeanScore(value, sd, *ends.get(name, (None, None)))

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


def _steadiness(
    cells: Sequence[tuple[Cell, Sample]], floors: Mapping[str, Row], level: float | None
) -> dict[str, Steadiness]:
    """The spread of every score over training sets.

    Args:
        cells: All cells; those that were trained on their test set are left out. A sample is empty
            without intervals.
        floors: Test set → scores of the constant predictor.
        level: Coverage of the intervals, in (0, 1).

    Returns:
        By score; empty where no model and test set has two training sets.
    """
    trained: defaultdict[str, set[str]] = defaultdict(set)
    for cell, _ in cells:
        if not cell.within:
            trained[cell.condition].add(cell.train)
    used = [
        (cell, sample)
        for cell, sample in cells
        if not cell.within and len(trained[cell.condition]) > 1
    ]
    left_out = tuple(name for name, sets in trained.items() if len(sets) < 2)
    return {name: _spread_of(name, used, floors, level, left_out) for name in NAMES if used}


def _spread_of(
    name: str,
    used: Sequence[tuple[Cell, Sample]],
    floors: Mapping[str, Row],
    level: float | None,
    left_out: tuple[str, ...],
) -> Steadiness:
    trained, conditions = [cell.train for cell, _ in used], [cell.condition for cell, _ in used]
    baselines = {cell.condition: getattr(floors[cell.test], name) for cell, _ in used}
    scores = [cell.scores[name].mean for cell, _ in used]
    found = consistency(scores, trained, conditions, baselines)
    drawn = all(sample for _, sample in used)
    table = np.stack([sample[name] for _, sample in used], axis=1) if drawn else None
    sds: dict[str, npt.NDArray[np.float64]] = {}

    def bounded(spreads: Mapping[Label, Spread], of: list[str]) -> dict[str, Bounded]:
        result = {}
        for key, spread in spreads.items():
            columns = [index for index, each in enumerate(of) if each == key]
            if table is None or level is None or len(columns) < 2:
                result[str(key)] = Bounded(spread)
                continue
            sds[str(key)] = table[:, columns].std(axis=1, ddof=1)
            result[str(key)] = Bounded(spread, *quantiles(sds[str(key)], level))
        return result

    by_condition = bounded(found.conditions, conditions)
    assert found.sd is not None  # every condition has two training sets
    sd = MeanScore(found.sd)
    if sds and level is not None:
        sd = MeanScore(found.sd, None, *quantiles(np.mean([*sds.values()], axis=0), level))
    return Steadiness(sd, by_condition, bounded(found.training_sets, trained), left_out)
