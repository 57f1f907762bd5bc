"""A whole run: every fold with every seed, gone on from where it stopped, and its files.

::

    RUN/train.json             the recipe, and the hash of recipe, clips and inputs
    RUN/run.json               what it says of itself, `manifest.Manifest`
    RUN/rows.parquet           which clip had which role in which fold
    RUN/predictions.parquet    all predictions
    RUN/history.csv            scores of every epoch of every training
    RUN/model/                 the model, if there is one training (of the first seed)
    RUN/folds/NNN-NAME/seed-S/ the same of one training; predictions.parquet comes last, so a
                               training that has it is done
"""

from __future__ import annotations

import contextlib
import csv
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa

from equime_hub import configs
from equime_hub.errors import DatasetError, EquimeError
from equime_hub.evaluation import log as logs
from equime_hub.evaluation import manifest, rows
from equime_hub.evaluation.log import PredictionLog
from equime_hub.files import remove_temporaries, write_text
from equime_hub.progress import Progress
from equime_hub.training.data.cache import Cache, unreadable
from equime_hub.training.data.clips import Clips
from equime_hub.training.fit import card, run_manifest
from equime_hub.training.fit.folds import Training
from equime_hub.training.fit.initial_model import InitialModel, begin
from equime_hub.training.fit.plan import TrainingPlan
from equime_hub.training.fit.processes import Processes
from equime_hub.training.fit.recipes import TrainConfig
from equime_hub.training.fit.training import BEST, CHECKPOINT, Fitted, History, demand, fit

TRAIN = "train.json"
FOLDS = "folds"
CACHE = "cache"
HISTORY = "history.csv"
MODEL = "model"
_OURS = {"ablation.json", FOLDS, CACHE}
"""What a folder may hold before there is a run in it."""


@dataclass(frozen=True)
class Claim:
    """What a folder is of: `train.json`."""

    config: TrainConfig
    hash: str


@dataclass(frozen=True)
class Work:
    """How a run is done; nothing of it changes a result, but for rounding.

    Attributes:
        out: Folder of the run.
        cache: Folder for prepared clips; None keeps none.
        workers: Processes that prepare clips, for each process that trains; 0 is none.
        cpu: Leave GPUs alone.
        keep_models: Keep the model of every fold and seed.
        license: Of the model, for its card; None is that of the data, or else "other".
    """

    out: Path
    cache: Path | None = None
    workers: int = 0
    cpu: bool = False
    keep_models: bool = False
    license: str | None = None


@dataclass(frozen=True, eq=False)
class Done:
    """A finished run.

    Attributes:
        log: All predictions.
        histories: (training, seed) → scores of its epochs.
        notes: Sentences that belong to the results.
    """

    log: PredictionLog
    histories: dict[tuple[str, int], History]
    notes: tuple[str, ...]


@contextlib.contextmanager
def _no_bar(what: str, unit: str) -> Iterator[Progress]:
    yield lambda done, total: None


def run(
    plan: TrainingPlan,
    work: Work,
    bars: Callable[[str, str], contextlib.AbstractContextManager[Progress]] = _no_bar,
    say: Callable[[str], object] = str,
) -> Done:
    """Train all folds with all seeds; finished ones are kept, a begun one is gone on with.

    Under `accelerate launch` every process calls this, and the first one writes.

    Args:
        plan: What to train.
        work: Where, and how.
        bars: What is done and what is counted → something that shows how far it is.
        say: Told sentences as things happen.

    Raises:
        DatasetError: The folder holds something else.
        EquimeError: What `fit` and the cache raise.
    """
    team = Processes(work.cpu)
    demand(plan.config, work.cpu)
    _demand_own(plan, work.out)
    team.wait()  # until all have looked: the first one is about to write
    if not (work.out / manifest.MANIFEST).is_file():  # it comes last, so all is there
        if team.main:
            configs.to_file(Claim(plan.config, plan.hash), work.out / TRAIN)
        plan, cache = _prepared(plan, work, team, bars)
        for note in plan.notes:
            say(note)
        with bars("train", "clips") as progress:
            units = _train(plan, work, team, Clips(plan.examples, plan.inputs, cache), progress)
        if team.main:
            _finish(plan, work, units)
        team.wait()
    return Done(logs.read(work.out), read_histories(work.out / HISTORY), plan.notes)


def read_claim(out: Path) -> Claim:
    """What a run's folder is of.

    Raises:
        DatasetError: Its `train.json` is damaged, or of another version.
    """
    try:
        return configs.from_file(Claim, out / TRAIN)
    except EquimeError as error:
        raise DatasetError(
            f"{out / TRAIN} is damaged, or of another version of this program: {error}"
        ) from error


def read_histories(path: Path) -> dict[tuple[str, int], History]:
    """(training, seed) → scores of its epochs, as `history.csv` of a run has them."""
    found: dict[tuple[str, int], History] = {}
    for row in _read_csv(path):
        key = row.pop("fold"), int(row.pop("seed"))
        found.setdefault(key, []).append({n: float(v) for n, v in row.items() if v != ""})
    return found


def _demand_own(plan: TrainingPlan, out: Path) -> None:
    """Refuse a folder that holds another run, or something that is none."""
    path = out / TRAIN
    if not path.is_file():
        if out.is_dir() and (strange := sorted({p.name for p in out.iterdir()} - _OURS)):
            raise DatasetError(
                f"{out} holds {strange[0]} and no {TRAIN}, so it is no run of ours; choose another "
                "folder (--out)."
            )
        return
    claim = read_claim(out)
    if claim.hash == plan.hash:
        return
    mine, theirs = configs.to_json(plan.config), configs.to_json(claim.config)
    other = [
        f"{name} {theirs[name]} instead of {mine[name]}"
        for name in mine
        if mine[name] != theirs[name]
    ]
    what = "; ".join(other) or "its clips, or how they are prepared, are others"
    raise DatasetError(
        f"{out} is of another run: {what}. Choose another folder (--out), or the same settings to "
        "go on with it."
    )


def _prepared(
    plan: TrainingPlan, work: Work, team: Processes, bars: Any
) -> tuple[TrainingPlan, Cache | None]:
    """Clips that can be decoded, and what is kept of them."""
    clips, inputs, workers = plan.examples, plan.inputs, max(1, work.workers)
    if work.cache is None:
        with bars("check", "clips") as progress:
            broken = unreadable(clips, inputs, workers=workers, progress=progress)
        return plan.without(broken), None
    # The first one makes the cache, and the others find it made.
    if not team.main:
        team.wait()
    with bars("prepare", "clips") as progress:
        cache = Cache.make(work.cache, clips, inputs, workers=workers, progress=progress)
    if team.main:
        team.wait()
    return plan.without(cache.broken), cache


def _train(
    plan: TrainingPlan, work: Work, team: Processes, clips: Clips, progress: Progress
) -> dict[tuple[str, int], Path]:
    """Do what is not done yet; gives the folder of every (training, seed)."""
    config, units, before = plan.config, {}, 0
    total = config.epochs * sum(len(each.train) for each in plan.trainings) * len(config.seeds)
    for seed in config.seeds:
        for number, training in enumerate(plan.trainings):
            name = re.sub(r"[^\w.+-]+", "-", training.name)[:80]
            unit = work.out / FOLDS / f"{number:03}-{name}" / f"seed-{seed:02}"
            if not (unit / manifest.PREDICTIONS).is_file():

                def move(part: int, _: int, before: int = before) -> None:
                    progress(before + part, total)

                start = begin(config, plan.examples.classes, seed, training.name)
                found = fit(
                    start, clips, training, config, seed, unit,
                    workers=work.workers, cpu=work.cpu, progress=move,
                )  # fmt: skip
                if team.main:
                    _keep(plan, training, seed, unit, start, found, work)
                team.wait()
            if team.main:
                _tidy(unit)
            before += config.epochs * len(training.train)
            progress(before, total)
            units[training.name, seed] = unit
    return units


def _keep(
    plan: TrainingPlan,
    training: Training,
    seed: int,
    unit: Path,
    start: InitialModel,
    found: Fitted,
    work: Work,
) -> None:
    """Write what came of a training: its history, its model with a card, and its predictions.

    The predictions come last: a training that has them is done.
    """
    table = plan.examples.table.take(pa.array(training.tested))
    log = logs.of(
        table["clip_id"].to_pylist(),
        table["subject_id"].to_pylist(),
        table["label"].to_pylist(),
        found.probabilities.argmax(axis=1),
        classes=plan.examples.classes,
        datasets=table["source_dataset"].to_pylist(),
        folds=[name for name, tested in training.tests.items() for _ in tested],
        seeds=seed,
        probabilities=found.probabilities,
        config_hash=plan.hash,
    )
    chosen = [{**row, "chosen": float(i == found.epoch)} for i, row in enumerate(found.history)]
    _write_csv(unit / HISTORY, chosen)
    only = len(plan.trainings) == 1 and seed == plan.config.seeds[0]
    if work.keep_models or only:
        temporary = unit / f"{MODEL}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        start.model.save_pretrained(temporary)
        start.processor.save_pretrained(temporary)
        name = work.out.resolve().name
        text = card.text(plan, training, log, found, name, work.license)
        write_text(temporary / "README.md", text)
        shutil.rmtree(unit / MODEL, ignore_errors=True)
        temporary.replace(unit / MODEL)
    logs.write(log, unit)


def _tidy(unit: Path) -> None:
    """Remove what a finished training needs no more."""
    shutil.rmtree(unit / f"{MODEL}.tmp", ignore_errors=True)
    for left in (*unit.glob(CHECKPOINT), *unit.glob(BEST.format("*"))):
        left.unlink()
    remove_temporaries(unit)


def _finish(plan: TrainingPlan, work: Work, units: dict[tuple[str, int], Path]) -> None:
    """Put together what the trainings wrote; the manifest comes last."""
    tables, history = [], []
    for (name, seed), unit in units.items():
        tables.append(logs.read(unit).table)
        if set(tables[-1]["config_hash"].to_pylist()) != {plan.hash}:
            raise DatasetError(f"{unit} is of another run; choose another folder (--out).")
        history += [{"fold": name, "seed": seed, **row} for row in _read_csv(unit / HISTORY)]
    first = next(iter(units.values())) / MODEL
    if len(plan.trainings) == 1 and first.is_dir() and not (work.out / MODEL).exists():
        first.replace(work.out / MODEL)
    _write_csv(work.out / HISTORY, history)
    rows.write(run_manifest.roles(plan), work.out)
    logs.write(logs.record.checked(pa.concat_tables(tables), plan.examples.classes), work.out)
    manifest.write(run_manifest.of(plan), work.out)
    if work.cache == work.out / CACHE:
        shutil.rmtree(work.cache, ignore_errors=True)


def _write_csv(path: Path, table: list[dict[str, Any]]) -> None:
    """Rows as CSV; what a row lacks is empty."""
    text = StringIO()
    names = list(dict.fromkeys(name for row in table for name in row))
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in table:
        writer.writerow({n: f"{v:.6g}" if isinstance(v, float) else v for n, v in row.items()})
    write_text(path, text.getvalue())


def _read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
