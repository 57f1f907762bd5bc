"""One training: from a model with its first weights to the probabilities of its tests.

The loop is ours and not that of Transformers' `Trainer`: order, loss, attack, scores and choice of
the epoch are all our own, and what is left of a loop is shorter than the hooks for them.

A checkpoint is written after each epoch, and the best weights so far beside it. A training that was
interrupted goes on from there, and on a CPU gets the same weights as one that was not: order and
augmentation depend on seed and epoch alone, and the rest of the state is in the checkpoint.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, isfinite
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from accelerate.utils import send_to_device
from safetensors.torch import load_model, save_model
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from equime_hub import seeds
from equime_hub.errors import ModelError
from equime_hub.evaluation import selection
from equime_hub.files import written
from equime_hub.metrics import scores
from equime_hub.models.attacks import Attack, attacked, cross_entropies, predicting
from equime_hub.models.surfaces import Surface, surface_of
from equime_hub.progress import Progress
from equime_hub.splits.folds import Rows
from equime_hub.training.data.augment import Augment
from equime_hub.training.data.clips import Clips, Item
from equime_hub.training.fit.folds import Training
from equime_hub.training.fit.initial_model import InitialModel
from equime_hub.training.fit.processes import Processes, how_many
from equime_hub.training.fit.recipes import TrainConfig

CHECKPOINT = "checkpoint.pt"
"""File of all that the next epoch depends on."""
BEST = "best-{}.safetensors"
"""File of the best weights so far, by their epoch."""
SCORES = ("uf1", "uar", "accuracy")

History = list[dict[str, float]]
"""One entry an epoch: epoch (from 1), learning_rate at its start, and for each of train, validation
and test that is looked at PART_loss and PART_SCORE for all `SCORES`."""
Batch = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Fitted:
    """What came of a training; the model holds the chosen weights.

    Attributes:
        history: Scores of every epoch.
        epoch: Index of the chosen one in it.
        probabilities: Tested clips × C.
    """

    history: History
    epoch: int
    probabilities: npt.NDArray[np.float32]


def fit(
    start: InitialModel,
    clips: Clips,
    training: Training,
    config: TrainConfig,
    seed: int,
    folder: Path,
    *,
    workers: int = 0,
    cpu: bool = False,
    progress: Progress | None = None,
) -> Fitted:
    """Train a model, choose an epoch, and predict the tests.

    Args:
        start: The model, which begins with these weights and ends with the chosen ones.
        clips: All clips as they are; those learnt from are altered here, if the recipe says so.
        training: Which of them are for what.
        config: The recipe.
        seed: With the name of the training, what everything random depends on.
        folder: For checkpoints; what an interrupted call left there is gone on from.
        workers: Processes that prepare clips, for each process that trains; 0 is none.
        cpu: Leave GPUs alone.
        progress: Called with clips learnt from and all that may be, over all epochs.

    Raises:
        ModelError: The loss is not finite, a device or precision is not there, or memory is short.
    """
    try:
        with _deterministic():
            loop = _Loop(start, clips, training, config, seed, Processes(cpu), workers)
            loop.train(folder, progress)
            chosen = chosen_epoch(loop.history, config)
            if chosen != len(loop.history) - 1:
                load_model(start.model, str(folder / BEST.format(chosen + 1)))
            logits, _ = loop.predict(training.tested)
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"There is no memory for {config.batch_size} clips a step; take fewer (--batch-size)."
        ) from error
    return Fitted(loop.history, chosen, logits.softmax(-1).numpy())


def demand(config: TrainConfig, cpu: bool) -> None:
    """Refuse what these processes and devices cannot do.

    Raises:
        ModelError: fp16 without GPU, or a batch that cannot be shared by the processes.
    """
    if config.precision == "fp16" and (cpu or not torch.cuda.is_available()):
        raise ModelError("fp16 needs a GPU; take bf16 or fp32 (--precision).")
    if config.batch_size % how_many():
        raise ModelError(
            f"A batch of {config.batch_size} clips cannot be shared by {how_many()} processes; "
            "choose a multiple (--batch-size)."
        )


def epoch_order(labels: Rows, config: TrainConfig, epoch: int, *key: seeds.Key) -> Rows:
    """Shuffled numbers of clips, or classes equally often; it depends on key and epoch alone."""
    # Batch normalisation cannot learn from a batch of one clip.
    count = len(labels) - (len(labels) > 1 and len(labels) % config.batch_size == 1)
    weights = None
    if config.balance == "sampling":
        weights = 1 / np.bincount(labels)[labels]
        weights /= weights.sum()
    draw = seeds.generator("order", *key, epoch)
    return draw.choice(len(labels), count, replace=weights is not None, p=weights)


def class_weights(labels: Rows, classes: int, config: TrainConfig) -> npt.NDArray[np.float32]:
    """The weight of each class in the loss; that of one without clips does not matter."""
    if config.balance != "weights":
        return np.ones(classes, np.float32)
    counts = np.bincount(labels, minlength=classes).clip(min=1)
    return (len(labels) / (classes * counts)).astype(np.float32)


def clean_and_attacked(model: Any, surface: Surface, epsilon: float, batch: Batch) -> Batch:
    """A batch of points as the inputs of twice as many clips: as they are, and attacked."""
    clean, labels = batch["points"], batch["labels"]

    def losses(points: Sequence[torch.Tensor]) -> torch.Tensor:
        return cross_entropies(model, surface.inputs(points), labels)

    # As the model predicts, so that its running statistics are not those of attacked clips twice.
    with predicting(model):
        changed = attacked(
            losses, clean, Attack("fgsm", epsilon), low=surface.low, high=surface.high
        )
    return {**surface.inputs([*clean, *changed]), "labels": torch.cat([labels, labels])}


def judged(history: History, config: TrainConfig) -> list[float]:
    """Of each epoch what the recipe monitors, higher is better; empty if nothing is."""
    # A loss is better when it is lower.
    sign = -1 if config.monitor == "loss" else 1
    name = f"{_judge(config)}_{config.monitor}"
    return [sign * row[name] for row in history if name in row]


def _judge(config: TrainConfig) -> str:
    return "test" if selection.is_leaky(config.selection) else "validation"


def is_stopped(history: History, config: TrainConfig) -> bool:
    """Whether `patience` is over."""
    values = judged(history, config)
    if not (config.patience and values):
        return False
    return len(values) - 1 - values.index(max(values)) >= config.patience


def chosen_epoch(history: History, config: TrainConfig) -> int:
    """Index of the epoch that the rule of the recipe selects."""
    if config.selection == selection.LAST:
        return len(history) - 1
    return selection.select(judged(history, config), config.selection, config.leaky)


class _Loop:
    """A model in training, and all that changes with it."""

    def __init__(
        self,
        start: InitialModel,
        clips: Clips,
        training: Training,
        config: TrainConfig,
        seed: int,
        team: Processes,
        workers: int,
    ) -> None:
        self.config, self.training, self.key = config, training, (seed, training.name)
        self.team, self.workers, device = team, workers, team.device
        self.plain = clips
        self.altered = clips.augmented(Augment(), seed) if config.augment else clips
        self.labels = clips.examples.labels[training.train]
        self.classes = len(clips.examples.classes)
        self.history: History = []
        adversarial = config.adversarial is not None
        self.surface = surface_of(start.processor, clips.inputs) if adversarial else None
        # Dropout draws from here, whatever was drawn to make the first weights.
        torch.manual_seed(seeds.derive("trainer", *self.key) % 2**32)
        self.model = self.network = start.model.to(device)
        if self.team.count > 1:
            # Parts of a saved model may be frozen, or not be used for some clips.
            self.network = DistributedDataParallel(self.model, find_unused_parameters=True)
        self.weights = torch.tensor(class_weights(self.labels, self.classes, config)).to(device)
        self.optimizer = _optimizer(self.model, config)
        self.steps = ceil(len(epoch_order(self.labels, config, 0, *self.key)) / config.batch_size)
        self.schedule = _schedule(self.optimizer, config, self.steps * config.epochs)
        self.scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")

    def train(self, folder: Path, progress: Progress | None) -> None:
        """All epochs that are left, until the last one or until patience is over."""
        self._restore(folder)
        config, total = self.config, self.config.epochs * len(self.labels)
        while len(self.history) < config.epochs and not is_stopped(self.history, config):
            epoch = len(self.history)
            rate = self.optimizer.param_groups[0]["lr"]

            def move(step: int, epoch: int = epoch) -> None:
                if progress:
                    progress(round((epoch + step / self.steps) * len(self.labels)), total)

            row = {"epoch": epoch + 1, "learning_rate": rate, **self._learn(epoch, move)}
            held = {"validation": self.training.validation}
            if _judge(config) == "test":
                held["test"] = self.training.tested
            # Validation may be empty; the test is looked at only if the recipe says that it leaks.
            for part, rows in held.items():
                if len(rows):
                    row |= self._scored(part, rows)
            if config.schedule == "plateau":
                self.schedule.step(row["validation_loss"])
            self.history.append(row)
            self._save(folder)

    def predict(self, rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores of the classes before softmax for clips in their order, and the loss of each."""
        self.model.eval()
        logits, losses = [], []
        with torch.no_grad():
            for batch in self._batches(self.plain, rows, self.plain.collate):
                labels = batch.pop("labels")
                with self._precision():
                    found = self.model(**batch).logits.float()
                loss = cross_entropy(found, labels).repeat(len(labels))
                logits.append(self.team.joined(found).cpu())
                losses.append(self.team.joined(loss).cpu())
        # What several processes got to fill up their last batches is at the end.
        return torch.cat(logits)[: len(rows)], torch.cat(losses)[: len(rows)]

    def _learn(self, epoch: int, told: Callable[[int], None]) -> dict[str, float]:
        """One epoch; gives its loss and scores, and is `told` how many steps are done."""
        self.altered.set_epoch(epoch)
        order = epoch_order(self.labels, self.config, epoch, *self.key)
        collate = self.altered.collate if self.surface is None else points_of
        # Confusions, row = reference, and the sum of the losses; of all processes in the end.
        # On the device, so that no step waits for the numbers; doubles, as many are added up.
        size = self.classes
        seen = torch.zeros(size * size + 1, dtype=torch.float64, device=self.team.device)
        self.network.train()
        batches = self._batches(self.altered, self.training.train[order], collate)
        for step, batch in enumerate(batches, 1):
            if self.surface is not None:
                epsilon = self.config.adversarial or 0.0
                with self._precision():
                    batch = clean_and_attacked(self.model, self.surface, epsilon, batch)
            labels = batch.pop("labels")
            with self._precision():
                logits = self.network(**batch).logits.float()
            loss = cross_entropy(logits, labels, self.weights)
            place = labels * size + logits.detach().argmax(-1)
            seen[:-1] += torch.bincount(place, minlength=size * size)
            seen[-1] += loss.detach() * len(labels)
            self._step(loss)
            told(step)
        found = self.team.sum(seen).cpu().numpy()
        counts, mean = found[:-1].reshape(size, size), float(found[-1] / found[:-1].sum())
        if not isfinite(mean):
            raise ModelError(
                f"The loss of epoch {epoch + 1} is {mean}; choose a lower learning rate "
                f"than {self.config.learning_rate:g} (--learning-rate), or clip the "
                "gradient (--clip)."
            )
        return _named("train", mean, counts)

    def _step(self, loss: torch.Tensor) -> None:
        """Change the weights along the slope of a loss."""
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if self.config.clip is not None:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        scale = self.scaler.get_scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        # A gradient that overflowed in fp16 is no step: the scale falls, and the weights stay.
        if self.config.schedule != "plateau" and self.scaler.get_scale() >= scale:
            self.schedule.step()
        self.optimizer.zero_grad()

    def _scored(self, part: str, rows: Rows) -> dict[str, float]:
        logits, losses = self.predict(rows)
        predicted = logits.numpy().argmax(axis=-1).tolist()
        true = self.plain.examples.labels[rows].tolist()
        counts = scores.confusion(true, predicted, range(self.classes))[0]
        return _named(part, float(losses.numpy().mean()), counts)

    def _batches(
        self, clips: Clips, rows: Rows, collate: Callable[[Sequence[Item]], Batch]
    ) -> Iterator[Batch]:
        """Batches of this process on its device; together all processes have `batch_size` clips."""
        team, whole = self.team, self.config.batch_size
        if team.count > 1:
            # All take as many steps, with as many clips: they wait for each other in each.
            rows = np.resize(rows, ceil(len(rows) / whole) * whole)
        share = whole // team.count
        batches = [rows[at : at + share].tolist() for at in range(0, len(rows), share)]
        gpu = team.device.type != "cpu"
        loader: DataLoader[Any] = DataLoader(
            clips,
            batch_sampler=batches[team.rank :: team.count],
            collate_fn=collate,
            num_workers=self.workers,
            pin_memory=gpu,
        )
        for batch in loader:
            yield send_to_device(batch, team.device, non_blocking=True)

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
        kind = kinds.get(self.config.precision)
        return torch.autocast(self.team.device.type, kind, enabled=kind is not None)

    def _save(self, folder: Path) -> None:
        """Write the best weights and all that the next epoch depends on."""
        gpu = self.team.device.type == "cuda"
        mine = [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if gpu else [])]
        random = self.team.listed(mine)
        values = judged(self.history, self.config)
        best = BEST.format(values.index(max(values)) + 1 if values else 0)
        if self.team.main:
            if values and best == BEST.format(len(values)):
                with written(folder / best) as temporary:
                    save_model(self.model, str(temporary))
            state = {name: part.state_dict() for name, part in self._parts().items()}
            state |= {"history": self.history, "random": random}
            with written(folder / CHECKPOINT) as temporary:
                torch.save(state, temporary)
            # Not before: a killed process goes on from the checkpoint and needs its best by then.
            for file in folder.glob(BEST.format("*")):
                if file.name != best:
                    file.unlink()
        self.team.wait()  # nobody looks for the best before it is there

    def _restore(self, folder: Path) -> None:
        if not (folder / CHECKPOINT).is_file():
            return
        state = torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)
        self.history = state["history"]
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        # If there are more processes now than before, the new ones have no state to go on from.
        for random in state["random"][self.team.rank : self.team.rank + 1]:
            torch.set_rng_state(random[0])
            if self.team.device.type == "cuda" and len(random) > 1:
                torch.cuda.set_rng_state(random[1])

    def _parts(self) -> dict[str, Any]:
        return {name: vars(self)[name] for name in ("model", "optimizer", "schedule", "scaler")}


def points_of(items: Sequence[Item]) -> Batch:
    """A batch as it is attacked."""
    points = Surface.points([item["values"] for item in items])
    return {"points": points, "labels": torch.tensor([item["label"] for item in items])}


def _named(part: str, loss: float, counts: npt.NDArray[Any]) -> dict[str, float]:
    """Loss and scores of a part, by confusions."""
    found = {score: float(scores.named_score(score)(counts, True)) for score in SCORES}
    return {f"{part}_{name}": value for name, value in {"loss": loss, **found}.items()}


def _optimizer(model: Any, config: TrainConfig) -> torch.optim.Optimizer:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    kinds: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "sgd": partial(torch.optim.SGD, momentum=0.9),
        "adamw": torch.optim.AdamW,
        "adam": torch.optim.Adam,
    }
    make = kinds[config.optimizer]
    return make(weights, lr=config.learning_rate, weight_decay=config.weight_decay)


def _schedule(optimizer: torch.optim.Optimizer, config: TrainConfig, steps: int) -> Any:
    from transformers import get_scheduler

    if config.schedule == "plateau":
        return torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.2, patience=5, min_lr=1e-5
        )
    return get_scheduler(config.schedule, optimizer, 0, steps)


@contextlib.contextmanager
def _deterministic() -> Iterator[None]:
    """The same numbers each time, where PyTorch can."""
    before = torch.are_deterministic_algorithms_enabled()
    warn = torch.is_deterministic_algorithms_warn_only_enabled()
    # cuBLAS has no deterministic sums without it, and reads it when it is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*does not have a deterministic implementation.*")
            yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn)
