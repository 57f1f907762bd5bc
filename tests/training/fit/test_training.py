from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from equime_hub.errors import ModelError
from equime_hub.metrics import scores
from equime_hub.models.attacks import cross_entropies, predicting
from equime_hub.models.surfaces import surface_of
from equime_hub.training.data.cache import Cache
from equime_hub.training.data.clips import Clips
from equime_hub.training.fit.folds import Training
from equime_hub.training.fit.initial_model import begin
from equime_hub.training.fit.plan import TrainingPlan, training_plan
from equime_hub.training.fit.recipes import TrainConfig
from equime_hub.training.fit.training import (
    BEST,
    CHECKPOINT,
    Fitted,
    class_weights,
    clean_and_attacked,
    demand,
    epoch_order,
    fit,
    points_of,
)
from tests.support import trained

KEY = (0, "fold-0")


@pytest.fixture(scope="module")
def planned(built: Path) -> TrainingPlan:
    return training_plan(trained.config(built))


@pytest.fixture(scope="module")
def cache(planned: TrainingPlan, tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache.make(tmp_path_factory.mktemp("cache"), planned.examples, planned.inputs)


def run(
    planned: TrainingPlan,
    cache: Cache,
    config: TrainConfig,
    folder: str = "fit",
    training: Training | None = None,
    **more: Any,
) -> tuple[Fitted, dict[str, torch.Tensor]]:
    training = training or planned.trainings[0]
    assert training.name == KEY[1]
    start = begin(config, planned.examples.classes, *KEY)
    clips = Clips(planned.examples, planned.inputs, cache)
    found = fit(start, clips, training, config, KEY[0], Path(folder), cpu=True, **more)
    return found, {name: value.clone() for name, value in start.model.state_dict().items()}


def test_learns_its_own_clips(planned: TrainingPlan, cache: Cache) -> None:
    options = {**planned.config.model_options, "hidden_size": 64, "dropout": 0.0}
    config = replace(
        planned.config, epochs=12, selection="last", learning_rate=1e-2, model_options=options
    )
    found, _ = run(planned, cache, config)
    losses = [row["train_loss"] for row in found.history]
    assert len(losses) == 12 and found.epoch == 11 and losses[-1] < losses[0] / 2
    assert found.history[-1]["train_accuracy"] > 0.6
    assert [row["epoch"] for row in found.history] == list(range(1, 13))
    assert found.probabilities.shape == (len(planned.trainings[0].tested), 5)
    assert np.allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)


def test_ends_with_the_weights_of_the_best_epoch(planned: TrainingPlan, cache: Cache) -> None:
    config = replace(planned.config, epochs=6, learning_rate=1e-2, schedule="constant")
    training = planned.trainings[0]
    found, _ = run(
        planned, cache, config, training=replace(training, tests={"held": training.validation})
    )
    values = [row["validation_uf1"] for row in found.history]
    assert found.epoch == int(np.argmax(values))
    # Those of earlier epochs are gone.
    assert [file.name for file in Path("fit").glob("*.safetensors")] == [
        BEST.format(found.epoch + 1)
    ]
    labels = planned.examples.labels[planned.trainings[0].validation]
    predicted = found.probabilities.argmax(axis=1)
    assert scores.uf1(labels, predicted, range(5)) == pytest.approx(max(values))


class Stop(Exception):
    """What interrupts a training."""


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_interrupted_training_gets_the_same_weights(
    planned: TrainingPlan, cache: Cache, schedule: Any
) -> None:
    config = replace(planned.config, epochs=4, augment=True, balance="sampling", schedule=schedule)
    whole, weights = run(planned, cache, config, "whole")
    clips = len(planned.trainings[0].train)

    def stop(done: int, total: int) -> None:
        assert total == 4 * clips
        if done > 2.5 * clips:
            raise Stop

    with pytest.raises(Stop):
        run(planned, cache, config, "parts", progress=stop)
    # What a process that was killed while it wrote leaves behind.
    (Path("parts") / f"{CHECKPOINT}.99.tmp").write_bytes(b"PK half")
    again, resumed = run(planned, cache, config, "parts")
    assert again.history == whole.history and again.epoch == whole.epoch
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)
    assert np.array_equal(again.probabilities, whole.probabilities)


def test_other_seeds_give_other_weights(planned: TrainingPlan, cache: Cache) -> None:
    config = replace(planned.config, epochs=1)
    first = begin(config, planned.examples.classes, 0, "fold-0").model.state_dict()
    same, other = (
        begin(config, planned.examples.classes, seed, "fold-0").model.state_dict()
        for seed in (0, 1)
    )
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_stops_early_and_once_stopped_stays_so(planned: TrainingPlan, cache: Cache) -> None:
    config = replace(planned.config, epochs=30, patience=2, learning_rate=1e-9, schedule="constant")
    found, weights = run(planned, cache, config)
    assert (len(found.history), found.epoch) == (3, 0)
    assert (Path("fit") / BEST.format(1)).is_file()
    again, same = run(planned, cache, config)  # killed before its predictions were written
    assert again.history == found.history
    assert all(torch.equal(weights[name], same[name]) for name in weights)


def test_test_is_only_looked_at_if_it_is_said_to_leak(planned: TrainingPlan, cache: Cache) -> None:
    honest, _ = run(planned, cache, replace(planned.config, epochs=1), "a")
    assert not any(name.startswith("test") for name in honest.history[0])
    leaky = replace(planned.config, epochs=3, selection="best-on-test", leaky=True)
    found, _ = run(planned, cache, leaky, "b")
    values = [row["test_uf1"] for row in found.history]
    assert found.epoch == int(np.argmax(values))
    labels = planned.examples.labels[planned.trainings[0].tested]
    assert scores.uf1(labels, found.probabilities.argmax(axis=1), range(5)) == max(values)


def test_a_loss_that_is_no_number_is_a_sentence(planned: TrainingPlan, cache: Cache) -> None:
    config = replace(planned.config, learning_rate=1e30, optimizer="sgd", schedule="constant")
    with pytest.raises(ModelError, match="lower learning rate than 1e"):
        run(planned, cache, config)


def test_adversarial_training_learns_otherwise(planned: TrainingPlan, cache: Cache) -> None:
    config = replace(planned.config, epochs=1)
    _, plain = run(planned, cache, config, "a")
    _, attacked = run(planned, cache, replace(config, adversarial=4.0), "b")
    assert any(not torch.equal(plain[name], attacked[name]) for name in plain)


def test_adversarial_batches_are_clean_and_attacked_in_grey_levels(
    planned: TrainingPlan, cache: Cache
) -> None:
    """The first half is what the model is shown without attack, the second has a larger loss."""
    start = begin(planned.config, planned.examples.classes, *KEY)
    clips = Clips(planned.examples, planned.inputs, cache)
    surface = surface_of(start.processor, planned.inputs)
    items = [clips[row] for row in planned.trainings[0].train[:8].tolist()]
    batch = points_of(items)
    both = clean_and_attacked(start.model, surface, 4.0, batch)
    assert both["labels"].tolist() == 2 * [item["label"] for item in items]
    clean = planned.inputs.finish([item["values"] for item in items])
    for name, value in clean.items():
        torch.testing.assert_close(both[name][:8], value, rtol=1e-4, atol=1e-5)
    with torch.no_grad(), predicting(start.model):
        losses = cross_entropies(start.model, both, both["labels"])
    assert (losses[8:] >= losses[:8]).float().mean() > 0.9
    weak = clean_and_attacked(start.model, surface, 1e-3, batch)
    torch.testing.assert_close(weak["pixel_values_videos"][8:], clean["pixel_values_videos"],
                               rtol=0, atol=0.1)  # fmt: skip


def test_bf16_trains(planned: TrainingPlan, cache: Cache) -> None:
    found, weights = run(planned, cache, replace(planned.config, epochs=1, precision="bf16"))
    assert np.isfinite(found.probabilities).all()
    assert {value.dtype for value in weights.values() if value.is_floating_point()} == {
        torch.float32
    }


def test_refuses_what_this_machine_cannot_do(
    planned: TrainingPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="fp16 needs a GPU"):
        demand(replace(planned.config, precision="fp16"), cpu=True)
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ModelError, match="batch of 8 clips cannot be shared by 3 processes"):
        demand(planned.config, cpu=True)


def order(labels: list[int], epoch: int = 0, **changes: Any) -> list[int]:
    config = TrainConfig(**{"batch_size": 4, **changes})
    found: list[int] = epoch_order(np.array(labels), config, epoch, *KEY).tolist()
    return found


def test_order_is_shuffled_anew_each_epoch() -> None:
    labels = [0] * 20 + [1] * 10
    assert sorted(order(labels)) == list(range(30))
    assert order(labels) == order(labels) != order(labels, epoch=1)


def test_no_batch_is_of_one_clip() -> None:
    left = {tuple(sorted(set(range(9)) - set(order([0] * 9, epoch)))) for epoch in range(30)}
    assert {len(out) for out in left} == {1} and len(left) > 3  # not always the same
    assert order([0]) == [0]


def test_balanced_sampling_draws_classes_equally_often() -> None:
    labels = [0] * 90 + [1] * 10
    drawn = Counter(
        labels[i] for epoch in range(40) for i in order(labels, epoch, balance="sampling")
    )
    assert 0.45 < drawn[1] / drawn.total() < 0.55


def test_class_weights_are_those_of_the_training_clips() -> None:
    """With one class twice as rare, its clips count twice as much."""
    labels = np.repeat([0, 1, 2, 3, 4], [8, 4, 4, 4, 4])
    config = TrainConfig(balance="weights")
    weights = class_weights(labels, 5, config).tolist()
    assert weights == pytest.approx([0.6, 1.2, 1.2, 1.2, 1.2])
    assert np.isfinite(class_weights(labels[8:], 5, config)).all()
    assert class_weights(labels, 5, TrainConfig()).tolist() == [1, 1, 1, 1, 1]


def test_class_weights_change_what_is_learnt(planned: TrainingPlan, cache: Cache) -> None:
    rows = planned.trainings[0].train
    labels = planned.examples.labels[rows]
    few = rows[(labels != 0) | (np.arange(len(rows)) % 3 == 0)]
    training = replace(planned.trainings[0], train=few)
    config = replace(planned.config, epochs=1)
    _, plain = run(planned, cache, config, "a", training)
    _, weighed = run(planned, cache, replace(config, balance="weights"), "b", training)
    assert any(not torch.equal(plain[name], weighed[name]) for name in plain)


def test_a_checkpoint_holds_what_resuming_needs(planned: TrainingPlan, cache: Cache) -> None:
    run(planned, cache, replace(planned.config, epochs=1))
    state = torch.load(Path("fit") / CHECKPOINT, weights_only=True)
    assert [row["epoch"] for row in state["history"]] == [1]
    assert {"model", "optimizer", "schedule", "scaler", "random"} <= set(state)
