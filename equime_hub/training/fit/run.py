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
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from equime_hub import configs
from equime_hub.errors import DatasetError, EquimeError
from equime_hub.evaluation import log as logs
from equime_hub.evaluation import manifest, rows
from equime_hub.evaluation.log import PredictionLog
from equime_hub.files import write_text
from equime_hub.models.surfaces import surface_of
from equime_hub.progress import Progress
from equime_hub.training.data.augment import Augment
from equime_hub.training.data.cache import Cache, unreadable
from equime_hub.training.data.clips import Clips
from equime_hub.training.fit import run_manifest
from equime_hub.training.fit.folds import Training
from equime_hub.training.fit.initial_model import begin
from equime_hub.training.fit.planning import Planned
from equime_hub.training.fit.recipes import TrainConfig
from equime_hub.training.fit.results import (
    HISTORY,
    MODEL,
    csv_text,
    keep,
    read_histories,
    read_history,
    tidy,
)
from equime_hub.training.fit.team import Team
from equime_hub.training.fit.trainer import Chosen, Parts
from equime_hub.training.fit.training import Machine, demand, fit

TRAIN = "train.json"
FOLDS = "folds"
CACHE = "cache"


@dataclass(frozen=True)
class Claim:
    """What a folder is of: `train.json`."""

    config: TrainConfig
    hash: str


@dataclass(frozen=True)
class Work:
    """How a run is done; nothing of it changes a result.

    Attributes:
        out: Folder of the run.
        cache: Folder for prepared clips; None keeps none.
        machine: Where it is trained.
        keep_models: Keep the model of every fold and seed.
        license: Of the model, for its card; None is that of the data, or else "other".
    """

    out: Path
    cache: Path | None = None
    machine: Machine = field(default_factory=Machine)
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
    histories: dict[tuple[str, int], list[dict[str, float]]]
    notes: tuple[str, ...]


Bars = Callable[[str, str], contextlib.AbstractContextManager[Progress]]
"""What is done and what is counted → something that shows how far it is."""


def run(
    planned: Planned, work: Work, bars: Bars | None = None, say: Callable[[str], None] | None = None
) -> Done:
    """Train all folds with all seeds; finished ones are kept, a begun one is gone on with.

    Under `accelerate launch` every process calls this, and the first one writes.

    Args:
        planned: What to train.
        work: Where, and how.
        bars: Shows how far it is.
        say: Told sentences as things happen.

    Raises:
        DatasetError: The folder holds something else.
        EquimeError: What `fit` and the cache raise.
    """
    bars, say = bars or _no_bar, say or _silent
    team = Team(work.machine.cpu)
    demand(planned.config, work.machine)
    _demand_own(planned, work.out)
    team.wait()
    if (work.out / manifest.MANIFEST).is_file():  # it comes last, so all is there
        return Done(logs.read(work.out), read_histories(work.out / HISTORY), planned.notes)
    if team.main:
        configs.to_file(Claim(planned.config, planned.hash), work.out / TRAIN)
    planned, cache = _prepared(planned, work, team, bars)
    for note in planned.notes:
        say(note)
    units = [(seed, number) for seed in planned.config.seeds
             for number in range(len(planned.trainings))]  # fmt: skip
    found: list[PredictionLog] = []
    histories = {}
    epochs = planned.config.epochs
    sizes = [len(planned.trainings[number].train) for _, number in units]
    with bars("train", "clips") as progress:
        for place, (seed, number) in enumerate(units):
            unit = folder_of(work.out, planned.trainings[number], number, seed)

            def move(part: int, _: int = 0, before: int = epochs * sum(sizes[:place])) -> None:
                progress(before + part, epochs * sum(sizes))

            if not (unit / manifest.PREDICTIONS).is_file():
                _train(planned, work, team, cache, (seed, number), unit, move)
                team.wait()
            if team.main:
                tidy(unit)
            move(epochs * sizes[place])
            found.append(_log(unit, planned))
            histories[planned.trainings[number].name, seed] = read_history(unit / HISTORY)
    log = logs.checked(pa.concat_tables([each.table for each in found]), planned.examples.classes)
    if team.main:
        _finish(planned, work, log, histories)
    team.wait()
    return Done(log, histories, planned.notes)


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


def folder_of(out: Path, training: Training, number: int, seed: int) -> Path:
    """Where a training writes."""
    name = re.sub(r"[^\w.+-]+", "-", training.name)[:80]
    return out / FOLDS / f"{number:03}-{name}" / f"seed-{seed:02}"


def _demand_own(planned: Planned, out: Path) -> None:
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
    if claim.hash == planned.hash:
        return
    mine, theirs = configs.to_json(planned.config), configs.to_json(claim.config)
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


_OURS = {"ablation.json", FOLDS, CACHE}


def _prepared(planned: Planned, work: Work, team: Team, bars: Bars) -> tuple[Planned, Cache | None]:
    """Clips that can be decoded, and what is kept of them."""
    clips, inputs, workers = planned.examples, planned.inputs, max(1, work.machine.workers)
    if work.cache is None:
        with bars("check", "clips") as progress:
            broken = unreadable(clips, inputs, workers=workers, progress=progress)
        return planned.without(broken), None
    if not team.main:
        team.wait()
    with bars("prepare", "clips") as progress:
        cache = Cache.make(work.cache, clips, inputs, workers=workers, progress=progress)
    if team.main:
        team.wait()
    return planned.without(cache.broken), cache


def _train(
    planned: Planned,
    work: Work,
    team: Team,
    cache: Cache | None,
    which: tuple[int, int],
    unit: Path,
    progress: Progress,
) -> None:
    seed, number = which
    training, config, examples = planned.trainings[number], planned.config, planned.examples
    key = (seed, training.name)
    start = begin(config, examples.classes, *key)
    augment = Augment() if config.augment else None
    plain = Clips(examples, planned.inputs, cache)
    altered = Clips(examples, planned.inputs, cache, augment, seed)
    parts = Parts(
        Chosen(altered, training.train),
        Chosen(plain, training.validation),
        Chosen(plain, training.tested),
        examples.labels[training.train],
        len(examples.classes),
        None if config.adversarial is None else surface_of(start.processor, planned.inputs),
    )
    found = fit(start.model, parts, config, unit, key, work.machine, progress)
    if team.main:
        keep(planned, which, unit, start, found, work.license, model=work.keep_models)


def _log(unit: Path, planned: Planned) -> PredictionLog:
    log = logs.read(unit)
    if set(log.table["config_hash"].to_pylist()) != {planned.hash}:
        raise DatasetError(f"{unit} is of another run; choose another folder (--out).")
    return log


def _finish(
    planned: Planned,
    work: Work,
    log: PredictionLog,
    histories: dict[tuple[str, int], list[dict[str, float]]],
) -> None:
    first = folder_of(work.out, planned.trainings[0], 0, planned.config.seeds[0]) / MODEL
    if len(planned.trainings) == 1 and first.is_dir() and not (work.out / MODEL).exists():
        first.replace(work.out / MODEL)
    all_rows = [
        {"fold": name, "seed": seed, **row}
        for (name, seed), history in histories.items()
        for row in history
    ]
    write_text(work.out / HISTORY, csv_text(all_rows))
    rows.write(run_manifest.roles(planned), work.out)
    logs.write(log, work.out)
    manifest.write(run_manifest.of(planned), work.out)
    if work.cache == work.out / CACHE:
        shutil.rmtree(work.cache, ignore_errors=True)


@contextlib.contextmanager
def _no_bar(what: str, unit: str) -> Iterator[Progress]:
    yield lambda done, total: None


def _silent(sentence: str) -> None:
    """Nobody listens."""
