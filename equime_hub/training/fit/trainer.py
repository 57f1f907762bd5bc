"""The Trainer of Transformers with our loss, our order of clips, and our scores of each epoch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_model
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset, Sampler
from transformers import EvalPrediction, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from equime_hub import seeds
from equime_hub.errors import ModelError
from equime_hub.evaluation import selection
from equime_hub.files import written
from equime_hub.metrics import scores
from equime_hub.models.attacks import Attack, attacked, cross_entropies, predicting
from equime_hub.models.surfaces import Surface
from equime_hub.progress import Progress
from equime_hub.training.data.clips import Clips, Item
from equime_hub.training.fit.recipes import TrainConfig

BEST = "best-{}.safetensors"
"""File of the best weights so far, by their epoch."""
SCORES = ("loss", "uf1", "uar", "accuracy")

History = list[dict[str, float]]
"""One entry an epoch: epoch (from 1), learning_rate at its start, and PART_SCORE for parts and
`SCORES`."""


class Chosen(Dataset[Any]):
    """Some of the clips, in an order."""

    def __init__(self, clips: Clips, rows: npt.NDArray[np.int64]) -> None:
        self.clips, self.rows = clips, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        return self.clips[int(self.rows[index])]


@dataclass(frozen=True, eq=False)
class Parts:
    """Clips of one training.

    Attributes:
        train: Clips to learn from, altered if the recipe says so.
        validation: Clips to choose the epoch by; may be empty.
        test: All tested clips.
        labels: Number of the class of every clip of `train`.
        classes: How many classes there are.
        surface: Where a recipe that is `adversarial` attacks the clips of `train`.
    """

    train: Chosen
    validation: Chosen
    test: Chosen
    labels: npt.NDArray[np.int64]
    classes: int
    surface: Surface | None = None


class Order(Sampler[int]):
    """Shuffled clips, or classes equally often; it depends on seed and epoch alone."""

    def __init__(self, parts: Parts, config: TrainConfig, key: Sequence[seeds.Key]) -> None:
        self.labels, self.key, self.epoch = parts.labels, key, 0
        self.balanced = config.balance == "sampling"
        # Batch normalisation cannot learn from a batch of one clip.
        self.count = len(parts.labels) - (
            len(parts.labels) > 1 and len(parts.labels) % config.batch_size == 1
        )

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        draw = seeds.generator("order", *self.key, self.epoch)
        weights = None
        if self.balanced:
            weights = 1 / np.bincount(self.labels)[self.labels]
            weights /= weights.sum()
        yield from draw.choice(
            len(self.labels), self.count, replace=self.balanced, p=weights
        ).tolist()


class ClipTrainer(Trainer):
    """The Trainer with our loss, order and scores."""

    def __init__(
        self,
        model: Any,
        parts: Parts,
        config: TrainConfig,
        arguments: TrainingArguments,
        key: Sequence[seeds.Key],
    ) -> None:
        self.config, self.parts, self.order = config, parts, Order(parts, config, key)
        self.network = model
        self.judge = "test" if selection.is_leaky(config.selection) else "validation"
        held = {"validation": parts.validation} if len(parts.validation) else {}
        if self.judge == "test":
            held["test"] = parts.test
        super().__init__(
            model=model,
            args=arguments,
            data_collator=parts.train.clips.collate,
            train_dataset=parts.train,
            eval_dataset=held,
            compute_metrics=self._scored,
            optimizers=(_optimizer(model, config), None),
        )
        self.remove_callback(PrinterCallback)
        self.model_accepts_loss_kwargs = False
        self.weights = torch.tensor(_weights(parts, config)).to(arguments.device)
        self.clear()

    def clear(self) -> None:
        """Forget what was counted in an epoch: confusions, and the sum of the losses."""
        size = self.parts.classes
        self.seen = torch.zeros(size * size + 1, dtype=torch.float64, device=self.args.device)

    def counted(self) -> tuple[npt.NDArray[np.float64], float]:
        """Confusions of the epoch, row = reference, of all processes, and the mean loss."""
        found = self.accelerator.reduce(self.seen, "sum").cpu().numpy()
        size = self.parts.classes
        return found[:-1].reshape(size, size), float(found[-1] / found[:-1].sum())

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return self.order

    def get_train_dataloader(self) -> Any:
        """Batches to learn from; with `adversarial` they are what is attacked."""
        whole = self.data_collator
        if self.config.adversarial is not None:
            self.data_collator = points_of
        try:
            return super().get_train_dataloader()
        finally:
            self.data_collator = whole

    def training_step(self, model: Any, inputs: dict[str, Any], *rest: Any) -> Any:
        """One batch; with `adversarial`, clean and attacked in one."""
        if self.config.adversarial is not None:
            inputs = self._both(self._prepare_inputs(inputs))
        return super().training_step(model, inputs, *rest)

    def _both(self, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
        """Clips, and the same attacked as the model predicts: normalisation does not move."""
        clean, labels = batch["points"], batch["labels"]
        surface, epsilon = self.parts.surface, self.config.adversarial
        assert surface is not None and epsilon is not None

        def losses(points: Sequence[torch.Tensor]) -> torch.Tensor:
            return cross_entropies(self.network, surface.inputs(points), labels)

        with predicting(self.network):
            changed = attacked(
                losses, clean, Attack("fgsm", epsilon), low=surface.low, high=surface.high
            )
        return {**surface.inputs([*clean, *changed]), "labels": torch.cat([labels, labels])}

    def floating_point_ops(self, inputs: Any) -> int:
        """Nobody asks for them, and points of clips have no such number."""
        return 0

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Cross-entropy, weighted by class in training alone."""
        labels = inputs["labels"]
        outputs = model(**{name: value for name, value in inputs.items() if name != "labels"})
        logits = outputs.logits.float()
        if not model.training:
            loss = cross_entropy(logits, labels)
            return (loss, outputs) if return_outputs else loss
        loss = cross_entropy(logits, labels, self.weights)
        size = self.parts.classes
        place = labels * size + logits.detach().argmax(-1)
        self.seen[:-1] += torch.bincount(place, minlength=size * size)
        self.seen[-1] += loss.detach() * len(labels)
        return (loss, outputs) if return_outputs else loss

    def _scored(self, found: EvalPrediction) -> dict[str, float]:
        classes = range(self.parts.classes)
        predicted = np.asarray(found.predictions).argmax(-1).tolist()
        true = np.asarray(found.label_ids).tolist()
        return {
            name: float(
                scores.named_score(name)(scores.confusion(true, predicted, classes)[0], True)
            )
            for name in SCORES[1:]
        }

    def history(self) -> History:
        """What was logged, one entry an epoch."""
        found: dict[int, dict[str, float]] = {}
        for entry in self.state.log_history:
            row = found.setdefault(round(entry["epoch"]), {"epoch": round(entry["epoch"])})
            for name, value in entry.items():
                plain = name.replace("fit_", "train_", 1).removeprefix("eval_")
                score = plain.rpartition("_")[2]
                own = name.startswith(("fit_", "eval_")) and score in SCORES
                if own or name == "learning_rate":
                    row[plain] = float(value)
        return [found[epoch] for epoch in sorted(found) if "train_loss" in found[epoch]]

    def judged(self, history: History) -> list[float]:
        """Of each epoch what is monitored, higher is better."""
        name = f"{self.judge}_{self.config.monitor}"
        sign = -1 if self.config.monitor == "loss" else 1
        return [sign * row[name] for row in history if name in row]

    def stopped(self) -> bool:
        """Whether `patience` is over."""
        values = self.judged(self.history())
        patience = self.config.patience
        return bool(patience and values and len(values) - 1 - values.index(max(values)) >= patience)

    def chosen(self, history: History) -> int:
        """The epoch that the rule of the recipe selects."""
        if self.config.selection == selection.LAST:
            return len(history) - 1
        epochs = [selection.Epoch(**{self.judge: value}) for value in self.judged(history)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", selection.LeakyWarning)  # the word is in the results
            return selection.select(epochs, self.config.selection, self.config.leaky).epoch


class Watch(TrainerCallback):
    """Scores of training, the best weights, early stopping, and how far it is."""

    def __init__(self, trainer: ClipTrainer, progress: Progress | None) -> None:
        self.trainer, self.progress = trainer, progress
        self.rate = 0.0

    # The names say when the Trainer calls these.
    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: D102
        epoch = round(state.epoch or 0)
        self.rate = self.trainer._get_learning_rate()
        self.trainer.order.epoch = epoch
        self.trainer.parts.train.clips.set_epoch(epoch)
        self.trainer.clear()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: D102
        if self.progress:
            clips = len(self.trainer.parts.train)
            self.progress(round(state.epoch * clips), self.trainer.config.epochs * clips)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: D102
        counts, loss = self.trainer.counted()
        if not isfinite(loss):
            raise ModelError(
                f"The loss of epoch {round(state.epoch)} is {loss}; choose a lower learning rate "
                f"than {self.trainer.config.learning_rate:g} (--learning-rate), or clip the "
                "gradient (--clip)."
            )
        found = {name: float(scores.named_score(name)(counts, True)) for name in SCORES[1:]}
        self.trainer.log(
            {
                "learning_rate": self.rate,
                "fit_loss": loss,
                **{f"fit_{name}": value for name, value in found.items()},
            }
        )

    def on_evaluate(self, args: Any, state: Any, control: Any, **about: Any) -> None:  # noqa: D102
        trainer = self.trainer
        if f"eval_{trainer.judge}_loss" not in about["metrics"] or not trainer.is_in_train:
            return
        values = trainer.judged(trainer.history())
        better = len(values) == 1 or values[-1] > max(values[:-1])
        if better and args.should_save:
            with written(Path(args.output_dir) / BEST.format(len(values))) as temporary:
                save_model(trainer.network, str(temporary))
        control.should_training_stop = trainer.stopped()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: D102
        # Not before: a killed process goes on from its last checkpoint, and needs the best by then.
        values = self.trainer.judged(self.trainer.history())
        if values and args.should_save:
            best = BEST.format(1 + values.index(max(values)))
            for file in Path(args.output_dir).glob(BEST.format("*")):
                if file.name != best:
                    file.unlink()


def points_of(items: Sequence[Item]) -> dict[str, Any]:
    """A batch as it is attacked."""
    points = Surface.points([item["values"] for item in items])
    return {"points": points, "labels": torch.tensor([item["label"] for item in items])}


def _weights(parts: Parts, config: TrainConfig) -> npt.NDArray[np.float32]:
    """Of each class in the loss; one that no clip is of has any."""
    if config.balance != "weights":
        return np.ones(parts.classes, np.float32)
    counts = np.bincount(parts.labels, minlength=parts.classes).clip(min=1)
    return (len(parts.labels) / (parts.classes * counts)).astype(np.float32)


def _optimizer(model: Any, config: TrainConfig) -> torch.optim.Optimizer:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(weights, rate, momentum=0.9, weight_decay=decay)
    if config.optimizer == "adamw":
        return torch.optim.AdamW(weights, rate, weight_decay=decay)
    return torch.optim.Adam(weights, rate, weight_decay=decay)
