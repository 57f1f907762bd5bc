"""Whether small trainings learn motion: UF1 on unseen people, beside controls that know nothing.

    python -m benchmarks.baselines --out benchmarks/results/baselines-MACHINE.json

Drawn people with five emotions each, by the `warp` backend: action units, and so emotions, are
exact. They are of the table `du-2014`, in which no two emotions look alike. Every model is trained
by its recipe (`small-cpu`, ...), as `equime train` does, and tested on a quarter of the people, of
whom it has seen nothing:

- as they are;
- with the first frame repeated, and with frames shuffled, as `equime attack` does;
- by a second training with shuffled labels: each emotion's clips get all labels equally often, so
  that none tells anything of the other, and the labels of the tested clips stay true.

Seconds are given with processor seconds of all cores, which other work on the machine changes less.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from transformers.utils import logging

from benchmarks import common
from benchmarks.common import drawn, run
from equime_hub import seeds
from equime_hub.builder.backends.warp import WarpBackend
from equime_hub.builder.causal import ExpertSampler
from equime_hub.builder.plan import PlanConfig
from equime_hub.builder.render import RenderConfig
from equime_hub.evaluation import evaluate as evaluation
from equime_hub.evaluation import lint
from equime_hub.evaluation.evaluate import MeanScore
from equime_hub.jobs import build as builds
from equime_hub.jobs.build import BuildConfig
from equime_hub.robustness.degradations import Degradation
from equime_hub.robustness.measure import RobustnessConfig, robustness
from equime_hub.robustness.trials import trials
from equime_hub.tables import markdown
from equime_hub.training.data.cache import Cache
from equime_hub.training.fit import recipes
from equime_hub.training.fit import run as running
from equime_hub.training.fit.plan import TrainingPlan, training_plan
from equime_hub.training.fit.recipes import TrainConfig
from equime_hub.training.fit.run import Work

RECIPES = {
    "simple3dcnn": "small-cpu",
    "apexme": "small-cpu-apexme",
    "evolution": "small-cpu-evolution",
}
CLIPS = PlanConfig(width=128, height=128, num_frames=40, split=(0.6, 0.15, 0.25))
CONTROLS = (Degradation("static"), Degradation("shuffled"))


def timed(work: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    """Seconds on the clock, and of the processor with all finished child processes."""
    taken, result = common.timed(work, common.clocks)
    seconds, cpu_seconds = taken.round(1).tolist()
    return {"seconds": seconds, "cpu_seconds": cpu_seconds}, result


def build(people: int, folder: Path, workers: int, config: PlanConfig = CLIPS) -> None:
    """Draw people, plan five emotions for each, and render them."""
    plan = drawn(people, config, sampler=ExpertSampler("du-2014"))
    render = RenderConfig(WarpBackend(), pairs=False)
    builds.build(plan, folder, BuildConfig(render), workers=workers)


def shuffled(planned: TrainingPlan, seed: int) -> TrainingPlan:
    """The same trainings with labels that tell nothing: see above. Tested clips keep theirs."""
    examples, (training,) = planned.examples, planned.trainings
    draw, labels = seeds.generator("shuffled labels", seed), examples.labels.copy()
    for rows in (training.train, training.validation):
        mixed = draw.permutation(rows)
        by_class = mixed[np.argsort(examples.labels[mixed], kind="stable")]
        labels[by_class] = _dealt(examples.labels[by_class], len(examples.classes))
    names = pa.array([examples.classes[label] for label in labels.tolist()])
    place = examples.table.schema.get_field_index("label")
    other = replace(examples, table=examples.table.set_column(place, "label", names))
    return replace(planned, examples=other, hash=seeds.digest(planned.hash, "shuffled", seed))


def _dealt(labels: npt.NDArray[np.int64], hands: int) -> npt.NDArray[np.int64]:
    """Sorted labels dealt out like cards: neighbours get labels from all over the pack."""
    each = -(-len(labels) // hands)
    places = np.arange(each * hands).reshape(hands, each).T.ravel()
    return labels[places[places < len(labels)]]


def trained(planned: TrainingPlan, out: Path, cache: Path) -> dict[str, Any]:
    """Scores of one run on its tested people, what the linter says, and how long it took."""
    work = Work(out, cache, cpu=True)
    spent, done = timed(lambda: running.run(planned, work))
    part = evaluation.evaluate(done.log, selected=planned.config.selection).part()
    ((epochs, chosen),) = (
        (len(rows), next(int(row["epoch"]) for row in rows if row["chosen"]))
        for rows in done.histories.values()
    )
    return {
        "uf1": scored(part.scores["uf1"]),
        "uar": scored(part.scores["uar"]),
        "chance_uf1": max(row.uf1 for row in part.report.baselines.values()),
        "confusion": part.report.confusion,
        "epochs": epochs,
        "chosen_epoch": chosen,
        "lint_errors": len(lint.check(lint.read(out)).of("error")),
        **spent,
    }


def scored(found: MeanScore) -> dict[str, float | None]:
    """A score with its interval by person."""
    ends = {"score": found.mean, "low": found.low, "high": found.high}
    return {name: None if end is None else round(end, 4) for name, end in ends.items()}


def controls(run: Path) -> dict[str, Any]:
    """The saved model of a run on its tested clips without motion, or without its order."""
    config = RobustnessConfig(degradations=CONTROLS)
    spent, found = timed(lambda: robustness(trials(str(run), device="cpu"), config))
    conditions = {each.kind: found.condition(each.kind) for each in CONTROLS}
    return {
        **{name: scored(each.part.scores["uf1"]) for name, each in conditions.items() if each},
        **spent,
    }


def learnt(config: TrainConfig, folder: Path, cache: Path, workers: int) -> dict[str, Any]:
    """One model with one seed: trained, robbed of motion, and trained on shuffled labels.

    Args:
        config: Recipe with data and one seed.
        folder: For the two runs; new.
        cache: For prepared clips.
        workers: Processes that prepare them.
    """
    planned = training_plan(config)
    prepared, _ = timed(
        lambda: Cache.make(cache, planned.examples, planned.inputs, workers=workers)
    )
    (seed,) = config.seeds
    true = trained(planned, folder / "true", cache)
    return {
        "model": config.model,
        "seed": seed,
        "prepare": prepared,
        "training": true,
        "controls": controls(folder / "true"),
        "shuffled_labels": trained(shuffled(planned, seed), folder / "shuffled", cache),
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The scores in Markdown."""
    header = ("model, seed", "UF1", "UAR", "static UF1", "shuffled frames UF1",
              "shuffled labels UF1", "chance UF1", "lint errors", "seconds")  # fmt: skip

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        true, false, still = row["training"], row["shuffled_labels"], row["controls"]
        scores = (true["uf1"], true["uar"], still["static"], still["shuffled"], false["uf1"])
        return (
            f"{row['model']}, {row['seed']}",
            *(f"{s['score']:.3f} [{s['low']:.3f}, {s['high']:.3f}]" for s in scores),
            f"{true['chance_uf1']:.3f}",
            str(true["lint_errors"] + false["lint_errors"]),
            f"{row['prepare']['seconds'] + true['seconds']:.0f}",
        )

    return markdown(header, [cells(row) for row in rows])


def measure(
    models: Sequence[str],
    numbers: Sequence[int],
    people: int,
    folder: Path,
    data: Path | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """All of it.

    Args:
        models: Of `RECIPES`.
        numbers: Seeds of training.
        people: To draw, if there are no data.
        folder: For data, caches and runs.
        data: A dataset with three splits, instead of drawn people.
        **changes: To the recipes.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    workers, spent = os.cpu_count() or 1, None
    if data is None:
        data = folder / "data"
        spent, _ = timed(lambda: build(people, folder / "data", workers))
    rows = []
    for seed in numbers:
        for model in models:
            config = recipes.preset(RECIPES[model], data=(str(data),), seeds=(seed,), **changes)
            place = folder / f"{model}-{seed}"
            rows.append(learnt(config, place, folder / "cache", workers))
            print(json.dumps(rows[-1]), file=sys.stderr)
    (training,) = training_plan(recipes.preset(RECIPES[models[0]], data=(str(data),))).trainings
    parts = {"train": training.train, "validation": training.validation, "test": training.tested}
    return {
        "clips": {name: len(part) for name, part in parts.items()},
        "data": spent,
        "rows": rows,
        "threads": torch.get_num_threads(),
    }


def main(options: Any) -> dict[str, Any]:
    if unknown := [name for name in options.models if name not in RECIPES]:
        sys.exit(f"There is no model {', '.join(unknown)}; choose from {', '.join(RECIPES)}.")
    with TemporaryDirectory() as folder:
        result = measure(options.models, options.seeds, options.people, Path(folder), options.data)
    print(table(result["rows"]))
    return result


if __name__ == "__main__":
    run(
        __doc__,
        main,
        people=160,
        models=(list(RECIPES), f"of {', '.join(RECIPES)}"),
        seeds=[0, 1],
        data=(Path, "a dataset that was built before"),
    )
