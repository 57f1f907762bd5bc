"""Whether the predictions are those of the test, all of them, and of more than one class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from equime_hub.evaluation.lint.rule import Check, Found, rule, unchecked
from equime_hub.evaluation.lint.run import LintRun
from equime_hub.evaluation.log import PredictionLog
from equime_hub.evaluation.rows import TEST

Keys = npt.NDArray[np.int64]
"""(seed × folds + fold) × clips + clip; -1 is none."""


def _if_predicted(check: Callable[[LintRun, PredictionLog], Iterator[Found]]) -> Check:
    """A rule that is asked only where there are predictions, and gets them."""

    @wraps(check)
    def asked(run: LintRun) -> Iterator[Found]:
        if run.log is not None:
            yield from check(run, run.log)
        elif run.refused is None:
            yield unchecked("There are no predictions.")

    return asked


@rule("error", "equime_hub: scores are recomputed from the log")
def readable_predictions(run: LintRun) -> Iterator[Found]:
    """The prediction log can be read, and each clip has one reference and one test fold."""
    if run.refused is not None:
        yield Found(run.refused)


@rule("error", "HTNet's released code: `except: pass` leaves out people and classes in silence")
@_if_predicted
def every_test_predicted(run: LintRun, log: PredictionLog) -> Iterator[Found]:
    """Each clip of a test has a prediction from every seed, and nothing else has."""
    clips, seeds = len(run.rows.clips), _seeds(run, log)
    asked, given = _asked(run, seeds), _given(run, log, seeds)
    missing = np.setdiff1d(asked, given)
    if len(missing):
        seed, fold = np.divmod(missing // clips, len(run.rows))
        yield Found(
            f"{len(missing):,} of {len(asked):,} tests have no prediction, in "
            f"{len(np.unique(fold)):,} of {len(run.rows):,} folds and {len(np.unique(seed)):,} of "
            f"{len(seeds):,} seeds.",
            clips=np.unique(missing % clips),
        )
    strange = np.flatnonzero(~np.isin(given, asked))
    if len(strange):
        names = log.table["clip_id"].take(pa.array(strange)).unique()
        place = pc.index_in(names, value_set=run.column("clip_id"))
        yield Found(
            f"{len(strange):,} of {len(given):,} predictions are of no test: no fold of that name "
            "and seed tests the clip.",
            clips=place.drop_null().to_numpy().astype(np.int64),
            strangers=names.filter(place.is_null()).to_pylist(),
        )


@rule("warning", "EquiME, supplement, Table 1: rows that equal those of a constant class")
@_if_predicted
def every_class_predicted(run: LintRun, log: PredictionLog) -> Iterator[Found]:
    """Each class is predicted at least once."""
    predicted, references = log.table["prediction"], log.table["reference"]
    said = predicted.unique().to_pylist()
    classes = run.manifest.classes or log.classes
    never = [name for name in classes if name not in said]
    if never and len(said) == 1:
        share = pc.mean(pc.equal(references, said[0])).as_py()
        yield Found(
            f"All {len(predicted):,} predictions are {said[0]!r}: a constant predictor, whose "
            f"accuracy of {share:.3f} is the share of that class."
        )
    elif never:
        yield Found(f"Never predicted: {', '.join(never)}.")


@rule("error", "equime_hub: a log says of which configuration it is")
@_if_predicted
def config_hash(run: LintRun, log: PredictionLog) -> Iterator[Found]:
    """The predictions are those of the configuration that the manifest names."""
    mine, theirs = run.manifest.config_hash, log.table["config_hash"].unique().drop_null()
    if mine is None or not len(theirs):
        yield unchecked("run.json or the predictions do not say config_hash.")
    elif others := [name for name in theirs.to_pylist() if name != mine]:
        yield Found(f"Predictions are of the configuration {others[0]}, run.json is of {mine}.")


def _seeds(run: LintRun, log: PredictionLog) -> list[int]:
    """All seeds that should have predicted, or have."""
    drawn = {seed for _, seed in run.rows.folds if seed is not None}
    return sorted({*log.table["seed"].unique().to_pylist(), *(run.manifest.seeds or ()), *drawn})


def _asked(run: LintRun, seeds: list[int]) -> Keys:
    """All tests; a fold that names no seed is tested with each of them."""
    folds, clips = len(run.rows), len(run.rows.clips)
    found = []
    for number, fold in enumerate(run.rows):
        tested = np.flatnonzero(fold.has(TEST))
        for place, seed in enumerate(seeds):
            if fold.seed in (None, seed):
                found.append((place * folds + number) * clips + tested)
    return np.sort(np.concatenate(found))


def _given(run: LintRun, log: PredictionLog, seeds: list[int]) -> Keys:
    """The test that each prediction claims to be of."""
    clips = len(run.rows.clips)
    (fold, names), (seed, values) = log.codes("fold"), log.codes("seed")
    numbers = {key: number for number, key in enumerate(run.rows.folds)}
    of = np.full((len(names), len(values)), -1)
    for i, name in enumerate(names):
        for j, value in enumerate(values):
            number = numbers.get((name, value), numbers.get((name, None), -1))
            of[i, j] = number if number < 0 else seeds.index(value) * len(run.rows) + number
    clip = pc.index_in(log.table["clip_id"], value_set=run.column("clip_id")).fill_null(-1)
    place, test = clip.to_numpy().astype(np.int64), of[fold, seed]
    return np.where((place < 0) | (test < 0), -1, test * clips + place)
