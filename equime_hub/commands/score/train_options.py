"""Options of `equime train`: those of a recipe come from `TrainConfig`, the rest is here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from equime_hub.commands.common import Function
from equime_hub.commands.options import FOLDER, POSITIVE, changes_to
from equime_hub.evaluation.protocols import PROTOCOLS
from equime_hub.evaluation.selection import RULES
from equime_hub.training.fit.recipes import PRESETS, TrainConfig


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
    classes={"type": str, "multiple": False, "metavar": "A,B,...", "callback": _names},
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
_OWN = (
    click.option("--no-patience", is_flag=True, help="Train all epochs."),
    click.option("--preset", type=click.Choice(list(PRESETS)), default="default", show_default=True,
                 help="Recipe that the other options change."),
    click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="RUN",
                 help="Folder of the run; that of --ablation by default."),
    click.option("--ablation", metavar="RUN", type=FOLDER,
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


def train_options(function: Function) -> Function:
    """All of them, in the order of the help text."""
    for option in reversed((_RECIPE, *_OWN)):
        function = option(function)
    return function
