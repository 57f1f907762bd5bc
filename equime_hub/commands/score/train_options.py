"""Options of `equime train`, one decorator a group."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

PRESETS = (
    "default", "equime-paper", "he", "mie-x", "mie-x-finetune", "ststnet",
    "small-cpu", "small-cpu-apexme", "small-cpu-evolution",
)  # fmt: skip
"""Those of `training.recipes`, which is not imported for a help text."""
PROTOCOLS = ("loso", "k-fold", "lodo", "train-test", "dfme", "splits")
SELECTIONS = ("last", "inner-validation", "best-on-test")


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


def _names(ctx: click.Context, param: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(","))


def _together(*options: Callable[[Function], Function]) -> Callable[[Function], Function]:
    def add(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return add


data_options = _together(
    click.option(
        "--data", "data", multiple=True, metavar="DATASET",
        help="equime, a folder, ORG/NAME[@REVISION], or NAME=ROOT for a licensed dataset in the "
        "folder ROOT; repeatable.",
    ),
    click.option("--label-map", metavar="NAME", show_default="the column emotion",
                 help="emotion_3, megc3, he3, equime3, casme2_5, samm5, mmew6, cas3_7, ..."),
    click.option("--classes", metavar="A,B,...", callback=_names, help="Only these, in order."),
    click.option("--protocol", type=click.Choice(PROTOCOLS),
                 show_default="splits",
                 help="Who is trained on and who is tested; splits are those of the data."),
    click.option("--folds", type=click.IntRange(min=2), show_default="5", help="Of k-fold."),
    click.option("--train-only", multiple=True, metavar="NAME",
                 help="Dataset (source_dataset) that is never tested; repeatable."),
    click.option("--test-only", multiple=True, metavar="NAME",
                 help="Dataset that is never trained on; repeatable."),
)  # fmt: skip

recipe_options = _together(
    click.option("--preset", type=click.Choice(PRESETS), default="default", show_default=True,
                 help="Recipe that the other options change."),
    click.option("--model", metavar="NAME", show_default="that of the preset",
                 help="One of ours, or videomae, timesformer, vivit with random weights."),
    click.option("--init", metavar="FOLDER|HUB_ID",
                 help="Start from a saved model; its last layer is replaced if classes differ."),
    click.option("--model-option", "model_options", multiple=True, metavar="KEY=VALUE",
                 callback=_settings, help="Field of the model's configuration; repeatable."),
    click.option("--input-option", "input_options", multiple=True, metavar="KEY=VALUE",
                 callback=_settings, help="Setting of the video processor; repeatable."),
    click.option("--epochs", type=click.IntRange(min=1), help="At most so many."),
    click.option("--batch-size", type=click.IntRange(min=1), help="Of all processes together."),
    click.option("--optimizer", type=click.Choice(["adam", "adamw", "sgd"])),
    click.option("--learning-rate", type=float),
    click.option("--weight-decay", type=float),
    click.option("--clip", type=float, help="Largest norm of the gradient."),
    click.option("--schedule", type=click.Choice(["constant", "linear", "cosine", "plateau"]),
                 help="Of the learning rate."),
    click.option("--balance", type=click.Choice(["none", "weights", "sampling"]),
                 help="Of classes, inside the training clips of each fold."),
    click.option("--augment/--no-augment", default=None,
                 help="Alter training clips mildly, all frames of a clip alike."),
    click.option("--adversarial", type=float, metavar="EPSILON",
                 help="Learn each batch clean and attacked by FGSM, in grey levels of 255, or for "
                 "optical flow in hundredths of the crop's side."),
    click.option("--precision", type=click.Choice(["fp32", "bf16", "fp16"])),
    click.option("--seed", "seeds", type=click.IntRange(min=0), multiple=True,
                 help="Repeatable; each trains all folds."),
)  # fmt: skip

selection_options = _together(
    click.option("--selection", type=click.Choice(SELECTIONS), help="Which epoch is reported."),
    click.option("--leaky", is_flag=True, help="Allow best-on-test; all results then say so."),
    click.option("--monitor", type=click.Choice(["uf1", "uar", "accuracy", "loss"]),
                 help="Of validation: what is best."),
    click.option("--patience", type=click.IntRange(min=1),
                 help="Stop after so many epochs without a better one."),
    click.option("--no-patience", is_flag=True, help="Train all epochs."),
    click.option("--inner-folds", type=click.IntRange(min=2), show_default="5",
                 help="With a protocol, one in so many people of training is for validation."),
)  # fmt: skip

work_options = _together(
    click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="RUN",
                 help="Folder of the run; that of --ablation by default."),
    click.option("--ablation", metavar="RUN",
                 type=click.Path(exists=True, file_okay=False, path_type=Path),
                 help="Train the cell in whose folder `equime ablate plan` wrote ablation.json."),
    click.option("--cache", default="auto", show_default=True, metavar="DIR|auto|none",
                 help="Where prepared clips are kept; auto is RUN/cache, deleted in the end."),
    click.option("--workers", type=click.IntRange(min=0), default=0, show_default=True,
                 help="Processes that prepare clips, beside each one that trains."),
    click.option("--cpu", is_flag=True, help="Leave GPUs alone."),
    click.option("--keep-models", is_flag=True, help="Keep the model of every fold and seed."),
    click.option("--license", "license_", metavar="ID",
                 show_default="that of the data, or other", help="Of the model, for its card."),
    click.option("--dry-run", is_flag=True, help="Only say what would be trained."),
)  # fmt: skip
