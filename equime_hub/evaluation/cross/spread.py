"""How much a score depends on the training set, with intervals over people.

EquiME's Figure 5b calls a small spread consistent. A constant predictor has the smallest, so the
number of scores above it stands beside every spread.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equime_hub.evaluation.evaluate import MeanScore
from equime_hub.metrics.report import NAMES
from equime_hub.metrics.scores import Label, quantiles
from equime_hub.metrics.spread import Spread, consistency

Sample = dict[str, npt.NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Drawn:
    """One cell.

    Attributes:
        condition: Model and test set.
        train: What was trained on.
        scores: By name.
        sample: The same in every draw of people; None without intervals.
    """

    condition: str
    train: str
    scores: dict[str, float]
    sample: Sample | None


@dataclass(frozen=True)
class Bounded:
    """A spread, and the interval of its standard deviation; None without."""

    spread: Spread
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Steadiness:
    """How much one score depends on the training set.

    Attributes:
        sd: Mean over the conditions of the standard deviation over training sets.
        conditions: Model and test set → its spread over training sets.
        training_sets: Training set → its spread over models and test sets.
        left_out: Conditions with a single training set.
    """

    sd: MeanScore
    conditions: dict[str, Bounded]
    training_sets: dict[str, Bounded]
    left_out: tuple[str, ...]


def steadiness(
    cells: Sequence[Drawn], floors: Mapping[str, Mapping[str, float]], level: float | None
) -> dict[str, Steadiness]:
    """The spread of every score over training sets.

    Args:
        cells: All cells but those that were trained on their test set.
        floors: Condition → scores of the constant predictor.
        level: Coverage of the intervals, in (0, 1).

    Returns:
        By score; empty where no condition has two training sets.
    """
    trained: defaultdict[str, set[str]] = defaultdict(set)
    for cell in cells:
        trained[cell.condition].add(cell.train)
    used = [cell for cell in cells if len(trained[cell.condition]) > 1]
    left_out = tuple(name for name, sets in trained.items() if len(sets) < 2)
    if not used:
        return {}
    return {name: _of(name, used, floors, level, left_out) for name in NAMES}


def _of(
    name: str,
    cells: Sequence[Drawn],
    floors: Mapping[str, Mapping[str, float]],
    level: float | None,
    left_out: tuple[str, ...],
) -> Steadiness:
    trained, conditions = [cell.train for cell in cells], [cell.condition for cell in cells]
    baselines = {each: floors[each][name] for each in conditions}
    found = consistency([cell.scores[name] for cell in cells], trained, conditions, baselines)
    samples = [cell.sample[name] for cell in cells if cell.sample is not None]
    table = np.stack(samples, axis=1) if len(samples) == len(cells) else None
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
