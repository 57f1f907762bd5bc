"""Logs of one setting with different seeds as one log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from equime_hub.errors import DatasetError
from equime_hub.evaluation.log import PredictionLog, record


def joined(parts: Sequence[tuple[Path, PredictionLog]]) -> PredictionLog:
    """One log of several, each with seeds of its own.

    Args:
        parts: Where each is from, for messages, and the log; at least one.

    Raises:
        DatasetError: A seed is there twice, the classes differ or stand in another order, or the
            logs contradict each other.
    """
    (first, log), *others = parts
    if not others:
        return log
    seen: dict[int, Path] = {}
    for path, part in parts:
        for seed in part.codes("seed")[1]:
            if seed in seen:
                raise DatasetError(
                    f"{seen[seed]} and {path} both have predictions of one setting with the seed "
                    f"{seed}; give one of them, or name the settings apart."
                )
            seen[seed] = path
        if part.classes != log.classes:
            raise DatasetError(
                f"{first} has the classes {', '.join(log.classes)}, and {path} "
                f"{', '.join(part.classes)}; seeds of one setting have the same, in one order."
            )
    return record.checked(pa.concat_tables([part.table for _, part in parts]), log.classes)
