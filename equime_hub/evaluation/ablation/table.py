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
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equime_hub.errors import DatasetError
from equime_hub.evaluation import evaluate as evaluation
from equime_hub.evaluation import pooled as pooling
from equime_hub.evaluation.ablation.paired import holm, signed_rank
from equime_hub.evaluation.evaluate import MeanScore, PartScores
from equime_hub.evaluation.log import PredictionLog, checked
from equime_hub.metrics.report import Row
from equime_hub.metrics.scores import quantiles, resampled
from equime_hub.schema.taxonomy import EMOTION_TO_3, EMOTIONS_3


@dataclass(frozen=True)
class Scored:
    """One setting.

    Attributes:
        name: Its name.
        classes: What it tells apart.
        seeds: Seeds of training.
        clips: How many are tested.
        people: How many.
        scores: By the names of `metrics.report.NAMES`, over the seeds.
        constant: The class that `baseline` always says.
        baseline: Scores of the constant predictor.
        constant_seeds: Seeds that only ever predict one class.
    """

    name: str
    classes: tuple[str, ...]
    seeds: tuple[int, ...]
    clips: int
    people: int
    scores: dict[str, MeanScore]
    constant: str
    baseline: Row
    constant_seeds: tuple[int, ...]


@dataclass(frozen=True)
class Pair:
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
        settings: Every setting.
        pairs: Every pair of settings.
        as_three: Clips that the pairs compare with three classes, as the settings' classes
            differ; None if they compare all clips with all classes.
        leaky: A test had a say in what was selected for it.
    """

    score: str
    level: float | None
    draws: int
    settings: tuple[Scored, ...]
    pairs: tuple[Pair, ...]
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
    scored = tuple(
        _scored(name, log, _whole(log, level, draws, seed)) for name, log in logs.items()
    )
    as_three = len({frozenset(log.classes) for log in logs.values()}) > 1
    alike = _on_three(logs) if as_three else dict(logs)
    _demand_same_clips(alike)
    pairs = list(_pairs(alike, score, level, draws, seed))
    known = [pair.p for pair in pairs if pair.p is not None]
    adjusted = iter(holm(known))
    return AblationTable(
        score,
        level,
        draws,
        scored,
        tuple(
            Pair(p.first, p.second, p.difference, p.seeds, p.p, next(adjusted))
            if p.p is not None
            else p
            for p in pairs
        ),
        _clip_count(alike) if as_three else None,
        leaky,
    )


def _on_three(logs: Mapping[str, PredictionLog]) -> dict[str, PredictionLog]:
    """Three classes, and the clips that all settings test: five classes leave some out."""
    common = set.intersection(*(set(log.codes("clip_id")[1]) for log in logs.values()))
    if not common:
        raise DatasetError(f"The settings {', '.join(logs)} test no clip in common.")
    found = {}
    for name, log in logs.items():
        clip, names = log.codes("clip_id")
        kept = pa.array(np.array([each in common for each in names])[clip])
        found[name] = three(PredictionLog(log.table.filter(kept), log.classes))
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


def _whole(log: PredictionLog, level: float | None, draws: int, seed: int) -> PartScores:
    found = evaluation.evaluate(log, by_dataset=False, level=level, draws=draws, seed=seed)
    return found.part()


def _scored(name: str, log: PredictionLog, part: PartScores) -> Scored:
    return Scored(
        name=name,
        classes=log.classes,
        seeds=tuple(part.by_seed),
        clips=part.clips,
        people=part.subjects,
        scores=part.scores,
        constant=str(part.report.constant_class),
        baseline=part.report.baselines["constant"],
        constant_seeds=part.constant_seeds,
    )


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


def _clip_count(logs: Mapping[str, PredictionLog]) -> int:
    return len(next(iter(logs.values())).codes("clip_id")[1])


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
) -> Iterator[Pair]:
    found = {name: pooling.coded(log) for name, log in logs.items()}
    tables = {name: _by_person(each) for name, each in found.items()}
    order = {name: sorted(log.classes) for name, log in logs.items()}
    for first, second in combinations(logs, 2):
        ours, theirs = found[first].seeds, found[second].seeds
        seeds = sorted({*ours} & {*theirs})
        if not seeds:
            raise DatasetError(
                f"The settings {first!r} and {second!r} have no seed in common "
                f"({_listed(ours)}; {_listed(theirs)}); train both with the same seeds."
            )
        assert order[first] == order[second]
        counts = [
            tables[name][:, [found[name].seeds.index(each) for each in seeds]]
            for name in (first, second)
        ]
        people = len(counts[0])
        by_seed = np.subtract(*(_scores(each.sum(axis=0), score) for each in counts[::-1]))
        difference = MeanScore(float(by_seed.mean()))
        if len(seeds) > 1:
            difference = MeanScore(difference.mean, float(by_seed.std(ddof=1)))
        if level is not None and people > 1:
            # The same draws of people for both.
            one, other = (
                _scores(
                    resampled(each.reshape(people, -1), draws, seed).reshape(-1, *each.shape[1:]),
                    score,
                ).mean(axis=1)
                for each in counts
            )
            ends = quantiles(other - one, level)
            difference = MeanScore(difference.mean, difference.sd, *ends)
        p = signed_rank(by_seed.tolist()) if len(seeds) > 1 else None
        yield Pair(first, second, difference, len(seeds), p, None)


def _by_person(found: pooling.Predictions) -> npt.NDArray[np.float64]:
    """People × seeds × C×C counts."""
    people, size = int(found.person.max()) + 1, len(found.classes)
    counts = pooling.counted(found, np.ones(len(found.cell), bool), found.person, people)
    return counts.reshape(people, len(found.seeds), size, size)


def _scores(counts: npt.NDArray[np.float64], score: str) -> npt.NDArray[np.float64]:
    return pooling.scores_of(counts)[score]


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))
