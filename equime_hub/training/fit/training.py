"""One training on the Transformers Trainer, from its model to the probabilities of its tests.

It writes into a folder of its own: a checkpoint after each epoch, and the best weights so far. A
training that was interrupted goes on from its last checkpoint, and on a CPU gets the same weights
as one that was not: order and augmentation depend on seed and epoch alone, and the rest of the
state is in the checkpoint.
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_model
from transformers import TrainingArguments

from equime_hub import seeds
from equime_hub.errors import ModelError
from equime_hub.evaluation import selection
from equime_hub.progress import Progress
from equime_hub.training.fit.recipes import TrainConfig
from equime_hub.training.fit.team import processes
from equime_hub.training.fit.trainer import BEST, ClipTrainer, History, Parts, Watch

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Machine:
    """Where it is trained; no result depends on it, but for rounding.

    Attributes:
        workers: Processes that prepare clips, for each process that trains; 0 is none.
        cpu: Leave GPUs alone.
    """

    workers: int = 0
    cpu: bool = False


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
    probabilities: Probabilities


def fit(
    model: Any,
    parts: Parts,
    config: TrainConfig,
    folder: Path,
    key: Sequence[seeds.Key],
    machine: Machine | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Train a model, choose an epoch, and predict the tests.

    Args:
        model: Begins with these weights, ends with the chosen ones.
        parts: The clips.
        config: The recipe.
        folder: For checkpoints; what an interrupted call left there is gone on from.
        key: What everything random depends on.
        machine: Where.
        progress: Called with clips learnt from and all that may be, over all epochs.

    Raises:
        ModelError: The loss is not finite, a device or precision is not there, or memory is short.
    """
    where = machine or Machine()
    with _deterministic(), _explained(config):
        trainer = ClipTrainer(
            model, parts, config, _arguments(config, parts, folder, key, where), key
        )
        trainer.add_callback(Watch(trainer, progress))
        _train(trainer, folder)
        history = trainer.history()
        chosen = trainer.chosen(history)
        if chosen != len(history) - 1:
            load_model(model, str(folder / BEST.format(chosen + 1)))
        logits = torch.as_tensor(trainer.predict(parts.test).predictions, dtype=torch.float32)
    return Fitted(history, chosen, logits.softmax(-1).numpy())


def demand(config: TrainConfig, machine: Machine) -> None:
    """Refuse what these processes and devices cannot do.

    Raises:
        ModelError: fp16 without GPU, or a batch that cannot be shared by the processes.
    """
    if _on_cpu(machine) and config.precision == "fp16":
        raise ModelError("fp16 needs a GPU; take bf16 or fp32 (--precision).")
    if config.batch_size % processes():
        raise ModelError(
            f"A batch of {config.batch_size} clips cannot be shared by {processes()} processes; "
            "choose a multiple (--batch-size)."
        )


def _on_cpu(machine: Machine) -> bool:
    return machine.cpu or not torch.cuda.is_available()


def _train(trainer: ClipTrainer, folder: Path) -> None:
    last = _last_checkpoint(folder)
    if last is None:
        trainer.train()
        return
    state = json.loads((last / "trainer_state.json").read_text(encoding="utf-8"))
    trainer.state.log_history = state["log_history"]
    if trainer.stopped() or len(trainer.history()) >= trainer.config.epochs:
        load_model(trainer.network, str(last / "model.safetensors"))
    else:
        trainer.train(resume_from_checkpoint=str(last))


def _last_checkpoint(folder: Path) -> Path | None:
    """The last checkpoint that is whole: its state is written after all else."""
    found = {int(path.name.rpartition("-")[2]): path for path in folder.glob("checkpoint-*")}
    for _, path in sorted(found.items(), reverse=True):
        with contextlib.suppress(OSError, ValueError):
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
            return path
    return None


def _arguments(
    config: TrainConfig, parts: Parts, folder: Path, key: Sequence[seeds.Key], machine: Machine
) -> TrainingArguments:
    cpu, sharing = _on_cpu(machine), processes()
    held = len(parts.validation) > 0 or selection.is_leaky(config.selection)
    schedules: dict[str, tuple[str, dict[str, Any]]] = {
        "plateau": ("reduce_lr_on_plateau", {"factor": 0.2, "patience": 5, "min_lr": 1e-5}),
    }
    schedule, settings = schedules.get(config.schedule, (config.schedule, {}))
    made = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size // sharing,
        per_device_eval_batch_size=config.batch_size // sharing,
        learning_rate=config.learning_rate,
        max_grad_norm=config.clip or 0.0,
        lr_scheduler_type=schedule,
        lr_scheduler_kwargs=settings,
        metric_for_best_model="eval_validation_loss" if config.schedule == "plateau" else None,
        greater_is_better=False,
        eval_strategy="epoch" if held else "no",
        save_strategy="epoch",
        save_total_limit=1,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=cpu,
        ddp_backend="gloo" if cpu and sharing > 1 else None,
        bf16=config.precision == "bf16",
        fp16=config.precision == "fp16",
        seed=seeds.derive("trainer", *key) % 2**32,
        dataloader_num_workers=machine.workers,
        dataloader_pin_memory=not cpu,
        remove_unused_columns=False,
        label_names=["labels"],
    )
    made._n_gpu = min(made.n_gpu, 1)  # several GPUs are several processes, not one that copies
    return made


@contextlib.contextmanager
def _deterministic() -> Iterator[None]:
    """The same numbers each time, where PyTorch can."""
    before = torch.are_deterministic_algorithms_enabled()
    warn = torch.is_deterministic_algorithms_warn_only_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*does not have a deterministic implementation.*")
            yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn)


@contextlib.contextmanager
def _explained(config: TrainConfig) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"There is no memory for {config.batch_size} clips a step; take fewer (--batch-size)."
        ) from error
