"""Scores of a prediction log: counts are summed over folds before any score is computed.

Beside every score stand those of predictors that look at no clip (`metrics.report`), and how many
classes are ever predicted. Datasets of a composite are scored from the same predictions, over the
same classes. UF1 counts every class of the log, so a class without clips is an F1 of 0 in it;
`macro_f1` leaves such classes out.

Several seeds: each is scored by itself; the mean stands with the sample standard deviation
(n - 1). Intervals are percentile bootstrap intervals of that mean over resampled people, each
with all of their clips of all seeds: they say what other people would do, not other seeds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equime_hub.evaluation import protocols, selection
from equime_hub.evaluation.log import PredictionLog
from equime_hub.evaluation.pooled import (
    ALL,
    Counts,
    Kind,
    Mask,
    Part,
    Predictions,
    coded,
    counted,
    masks,
    redrawn,
    scores_of,
)  # fmt: skip
from equime_hub.evaluation.protocols import Scheme
from equime_hub.metrics.calibration import calibration_error, mean_confidence
from equime_hub.metrics.report import NAMES, Report, Row, from_counts, guesses
from equime_hub.metrics.scores import quantiles
from equime_hub.tables import fixed, interval


@dataclass(frozen=True)
class MeanScore:
    """One score over the seeds.

    Attributes:
        mean: Mean over the seeds, in [0, 1].
        sd: Sample standard deviation over the seeds; None for one seed.
        low: Lower end of the interval of the mean; None without interval.
        high: Upper end.
    """

    mean: float
    sd: float | None = None
    low: float | None = None
    high: float | None = None

    @classmethod
    def over(
        cls, by_seed: npt.NDArray[np.float64], ends: tuple[float, float] | None = None
    ) -> MeanScore:
        """Of one value a seed, and the ends of the interval."""
        sd = float(by_seed.std(ddof=1)) if len(by_seed) > 1 else None
        return cls(float(by_seed.mean()), sd, *(ends or (None, None)))

    def __str__(self) -> str:
        """As far as it is known.

        >>> str(MeanScore(0.5)), str(MeanScore(0.5, 0.1, 0.25, 0.75))
        ('0.5000', '0.5000 ± 0.1000 [0.2500, 0.7500]')
        """
        sd = "" if self.sd is None else f" ± {fixed(self.sd)}"
        return fixed(self.mean) + sd + interval(self.low, self.high)


@dataclass(frozen=True)
class PartScores:
    """Scores of some clips.

    Attributes:
        name: `ALL`, a dataset, or a fold that is a test of its own.
        kind: Which of these it is.
        clips: How many, each counted once however many seeds there are.
        subjects: People.
        folds: Folds that their predictions come from, and that are summed.
        scores: Pooled scores by the names of `metrics.report.NAMES`.
        by_seed: Seed → its pooled scores.
        classes_predicted: Seed → how many classes it ever predicts.
        report: Counts of all seeds together: confusion, classes, baselines, confidence. Its
            baselines are those of every single seed, as all have the same clips.
        probable: Predictions with probabilities; confidence rests on these alone.
    """

    name: str
    kind: Kind
    clips: int
    subjects: int
    folds: int
    scores: dict[str, MeanScore]
    by_seed: dict[int, Row]
    classes_predicted: dict[int, int]
    report: Report
    probable: int

    @property
    def constant_seeds(self) -> tuple[int, ...]:
        """Seeds that only ever predict one class."""
        return tuple(seed for seed, n in self.classes_predicted.items() if n == 1)


@dataclass(frozen=True)
class FoldAveraged:
    """Means over folds of the scores of each fold: another quantity than pooled scores.

    A fold is scored over the classes that occur in it, as scikit-learn does by default.

    Attributes:
        name: The part's name.
        folds: How many folds each mean is over.
        scores: By name, without intervals.
        baselines: The same of `constant`, `prior` and `chance`, which know the references of the
            whole part.
    """

    name: str
    folds: int
    scores: dict[str, MeanScore]
    baselines: dict[str, Row]


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        protocol: Name of the protocol that the folds were held against; None if unknown.
        selection: How the epoch was chosen, as `selection.stored_name` has it; None if unknown.
        classes: All classes.
        seeds: Seeds of training.
        level: Coverage of the intervals; None without.
        draws: Bootstrap draws.
        parts: All clips first, then datasets; or the tests of a protocol that has several.
        fold_averaged: The same parts averaged over folds; None unless asked for.
        unlikely: Predictions that are not the class of the largest probability.
    """

    protocol: str | None
    selection: str | None
    classes: tuple[str, ...]
    seeds: tuple[int, ...]
    level: float | None
    draws: int
    parts: tuple[PartScores, ...]
    fold_averaged: tuple[FoldAveraged, ...] | None
    unlikely: int

    @property
    def leaky(self) -> bool:
        """The test had a say in what was selected."""
        return selection.is_leaky(self.selection)

    def part(self, name: str = ALL) -> PartScores:
        """The part of that name.

        Raises:
            KeyError: There is none.
        """
        return {part.name: part for part in reversed(self.parts)}[name]


def evaluate(
    log: PredictionLog,
    protocol: Scheme | str | None = None,
    *,
    selected: str | None = None,
    leaky: bool = False,
    by_dataset: bool = True,
    fold_averaged: bool = False,
    level: float | None = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Score a prediction log.

    Args:
        log: The predictions.
        protocol: What the folds must keep to, or its name; None pools them as they are.
        selected: How the epoch was chosen, one of `selection.RULES`; None if unknown.
        leaky: Allows `best-on-test`, and the word stays with the result.
        by_dataset: Score each dataset too, if there are several.
        fold_averaged: Also average the scores of the folds.
        level: Coverage of the intervals, in (0, 1); None for no intervals. People are resampled,
            so a part with one person has none.
        draws: How often people are resampled.
        seed: Of the draws, NumPy's PCG64.

    Raises:
        DatasetError: The folds are not those of the protocol, or the seeds tested different clips.
        EquimeError: An unknown protocol or selection, or a leaky one without `leaky`.
        MetricError: `draws`, `seed` or `level` out of range.
    """
    scheme = protocols.named(protocol)() if isinstance(protocol, str) else protocol
    rule = None if selected is None else selection.stored_name(selected)
    selection.demand_leaky(rule, leaky)
    if scheme is not None:
        scheme.check(log)
    found = coded(log)
    predicted = found.cell % len(log.classes)
    parts = list(masks(found, separate=scheme is not None and scheme.separate, by=by_dataset))
    return Evaluation(
        protocol=None if scheme is None else scheme.name,
        selection=rule,
        classes=log.classes,
        seeds=found.seeds,
        level=level,
        draws=draws,
        parts=tuple(_part(found, part, level, draws, seed) for part in parts),
        fold_averaged=tuple(_averaged(found, name, mask) for name, _, mask in parts)
        if fold_averaged
        else None,
        unlikely=int((log.probabilities().argmax(axis=1) != predicted[log.probable()]).sum()),
    )


def _part(found: Predictions, part: Part, level: float | None, draws: int, seed: int) -> PartScores:
    name, kind, mask = part
    people, person = np.unique(found.person[mask], return_inverse=True)
    counts = counted(found, mask, person, len(people))
    pooled = counts.sum(axis=0)
    scores = scores_of(pooled)
    ends: dict[str, tuple[float, float]] = {}
    if level is not None and len(people) > 1:
        drawn = scores_of(redrawn(counts, draws, seed))
        ends = {score: quantiles(drawn[score].mean(axis=1), level) for score in NAMES}
    classes, has = found.log.classes, found.log.probable()
    probabilities = found.log.probabilities()[mask[has]]
    references = (found.cell // len(classes))[mask & has]
    sure = len(probabilities) > 0
    return PartScores(
        name=name,
        kind=kind,
        clips=int(mask.sum()) // len(found.seeds),
        subjects=len(people),
        folds=len(np.unique(found.log.codes("fold")[0][mask])),
        scores={score: MeanScore.over(scores[score], ends.get(score)) for score in NAMES},
        by_seed={
            each: Row(**{score: float(scores[score][number]) for score in NAMES})
            for number, each in enumerate(found.seeds)
        },
        classes_predicted={
            each: int(table.any(axis=0).sum())
            for each, table in zip(found.seeds, pooled, strict=True)
        },
        report=from_counts(
            pooled.sum(axis=0).astype(np.int64),
            classes,
            confidence=mean_confidence(probabilities) if sure else None,
            error=calibration_error(references, probabilities) if sure else None,
        ),
        probable=len(probabilities),
    )


def _averaged(found: Predictions, name: str, mask: Mask) -> FoldAveraged:
    folds, fold = np.unique(found.log.codes("fold")[0][mask], return_inverse=True)
    counts = counted(found, mask, fold, len(folds))
    true = counts.sum(axis=-1)
    return FoldAveraged(
        name,
        len(folds),
        {score: MeanScore.over(values) for score, values in _fold_means(counts).items()},
        {
            guess: Row(
                **{
                    score: float(values.mean())
                    for score, values in _fold_means(true[..., None] * chances).items()
                }
            )
            for guess, chances in guesses(true.sum(axis=(0, 1))).items()
        },
    )


def _fold_means(counts: Counts) -> dict[str, npt.NDArray[np.float64]]:
    """Folds × seeds × C×C counts to a mean over the folds for each seed, by score."""
    by_seed = [
        # Seeds may have drawn folds of their own, which are empty for the others.
        scores_of(of_seed[of_seed.any(axis=(1, 2))], fixed=False)
        for of_seed in np.moveaxis(counts, 1, 0)
    ]
    return {score: np.array([found[score].mean() for found in by_seed]) for score in NAMES}
