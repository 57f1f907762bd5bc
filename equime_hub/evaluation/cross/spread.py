"""How much a score depends on the training set, with intervals over people.

EquiME's Figure 5b calls a small spread consistent. A constant predictor has the smallest, so the
number of scores above it stands beside every spread.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from equime_hub.evaluation.cross.matrix import Bounded, Cell, Steadiness
from equime_hub.evaluation.evaluate import MeanScore
from equime_hub.metrics.report import NAMES, Row
from equime_hub.metrics.scores import Label, quantiles
from equime_hub.metrics.spread import Spread, consistency

Sample = dict[str, npt.NDArray[np.float64]]
"""Score → its value in every draw of people."""


def steadiness(
    cells: Sequence[Cell],
    samples: Sequence[Sample | None],
    floors: Mapping[str, Row],
    level: float | None,
) -> dict[str, Steadiness]:
    """The spread of every score over training sets.

    Args:
        cells: All cells; those that were trained on their test set are left out.
        samples: Score of each cell → its value in every draw of people; None without intervals.
        floors: Test set → scores of the constant predictor.
        level: Coverage of the intervals, in (0, 1).

    Returns:
        By score; empty where no model and test set has two training sets.
    """
    trained: defaultdict[str, set[str]] = defaultdict(set)
    for cell in cells:
        if not cell.within:
            trained[cell.condition].add(cell.train)
    used = [
        (cell, sample)
        for cell, sample in zip(cells, samples, strict=True)
        if not cell.within and len(trained[cell.condition]) > 1
    ]
    left_out = tuple(name for name, sets in trained.items() if len(sets) < 2)
    return {name: _of(name, used, floors, level, left_out) for name in NAMES} if used else {}


def _of(
    name: str,
    used: Sequence[tuple[Cell, Sample | None]],
    floors: Mapping[str, Row],
    level: float | None,
    left_out: tuple[str, ...],
) -> Steadiness:
    trained, conditions = [cell.train for cell, _ in used], [cell.condition for cell, _ in used]
    baselines = {cell.condition: getattr(floors[cell.test], name) for cell, _ in used}
    scores = [cell.scores[name].mean for cell, _ in used]
    found = consistency(scores, trained, conditions, baselines)
    known = [sample[name] for _, sample in used if sample is not None]
    table = np.stack(known, axis=1) if len(known) == len(used) else None
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
