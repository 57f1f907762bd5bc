"""How a classifier is trained: every setting that its weights depend on, and published recipes."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from math import isfinite
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from equime_hub.errors import PlanError
from equime_hub.evaluation import protocols
from equime_hub.evaluation import selection as selections


@dataclass(frozen=True)
class TrainConfig:
    """A training run. Where its files are, and how many processes work, is no part of it.

    What is said of each setting here is also its help text in `equime train`. None stands for no
    limit (`clip`, `patience`), no attack (`adversarial`), random weights (`init`), all that there
    are (`classes`), and the column `emotion` (`label_map`).

    Attributes:
        model: One of ours, or videomae, timesformer, vivit with random weights.
        data: equime, a folder, ORG/NAME[@REVISION], or NAME=ROOT for a licensed dataset in the
            folder ROOT; repeatable.
        train_only: Dataset (source_dataset) that is never tested; repeatable.
        test_only: Dataset that is never trained on; repeatable.
        label_map: emotion_3, megc3, he3, equime3, casme2_5, samm5, mmew6, cas3_7, ...
        classes: Only these, in order.
        protocol: Who is trained on and who is tested; splits are those of the data.
        folds: Of k-fold.
        selection: Which epoch is reported. With the protocol splits, inner-validation chooses it
            on the split validation.
        leaky: Allow best-on-test; all results then say so.
        inner_folds: With a protocol, one in so many people of training is for validation.
        init: Start from a saved model; its last layer is replaced if classes differ.
        model_options: Field of the model's configuration; repeatable.
        input_options: Setting of the video processor; repeatable.
        epochs: At most so many.
        batch_size: Of all processes together.
        optimizer: adam adds weight decay to the gradient; sgd has a momentum of 0.9.
        learning_rate: At the first step.
        weight_decay: Of all weights.
        clip: Largest norm of the gradient.
        schedule: Of the learning rate. linear and cosine fall to 0 at the last epoch, plateau
            multiplies by 0.2 after 5 epochs without a lower loss of validation, down to 1e-5.
        monitor: Of validation: what is best, for selection and patience.
        patience: Stop after so many epochs without a better one.
        balance: Of classes, inside the training clips of each fold. weights weighs the loss by
            1 / frequency of the class, sampling draws classes equally often.
        augment: Alter training clips mildly, all frames of a clip alike.
        adversarial: Learn each batch clean and attacked by FGSM (Goodfellow et al. 2015, section
            6), in grey levels of 255, or for optical flow in hundredths of the crop's side.
        precision: fp32, or mixed precision.
        seeds: Repeatable; each trains all folds.

    Raises:
        PlanError: A value that cannot be.
    """

    model: str = "simple3dcnn"
    data: tuple[str, ...] = ()
    train_only: tuple[str, ...] = ()
    test_only: tuple[str, ...] = ()
    label_map: str | None = None
    classes: tuple[str, ...] | None = None
    protocol: str = protocols.Splits.name
    folds: int = 5
    selection: str = selections.INNER_VALIDATION
    leaky: bool = False
    inner_folds: int = 5
    init: str | None = None
    model_options: dict[str, Any] = field(default_factory=dict)
    input_options: dict[str, Any] = field(default_factory=dict)
    epochs: int = 50
    batch_size: int = 16
    optimizer: Literal["adam", "adamw", "sgd"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    clip: float | None = None
    schedule: Literal["constant", "linear", "cosine", "plateau"] = "constant"
    monitor: Literal["uf1", "uar", "accuracy", "loss"] = "uf1"
    patience: int | None = None
    balance: Literal["none", "weights", "sampling"] = "none"
    augment: bool = False
    adversarial: float | None = None
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    seeds: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        choices = {name: get_args(kind) for name, kind in get_type_hints(TrainConfig).items()
                   if get_origin(kind) is Literal}  # fmt: skip
        for name, known in {**choices, "selection": selections.RULES}.items():
            if getattr(self, name) not in known:
                raise PlanError(
                    f"There is no {name} {getattr(self, name)!r}. Choose one of: "
                    f"{', '.join(known)}."
                )
        selections.demand_leaky(self.selection, self.leaky)
        for name in ("epochs", "batch_size", "learning_rate", "patience", "clip", "adversarial"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and isfinite(value)):
                raise PlanError(f"{name} is {value}; it must be greater than 0.")
        if self.weight_decay < 0 or not isfinite(self.weight_decay):
            raise PlanError(f"weight_decay is {self.weight_decay}; it must be 0 or more.")
        if self.inner_folds < 2 or self.folds < 2:
            raise PlanError(
                f"folds is {self.folds} and inner_folds {self.inner_folds}; both must be 2 or more."
            )
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise PlanError(f"The seeds are {self.seeds}; give different ones, 0 or greater.")

    @property
    def validates(self) -> bool:
        """It cannot be trained without clips for validation."""
        return (
            self.selection == selections.INNER_VALIDATION
            or self.patience is not None
            or self.schedule == "plateau"
        )


PRESETS: dict[str, TrainConfig] = {
    name: TrainConfig(**settings)
    for name, settings in yaml.safe_load(
        Path(__file__).with_name("recipes.yaml").read_text(encoding="utf-8")
    ).items()
}
"""Name → recipe. Data, protocol and seeds are those of whoever trains."""


def preset(name: str, **changes: Any) -> TrainConfig:
    """A recipe with changes.

    Options of model and inputs belong to the recipe's own model: another one has none of them.

    Raises:
        PlanError: There is no such recipe or field, or a value that cannot be.
    """
    if name not in PRESETS:
        raise PlanError(f"There is no recipe {name!r}. Choose one of: {', '.join(PRESETS)}.")
    if unknown := set(changes) - {each.name for each in fields(TrainConfig)}:
        raise PlanError(f"A recipe has no {', '.join(sorted(unknown))}.")
    found = PRESETS[name]
    other = changes.get("model", found.model) != found.model or changes.get("init")
    for options in ("model_options", "input_options"):
        own = {} if other else getattr(found, options)
        changes[options] = {**own, **changes.get(options, {})}
    return replace(found, **changes)
