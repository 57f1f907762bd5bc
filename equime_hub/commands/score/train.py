"""`equime train`: a classifier of clips, from a dataset to a model card."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equime_hub.commands.common import counted, progress_bar, report, talk
from equime_hub.commands.options import NAMES, POSITIVE, Folder, OutFolder, changes_to, command
from equime_hub.commands.score.score_options import LEAKY
from equime_hub.evaluation.protocols import PROTOCOLS
from equime_hub.evaluation.selection import RULES
from equime_hub.tables import in_markdown
from equime_hub.training.fit import recipes
from equime_hub.training.fit.recipes import PRESETS, TrainConfig

if TYPE_CHECKING:
    from equime_hub.training.fit.plan import TrainingPlan
    from equime_hub.training.fit.run import Done

_SHOWN = 8


def _settings(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    """`KEY=VALUE`, several times; a value is JSON, or else text."""
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{text!r} is not KEY=VALUE, such as num_frames=16.")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


_KEY_VALUE: dict[str, Any] = {
    "type": str, "multiple": True, "default": (), "metavar": "KEY=VALUE", "callback": _settings,
}  # fmt: skip
_FROM_2: dict[str, Any] = {"type": click.IntRange(min=2), "show_default": "5"}

_RECIPE = changes_to(
    TrainConfig,
    "data", "label_map", "classes", "protocol", "folds", "train_only", "test_only",
    "model", "init", "model_options", "input_options", "epochs", "batch_size", "optimizer",
    "learning_rate", "weight_decay", "clip", "schedule", "balance", "augment", "adversarial",
    "precision", "seeds", "selection", "leaky", "monitor", "patience", "inner_folds",
    rename={"model_options": "model_option", "input_options": "input_option", "seeds": "seed"},
    data={"metavar": "DATASET"},
    label_map={"metavar": "NAME", "show_default": "the column emotion"},
    classes=NAMES,
    protocol={"type": click.Choice(list(PROTOCOLS)), "show_default": "splits"},
    folds=_FROM_2,
    train_only={"metavar": "NAME"},
    test_only={"metavar": "NAME"},
    model={"metavar": "NAME", "show_default": "that of the preset"},
    init={"metavar": "FOLDER|HUB_ID"},
    model_options=_KEY_VALUE,
    input_options=_KEY_VALUE,
    epochs={"type": POSITIVE},
    batch_size={"type": POSITIVE},
    adversarial={"metavar": "EPSILON"},
    seeds={"type": click.IntRange(min=0)},
    selection={"type": click.Choice(RULES)},
    patience={"type": POSITIVE},
    inner_folds=_FROM_2,
)  # fmt: skip


@command(
    "Train a classifier of clips, with any protocol.",
    changes=_RECIPE,
    preset={"type": click.Choice(list(PRESETS))},
    out={"metavar": "RUN"},
    ablation={"metavar": "RUN"},
    cache={"metavar": "DIR|auto|none"},
    workers={"type": click.IntRange(min=0)},
    license_={"metavar": "ID"},
)
def train(
    *,
    changes: dict[str, Any],
    no_patience: bool = False,
    preset: str = "default",
    out: OutFolder | None = None,
    ablation: Folder | None = None,
    cache: str = "auto",
    workers: int = 0,
    cpu: bool = False,
    keep_models: bool = False,
    license_: str | None = None,
    dry_run: bool = False,
) -> None:
    r"""Train a model, test it, and write a run that `equime lint` and `equime evaluate` read.

    The same command goes on with a run that was stopped: finished folds are kept, and one that
    was begun continues after its last epoch. Nobody who is tested is trained on, nor are clips
    whose action units are theirs.

    RUN gets run.json, rows.parquet, predictions.parquet, history.csv, curves.png, and, if there is
    one training, model/, which `equime push-model` publishes.

    Options:
        no_patience: Train all epochs.
        preset: Recipe that the other options change.
        out: Folder of the run; that of --ablation by default.
        ablation: Train the cell in whose folder `equime ablate plan` wrote ablation.json.
        cache: Where prepared clips are kept; auto is RUN/cache, deleted in the end.
        workers: Processes that prepare clips, beside each one that trains.
        cpu: Leave GPUs alone.
        keep_models: Keep the model of every fold and seed.
        license_: Of the model, for its card. [default: that of the data, or other]
        dry_run: Only say what would be trained.

    Examples:
        equime train --data equime --preset small-cpu --out runs/first
        equime train --data equime --model videomae --seed 0 --seed 1 --seed 2 --out runs/videomae
        equime train --data samm=/data/SAMM --data casme2=/data/CASME2 --label-map megc3 \
            --protocol loso --preset ststnet --out runs/loso
        equime train --data mie_x=/data/MiE-X --label-map megc3 --preset mie-x --out runs/pretrained
        equime train --data samm=/data/SAMM --label-map megc3 --protocol k-fold \
            --preset mie-x-finetune --init runs/pretrained/model --out runs/finetuned
        equime train --data equime --ablation ablations/frames/8/seed-00 --model evolution
        accelerate launch -m equime_hub train --data equime --precision bf16 --out runs/gpus
    """
    from transformers.utils import logging

    from equime_hub.training.data.cache import size_bytes
    from equime_hub.training.fit.plan import of_ablation, training_plan
    from equime_hub.training.fit.run import CACHE, Work, run

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    config, only = _config(preset, changes, no_patience), None
    if ablation:
        config, only = of_ablation(ablation, config)
    if (out := out or ablation) is None and not dry_run:
        raise click.UsageError("Name the folder of the run with --out.")
    plan = training_plan(config, only)
    if out is None or dry_run:
        found = plan.summary()
        report(found, _lines(found, plan.config.epochs), *found["notes"], "Nothing was written.")
        return
    places = {"auto": out / CACHE, "none": None}
    work = Work(out, places.get(cache, Path(cache)), workers, cpu, keep_models, license_)
    # `accelerate launch` starts this once a GPU; RANK tells the processes apart.
    first = os.environ.get("RANK", "0") == "0"
    with _quiet(not first):
        if work.cache is not None:
            size = size_bytes(plan.examples, plan.inputs)
            talk(f"Prepared clips are kept in {work.cache}: about {size / 1e6:,.1f} MB.")
        done = run(plan, work, progress_bar, talk)
        if first:
            _finish(plan, out, done)


def _config(preset: str, changes: dict[str, Any], no_patience: bool) -> TrainConfig:
    """The preset with the options that were given."""
    if no_patience:
        if changes.get("patience"):
            raise click.UsageError("Give --patience or --no-patience.")
        changes["patience"] = None
    if changes.get("selection") in ("last", "best-on-test"):
        changes.setdefault("patience", None)  # it is the preset's, for another selection
    return recipes.preset(preset, **changes)


def _lines(found: dict[str, Any], epochs: int) -> Iterator[str]:
    """What would be trained."""
    frames = found["frames"] or "all"
    yield f"{found['model']}: {found['parameters']:,} parameters, {frames} frames a clip"
    people = counted(found["people"], "person", "people")
    yield f"{counted(found['clips'], 'clip', 'clips')} of {people}: {', '.join(found['classes'])}"
    for each in found["trainings"][:_SHOWN]:
        held = each["validation"]["clips"]
        tests = ", ".join(f"{part['clips']:,}" for part in each["test"].values())
        by = ", ".join(f"{n:,} {name}" for name, n in each["train"]["by_class"].items())
        yield (
            f"  {each['name']}: trains on {each['train']['clips']:,} ({by}), validates on "
            f"{held:,}, tests {tests}"
        )
    if (rest := len(found["trainings"]) - _SHOWN) > 0:
        yield f"  and {counted(rest, 'more training', 'more trainings')}"
    seeds = ", ".join(map(str, found["seeds"]))
    total = len(found["trainings"]) * len(found["seeds"])
    yield (
        f"{counted(total, 'training', 'trainings')} (seeds: {seeds}) of at most "
        f"{counted(epochs, 'epoch', 'epochs')}"
    )


def _finish(plan: TrainingPlan, out: Path, done: Done) -> None:
    """Draw, check and print."""
    from equime_hub.evaluation import evaluate as evaluation
    from equime_hub.evaluation import lint
    from equime_hub.reports import curves_figure as curves
    from equime_hub.reports import evaluation_tables
    from equime_hub.training.fit.run import MODEL

    config = plan.config
    found = evaluation.evaluate(
        done.log, config.protocol, selected=config.selection, leaky=config.leaky
    )
    leaky = " (leaky)" if found.leaky else ""
    curves.draw(
        [*done.histories.values()],
        out / "curves.png",
        f"{plan.start.model.config.model_type}{leaky}",
    )
    errors = lint.check(lint.read(out)).of("error")
    model = out / MODEL
    values = {
        "run": out,
        "model": model if model.is_dir() else None,
        **evaluation_tables.as_json(found),
        "epochs": {f"{fold}, seed {s}": len(h) for (fold, s), h in done.histories.items()},
        "lint_errors": [error.sentence for error in errors],
        "notes": done.notes,
    }
    report(values, in_markdown(evaluation_tables.tables(found)))
    for error in errors:
        talk(f"{error.rule}: {error.sentence}")
    if found.leaky:
        talk(LEAKY)
    talk(f"Written: {out}" + (f", and the model in {model}" if model.is_dir() else ""))


@contextlib.contextmanager
def _quiet(really: bool) -> Any:
    """Only the first of several processes talks."""
    if not really:
        yield
        return
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        yield
