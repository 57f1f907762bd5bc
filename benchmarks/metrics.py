"""Bootstrap of pooled scores by subject, against a loop over scikit-learn.

    python -m benchmarks.metrics --out benchmarks/results/metrics-MACHINE.json

Made-up predictions of people with unequal numbers of clips. `scores.bootstrap` runs all draws,
from plain columns to intervals; the quickest of three runs counts. The loop draws people in the
same way and hands the clips of each draw to scikit-learn's `f1_score` and
`balanced_accuracy_score`; it is timed over a few draws, whose scores must be ours to 1e-9, and
multiplied up to all draws. Its columns are integers, which is its quickest form.

Then the same predictions, with probabilities, as a prediction log on disk: `equime evaluate` as a
command of its own, from the start of Python to the tables, against the loop over the scores that
it prints intervals for. The loop is given the columns; reading and starting are not held
against it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sklearn
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from benchmarks.common import quickest, run
from equime_hub import seeds
from equime_hub.evaluation import log
from equime_hub.evaluation.log import PredictionLog
from equime_hub.metrics import scores

Column = npt.NDArray[np.int64]


def made_up(clips: int, people: int, classes: int) -> tuple[Column, Column, Column]:
    """References, predictions that are right two times in three or so, and subjects."""
    rng = seeds.generator("benchmark of metrics", clips, people, classes)
    true = rng.choice(classes, clips, p=rng.dirichlet(np.full(classes, 4.0)))
    predicted = np.where(rng.random(clips) < 0.6, true, rng.integers(0, classes, clips))
    # Everybody has a clip; the rest go to some people more than to others.
    more = rng.choice(people, clips - people, p=rng.dirichlet(np.full(people, 2.0)))
    return true, predicted, np.concatenate([np.arange(people), more])


THEIRS: dict[str, Callable[[Column, Column], float]] = {
    "uf1": lambda true, predicted: f1_score(true, predicted, average="macro"),
    "uar": balanced_accuracy_score,
    "accuracy": accuracy_score,
    "weighted_f1": lambda true, predicted: f1_score(true, predicted, average="weighted"),
}
"""Score → how scikit-learn computes it."""


def looped(
    true: Column, predicted: Column, who: Column, draws: int, names: Sequence[str]
) -> tuple[float, float]:
    """Seconds a draw of the loop, and the largest difference of its scores from ours."""
    people, classes = int(who.max()) + 1, int(true.max()) + 1
    order = np.argsort(who, kind="stable")
    clips_of = np.split(order, np.cumsum(np.bincount(who))[:-1])
    rng = seeds.generator("draws of the loop")
    seconds, difference = 0.0, 0.0
    for _ in range(draws):
        start = time.perf_counter()
        drawn = np.concatenate([clips_of[person] for person in rng.integers(0, people, people)])
        theirs = np.array([THEIRS[name](true[drawn], predicted[drawn]) for name in names])
        seconds += time.perf_counter() - start
        counts = np.bincount(true[drawn] * classes + predicted[drawn], minlength=classes**2)
        square = counts.reshape(classes, classes)
        ours = [float(scores.SCORES[name](square, False)) for name in names]
        difference = max(difference, float(abs(theirs - ours).max()))
    return seconds / draws, difference


def as_log(true: Column, predicted: Column, who: Column) -> PredictionLog:
    """The predictions as a leave-one-subject-out log whose largest probability they are."""
    classes = tuple(f"class-{number}" for number in range(int(true.max()) + 1))
    rng = seeds.generator("probabilities", len(true))
    sure = rng.dirichlet(np.ones(len(classes)), len(true)).astype(np.float32)
    rows = np.arange(len(true))
    largest = sure.argmax(axis=1)
    swapped = sure[rows, largest], sure[rows, predicted]
    sure[rows, predicted], sure[rows, largest] = swapped
    people = [f"s{number}" for number in who.tolist()]
    columns = {
        "clip_id": [str(row) for row in rows.tolist()],
        "subject_id": people,
        "dataset": "made-up",
        "fold": people,
        "reference": true,
        "prediction": predicted,
        "probabilities": sure,
    }
    return log.of(columns, classes)


def commanded(path: Path, draws: int) -> dict[str, Any]:
    """What `equime evaluate` reports of a log."""
    call = [sys.executable, "-m", "equime_hub", "evaluate", str(path), "--protocol", "loso"]
    done = subprocess.run(
        [*call, "--draws", str(draws), "--json"], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def evaluated(true: Column, predicted: Column, who: Column, options: Any) -> dict[str, Any]:
    """`equime evaluate` against the loop."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "predictions.parquet")
        log.write(as_log(true, predicted, who), path)
        seconds = quickest(lambda: commanded(path, options.draws))
        (part, *_) = commanded(path, 1)["parts"]
    names = tuple(THEIRS)
    a_draw, difference = looped(true, predicted, who, options.loop_draws, names)
    whole = {name: THEIRS[name](true, predicted) for name in names}
    difference = max(
        difference, *(abs(part["scores"][name]["mean"] - whole[name]) for name in names)
    )
    return {
        "evaluate_seconds": round(seconds, 3),
        "evaluate_loop_seconds_a_draw": round(a_draw, 3),
        "evaluate_loop_seconds_scaled_to_all_draws": round(a_draw * options.draws, 1),
        "evaluate_ratio": round(a_draw * options.draws / seconds),
        "evaluate_largest_difference": float(difference),
    }


def main(options: Any) -> dict[str, Any]:
    true, predicted, who = made_up(options.clips, options.people, options.classes)
    ours = quickest(lambda: scores.bootstrap(true, predicted, who, draws=options.draws))
    intervals = scores.bootstrap(true, predicted, who, draws=options.draws)
    a_draw, difference = looped(true, predicted, who, options.loop_draws, ("uf1", "uar"))
    command = evaluated(true, predicted, who, options)
    if (largest := max(difference, command["evaluate_largest_difference"])) > 1e-9:
        raise SystemExit(f"scikit-learn's scores differ from ours by {largest}.")
    loop = a_draw * options.draws
    return {
        "predictions": options.clips,
        "subjects": options.people,
        "classes": options.classes,
        "draws": options.draws,
        "bootstrap_seconds": round(ours, 3),
        "loop_draws_timed": options.loop_draws,
        "loop_seconds_a_draw": round(a_draw, 3),
        "loop_seconds_scaled_to_all_draws": round(loop, 1),
        "ratio": round(loop / ours),
        "largest_difference": difference,
        **command,
        "scikit_learn": sklearn.__version__,
        "intervals": {name: [each.low, each.high] for name, each in intervals.items()},
    }


if __name__ == "__main__":
    run(__doc__, main, clips=1_000_000, people=6_000, classes=7, draws=1_000, loop_draws=5)
