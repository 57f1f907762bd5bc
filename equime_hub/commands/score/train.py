"""`equime train`: a classifier of clips, from a dataset to a model card."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equime_hub.commands.common import counted, json_option, progress_bar, report, talk
from equime_hub.commands.score.train_options import (
    data_options,
    recipe_options,
    selection_options,
    work_options,
)
from equime_hub.tables import in_markdown

if TYPE_CHECKING:
    from equime_hub.training.fit.planning import Planned
    from equime_hub.training.fit.recipes import TrainConfig
    from equime_hub.training.fit.run import Done, Work

_OTHERS = ("preset", "no_patience", "out", "ablation", "cache", "workers", "cpu", "keep_models",
           "license_", "dry_run", "as_json")  # fmt: skip
_SHOWN = 8


@click.command(
    short_help="Train a classifier of clips, with any protocol.",
    epilog="""\b
Examples:
  equime train --data equime --preset small-cpu --out runs/first
  equime train --data equime --model videomae --seed 0 --seed 1 --seed 2 --out runs/videomae
  equime train --data samm=/data/SAMM --data casme2=/data/CASME2 --label-map megc3 \\
      --protocol loso --preset ststnet --out runs/loso
  equime train --data mie_x=/data/MiE-X --label-map megc3 --preset mie-x --out runs/pretrained
  equime train --data samm=/data/SAMM --label-map megc3 --protocol k-fold \\
      --preset mie-x-finetune --init runs/pretrained/model --out runs/finetuned
  equime train --data equime --ablation ablations/frames/8/seed-00 --model evolution
  accelerate launch -m equime_hub train --data equime --precision bf16 --out runs/gpus""",
)
@data_options
@recipe_options
@selection_options
@work_options
@json_option
def train(**given: Any) -> None:
    """Train a model, test it, and write a run that `equime lint` and `equime evaluate` read.

    The same command goes on with a run that was stopped: finished folds are kept, and one that
    was begun continues after its last epoch. Nobody who is tested is trained on, nor are clips
    whose action units are theirs.

    RUN gets run.json, rows.parquet, predictions.parquet, history.csv, curves.png, and, if there is
    one training, model/, which `equime push-model` publishes.
    """
    from transformers.utils import logging

    from equime_hub.training.fit import planning

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    config, only = _config(given), None
    if given["ablation"]:
        config, only = planning.of_ablation(given["ablation"], config)
    out = given["out"] or given["ablation"]
    if out is None and not given["dry_run"]:
        raise click.UsageError("Name the folder of the run with --out.")
    planned = planning.plan(config, only)
    if given["dry_run"]:
        _show(planned, given)
        return
    first = os.environ.get("RANK", "0") == "0"
    with _quiet(not first):
        _train(planned, out, given)


def _train(planned: Planned, out: Path, given: dict[str, Any]) -> None:
    from equime_hub.training.fit import run as running

    work = _work(out, given)
    if work.cache is not None:
        _say_size(planned, work.cache)
    done = running.run(planned, work, progress_bar, talk)
    if os.environ.get("RANK", "0") == "0":
        _finish(planned, work, done, given["as_json"])


def _config(given: dict[str, Any]) -> TrainConfig:
    """The preset with the options that were given."""
    from equime_hub.training.fit import recipes

    changes = {
        name: value
        for name, value in given.items()
        # Not `in`: 0 equals False, and is a value.
        if name not in _OTHERS and not (value is None or value is False or value in ((), {}))
    }
    if given["augment"] is not None:
        changes["augment"] = given["augment"]
    if given["no_patience"]:
        if given["patience"]:
            raise click.UsageError("Give --patience or --no-patience.")
        changes["patience"] = None
    if given["selection"] in ("last", "best-on-test"):
        changes.setdefault("patience", None)  # it is the preset's, for another selection
    return recipes.preset(given["preset"], **changes)


def _work(out: Path, given: dict[str, Any]) -> Work:
    from equime_hub.training.fit.run import CACHE, Work
    from equime_hub.training.fit.training import Machine

    places = {"auto": out / CACHE, "none": None}
    return Work(
        out=out,
        cache=places.get(given["cache"], Path(given["cache"])),
        machine=Machine(given["workers"], given["cpu"]),
        keep_models=given["keep_models"],
        license=given["license_"],
    )


def _say_size(planned: Planned, cache: Path) -> None:
    from equime_hub.training.data.cache import size_bytes

    size = size_bytes(planned.examples, planned.inputs)
    talk(f"Prepared clips are kept in {cache}: about {size / 1e6:,.1f} MB.")


def _show(planned: Planned, given: dict[str, Any]) -> None:
    """What would be trained."""
    found = planned.summary()
    if given["as_json"]:
        report(found)
        return
    frames = found["frames"] or "all"
    click.echo(f"{found['model']}: {found['parameters']:,} parameters, {frames} frames a clip")
    people = counted(found["people"], "person", "people")
    click.echo(f"{counted(found['clips'], 'clip', 'clips')} of {people}: "
               f"{', '.join(found['classes'])}")  # fmt: skip
    for each in found["trainings"][:_SHOWN]:
        held = each["validation"]["clips"]
        tests = ", ".join(f"{part['clips']:,}" for part in each["test"].values())
        by = ", ".join(f"{n:,} {name}" for name, n in each["train"]["by_class"].items())
        click.echo(f"  {each['name']}: trains on {each['train']['clips']:,} ({by}), validates on "
                   f"{held:,}, tests {tests}")  # fmt: skip
    if (rest := len(found["trainings"]) - _SHOWN) > 0:
        click.echo(f"  and {counted(rest, 'more training', 'more trainings')}")
    seeds = ", ".join(map(str, found["seeds"]))
    total = len(found["trainings"]) * len(found["seeds"])
    epochs = planned.config.epochs
    click.echo(f"{counted(total, 'training', 'trainings')} (seeds: {seeds}) of at most "
               f"{counted(epochs, 'epoch', 'epochs')}")  # fmt: skip
    for note in found["notes"]:
        talk(note)
    talk("Nothing was written.")


def _finish(planned: Planned, work: Work, done: Done, as_json: bool) -> None:
    """Draw, check and print."""
    from equime_hub.evaluation import evaluate as evaluation
    from equime_hub.evaluation import lint
    from equime_hub.reports import curves_figure as curves
    from equime_hub.reports import evaluation_tables
    from equime_hub.training.fit.results import MODEL

    config, out = planned.config, work.out
    found = evaluation.evaluate(
        done.log, config.protocol, selected=config.selection, leaky=config.leaky
    )
    drawn = [
        curves.Curve(history, next((i for i, row in enumerate(history) if row["chosen"]), 0))
        for history in done.histories.values()
    ]
    leaky = " (leaky)" if found.leaky else ""
    curves.draw(drawn, out / "curves.png", f"{planned.start.model.config.model_type}{leaky}")
    errors = lint.check(lint.read(out)).of("error")
    model = out / MODEL
    if as_json:
        report({
            "run": out,
            "model": model if model.is_dir() else None,
            **evaluation_tables.as_json(found),
            "epochs": {f"{fold}, seed {s}": len(h) for (fold, s), h in done.histories.items()},
            "lint_errors": [error.sentence for error in errors],
            "notes": done.notes,
        })  # fmt: skip
    else:
        click.echo(in_markdown(evaluation_tables.tables(found)))
    for error in errors:
        talk(f"{error.rule}: {error.sentence}")
    if found.leaky:
        talk("This result is leaky: the test chose what is reported on it.")
    talk(f"Written: {out}" + (f", and the model in {model}" if model.is_dir() else ""))


@contextlib.contextmanager
def _quiet(really: bool) -> Any:
    """Only the first of several processes talks."""
    if not really:
        yield
        return
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        yield
