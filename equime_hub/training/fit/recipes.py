"""How a classifier is trained: every setting that its weights depend on, and published recipes."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from math import isfinite
from typing import Any, Literal, get_args

from equime_hub.errors import PlanError
from equime_hub.evaluation import protocols
from equime_hub.evaluation import selection as selections

Optimizer = Literal["adam", "adamw", "sgd"]
Schedule = Literal["constant", "linear", "cosine", "plateau"]
Monitor = Literal["uf1", "uar", "accuracy", "loss"]
Balance = Literal["none", "weights", "sampling"]
Precision = Literal["fp32", "bf16", "fp16"]

_CHOICES = {
    "optimizer": get_args(Optimizer),
    "schedule": get_args(Schedule),
    "monitor": get_args(Monitor),
    "balance": get_args(Balance),
    "precision": get_args(Precision),
    "selection": selections.RULES,
}


@dataclass(frozen=True)
class TrainConfig:
    """A training run. Where its files are, and how many processes work, is no part of it.

    Attributes:
        model: Name in `models.MODELS`, or "videomae", "timesformer" or "vivit" of Transformers;
            with `init` the model is the one found there.
        data: Datasets: "equime", a folder, "ORG/NAME", "ORG/NAME@REVISION", or "NAME=ROOT" for a
            licensed one in the folder ROOT.
        train_only: Names of datasets (`source_dataset`) that are in no test.
        test_only: Names of datasets that are tested and never trained on.
        label_map: As `examples.gather` has it; None is the column `emotion`.
        classes: Those wanted, in this order; None is all that the label map has.
        protocol: One of `protocols.PROTOCOLS`; "splits" are those of the data.
        folds: Folds of `k-fold`.
        selection: Which epoch is reported, one of `selection.RULES`. With "splits"
            "inner-validation" is the split `validation`.
        leaky: Allows "best-on-test".
        inner_folds: One part in so many of the people trained on is for validation.
        init: Folder or Hub id of a saved model whose weights are trained on; None starts at
            random.
        model_options: Fields of the model's configuration, such as `num_frames`.
        input_options: Attributes of our video processor, such as `sampling`.
        epochs: At most so many.
        batch_size: Clips a step, all processes together.
        optimizer: "adam" (weight decay added to the gradient), "adamw" or "sgd" (momentum 0.9).
        learning_rate: At the first step.
        weight_decay: Of all weights.
        clip: Largest norm of the gradient; None does not clip.
        schedule: Of the learning rate: "linear" and "cosine" fall to 0 at the last epoch,
            "plateau" multiplies by 0.2 after 5 epochs without a lower loss of validation, down to
            1e-5.
        monitor: What is best, for `selection` and `patience`.
        patience: Stop after so many epochs without a better one; None trains all.
        balance: "weights" weighs the loss by 1 / frequency of the class, "sampling" draws classes
            equally often; both are counted in the training clips of the fold alone.
        augment: Alter training clips mildly, all frames of a clip alike (`augment.Augment`).
        adversarial: ε of FGSM, in grey levels of 255 or the unit of flow (`surfaces`); each batch
            is then learnt clean and attacked (Goodfellow et al. 2015, section 6).
        precision: "fp32", or mixed precision.
        seeds: Each trains all folds.

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
    optimizer: Optimizer = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    clip: float | None = None
    schedule: Schedule = "constant"
    monitor: Monitor = "uf1"
    patience: int | None = None
    balance: Balance = "none"
    augment: bool = False
    adversarial: float | None = None
    precision: Precision = "fp32"
    seeds: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
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
    "default": TrainConfig(schedule="cosine", patience=10),
    # EquiME's released training scripts.
    "equime-paper": TrainConfig(
        model="stcnn", optimizer="adam", learning_rate=1e-4, batch_size=16, epochs=100,
        monitor="loss", patience=15, schedule="plateau",
    ),
    # He et al., supplement; how the rate decays, the batch and the epochs are not given.
    "he": TrainConfig(
        model="evolution", optimizer="adam", learning_rate=0.005, schedule="linear",
        batch_size=32, epochs=100,
    ),
    # MiE-X, section 5, and its released code; it reports the last epoch and the best on test.
    "mie-x": TrainConfig(
        model="branches", optimizer="adam", learning_rate=1e-4, weight_decay=5e-4, clip=1.0,
        batch_size=32, epochs=80, selection=selections.LAST, augment=True,
    ),
    # The same where the weights come from a training on MiE-X.
    "mie-x-finetune": TrainConfig(
        model="branches", optimizer="adam", learning_rate=1e-4, weight_decay=5e-4, clip=1.0,
        batch_size=32, epochs=30, selection=selections.LAST, augment=True,
    ),
    # STSTNet's released code.
    "ststnet": TrainConfig(
        model="ststnet", optimizer="adam", learning_rate=5e-5, batch_size=256, epochs=800,
        selection=selections.LAST,
    ),
    # Ours: what moves, at a size that two cores train in minutes. DIS finds no flow between equal
    # frames, where Farnebäck's method finds up to half a pixel near the border.
    "small-cpu": TrainConfig(
        model_options={
            "layout": "conv3d", "num_frames": 8, "image_size": 32, "num_channels": 3,
        },
        input_options={
            "input_kind": "flow", "flow_method": "dis", "standardize": True, "crop_margin": 0.7,
        },
        batch_size=32, epochs=20, schedule="cosine", weight_decay=1e-4,
    ),
    "small-cpu-apexme": TrainConfig(
        model="apexme", model_options={"image_size": 64, "dropout": 0.3},
        input_options={
            "input_kind": "difference", "standardize": True, "crop_margin": 0.7,
            "do_normalize": False,
        },
        batch_size=32, epochs=8, schedule="cosine", weight_decay=1e-4,
    ),
    "small-cpu-evolution": TrainConfig(
        model="evolution", model_options={"num_hidden_layers": 2},
        input_options={"flow_method": "dis"},
        batch_size=32, epochs=12, schedule="cosine", weight_decay=1e-4, clip=5.0,
    ),
}  # fmt: skip
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
