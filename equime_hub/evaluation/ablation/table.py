"""What an ablation found: scores of every setting, and paired tests between them.

Two things are asked of each pair. Would other people say the same? The interval of the difference
resamples people, each with their clips in both settings. Would other seeds? The signed-rank test
takes the difference of each seed that both settings have. P values are adjusted for all pairs.

Settings with different classes are compared with their classes taken as negative, positive and
surprise (`taxonomy.EMOTION_TO_3`), on the clips that all of them test; their own scores stand
beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from equime_hub.errors import DatasetError
from equime_hub.evaluation import pooled
from equime_hub.evaluation.evaluate import MeanScore, evaluate
from equime_hub.evaluation.log import PredictionLog, checked
from equime_hub.metrics.scores import quantiles
from equime_hub.schema.taxonomy import EMOTION_TO_3, EMOTIONS_3


@dataclass(frozen=True)
class SettingPair:
    """The difference between two settings, second minus first.

    Attributes:
        first: Name of a setting.
        second: Name of another.
        difference: Mean over the seeds that both have, and its interval over people.
        seeds: How many seeds both have.
        p: Of the signed-rank test over these seeds; None for a single one.
        adjusted: The same, adjusted for all pairs after Holm.
    """

    first: str
    second: str
    difference: MeanScore
    seeds: int
    p: float | None
    adjusted: float | None


@dataclass(frozen=True)
class AblationTable:
    """What `compare` found.

    Attributes:
        score: What the pairs compare.
        level: Coverage of the intervals; None without.
        draws: Bootstrap draws.
        settings: Every setting: its name and classes, seeds of training, how many clips and people
            are tested, scores by the names of `metrics.report.NAMES` over the seeds, the class
            that a constant predictor says (`constant`) and its scores (`baseline`), and the seeds
            that only ever predict one class.
        pairs: Every pair of settings.
        as_three: Clips that the pairs compare with three classes, as the settings' classes
            differ; None if they compare all clips with all classes.
        leaky: A test had a say in what was selected for it.
    """

    score: str
    level: float | None
    draws: int
    settings: tuple[dict[str, Any], ...]
    pairs: tuple[SettingPair, ...]
    as_three: int | None
    leaky: bool = False


def compare(
    logs: Mapping[str, PredictionLog],
    score: str = "uf1",
    *,
    leaky: bool = False,
    level: float | None = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> AblationTable:
    """Score settings, and compare each with each.

    Args:
        logs: Setting → its predictions, with all seeds.
        score: One of `metrics.report.NAMES`.
        leaky: Some were selected on the test; the word stays with the result.
        level: Coverage of the intervals, in (0, 1); None for no intervals.
        draws: How often people are resampled.
        seed: Of the draws.

    Raises:
        DatasetError: No setting; the settings test different clips, have no seed in common, or
            different classes that are not those of `EMOTION_TO_3`.
        MetricError: `draws`, `seed` or `level` out of range.
    """
    if not logs:
        raise DatasetError("There is no run to compare; name at least one.")
    scored = []
    for name, log in logs.items():
        part = evaluate(log, by_dataset=False, level=level, draws=draws, seed=seed).part()
        scored.append(
            {
                "name": name,
                "classes": log.classes,
                "seeds": tuple(part.by_seed),
                "clips": part.clips,
                "people": part.subjects,
                "scores": part.scores,
                "constant": str(part.report.constant_class),
                "baseline": part.report.baselines["constant"],
                "constant_seeds": part.constant_seeds,
            }
        )
    as_three = len({frozenset(log.classes) for log in logs.values()}) > 1
    alike = _on_three(logs) if as_three else dict(logs)
    _demand_same_clips(alike)
    pairs = list(_pairs(alike, score, level, draws, seed))
    adjusted = iter(holm([pair.p for pair in pairs if pair.p is not None]))
    pairs = [pair if pair.p is None else replace(pair, adjusted=next(adjusted)) for pair in pairs]
    common = len(next(iter(alike.values())).codes("clip_id")[1]) if as_three else None
    return AblationTable(score, level, draws, tuple(scored), tuple(pairs), common, leaky)


def _on_three(logs: Mapping[str, PredictionLog]) -> dict[str, PredictionLog]:
    """Three classes, and the clips that all settings test: five classes leave some out."""
    common = set.intersection(*(set(log.codes("clip_id")[1]) for log in logs.values()))
    if not common:
        raise DatasetError(f"The settings {', '.join(logs)} test no clip in common.")
    found = {}
    for name, log in logs.items():
        clip, names = log.codes("clip_id")
        found[name] = three(log.only(np.array([each in common for each in names])[clip]))
    return found


def three(log: PredictionLog) -> PredictionLog:
    """The same predictions as negative, positive or surprise.

    Raises:
        DatasetError: A class is none of them, and not in `EMOTION_TO_3`.
    """
    to_3 = {**EMOTION_TO_3, **{name: name for name in EMOTIONS_3}}
    if lost := [name for name in log.classes if to_3.get(name) is None]:
        raise DatasetError(
            f"The settings have different classes, and {', '.join(lost)} is none of "
            f"{', '.join(EMOTIONS_3)}; compare settings with the same classes."
        )
    table = log.table
    for column in ("reference", "prediction"):
        codes, names = log.codes(column)
        values = pa.array([to_3[name] for name in names]).take(pa.array(codes))
        table = table.set_column(table.column_names.index(column), column, values)
    place = table.column_names.index("probabilities")
    nothing = pa.nulls(len(table), table.schema.field(place).type)
    return checked(table.set_column(place, "probabilities", nothing), EMOTIONS_3)


def _demand_same_clips(logs: Mapping[str, PredictionLog]) -> None:
    (first, log), *others = logs.items()
    clips = _clips(log)
    for name, other in others:
        found = _clips(other)
        if found != clips:
            clip = min(set(found.items()) ^ set(clips.items()))[0]
            raise DatasetError(
                f"The settings {first!r} and {name!r} do not test the same clips with the same "
                f"references and people; one that differs is {clip!r}. Settings are compared in "
                "pairs, on one test set."
            )


def _clips(log: PredictionLog) -> dict[str, tuple[str, str]]:
    """Clip → person and reference."""
    person, people = log.people()
    columns = (log.table[name].to_pylist() for name in ("clip_id", "reference"))
    return {
        clip: (people[who], reference)
        for clip, reference, who in zip(*columns, person.tolist(), strict=True)
    }


def _pairs(
    logs: Mapping[str, PredictionLog], score: str, level: float | None, draws: int, seed: int
) -> Iterator[SettingPair]:
    found = {name: pooled.coded(log) for name, log in logs.items()}
    tables = {name: pooled.by_person(each) for name, each in found.items()}
    for first, second in combinations(logs, 2):
        ours, theirs = found[first].seeds, found[second].seeds
        seeds = sorted({*ours} & {*theirs})
        if not seeds:
            raise DatasetError(
                f"The settings {first!r} and {second!r} have no seed in common "
                f"({', '.join(map(str, ours))}; {', '.join(map(str, theirs))}); train both with "
                "the same seeds."
            )
        counts = [
            tables[name][:, [found[name].seeds.index(each) for each in seeds]]
            for name in (second, first)
        ]
        by_seed = np.subtract(*(pooled.scores_of(each.sum(axis=0))[score] for each in counts))
        ends = None
        if level is not None and len(counts[0]) > 1:
            # The same draws of people for both.
            drawn = [
                pooled.scores_of(pooled.redrawn(each, draws, seed))[score].mean(axis=1)
                for each in counts
            ]
            ends = quantiles(np.subtract(*drawn), level)
        p = signed_rank(by_seed.tolist()) if len(seeds) > 1 else None
        yield SettingPair(first, second, MeanScore.over(by_seed, ends), len(seeds), p, None)


def signed_rank(differences: Sequence[float]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test (1945), from the exact distribution.

    Each difference is as likely to be positive as negative if the settings are alike. Differences
    of 0 are left out, equal ones share their mean rank. Of n seeds p is at least 2 / 2ⁿ, so that
    fewer than six can never reach 0.05.

    Args:
        differences: One a seed; finite.

    Returns:
        In (0, 1]; 1 where no seed differs.

    >>> signed_rank([0.01, 0.02, 0.03]), signed_rank([0.0, 0.0])
    (0.25, 1.0)
    """
    # Scores that are equal may differ in their last bits.
    found = np.round(np.asarray(differences, np.float64), 12)
    found = found[found != 0]
    _, place, times = np.unique(abs(found), return_inverse=True, return_counts=True)
    doubled = (2 * times.cumsum() - times + 1)[place]  # twice the mean ranks: whole numbers
    chances = np.ones(1)
    for rank in doubled.tolist():
        there, not_there = np.zeros((2, len(chances) + rank))
        there[rank:] = not_there[: len(chances)] = chances / 2
        chances = there + not_there
    positive = int(doubled[found > 0].sum())
    return min(1.0, 2 * float(min(chances[: positive + 1].sum(), chances[positive:].sum())))


def holm(values: Sequence[float]) -> list[float]:
    """Adjust p values of several tests (Holm 1979), in their order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, largest = [1.0] * len(values), 0.0
    for done, index in enumerate(sorted(range(len(values)), key=lambda index: values[index])):
        largest = max(largest, min(1.0, (len(values) - done) * values[index]))
        adjusted[index] = largest
    return adjusted
