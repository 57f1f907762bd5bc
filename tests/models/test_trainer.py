"""Transformers' own `Trainer` trains them as it trains its own models."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import Trainer, TrainingArguments

from tests.support.tiny_inputs import drawn, tiny


def test_batches_added_up_are_one_large_batch(tmp_path: Path) -> None:
    found = []
    for size, steps in ((4, 1), (2, 2)):
        model = tiny("evolution-0", dropout=0.0)
        videos = drawn(model.config, 4)
        Trainer(
            model,
            TrainingArguments(
                str(tmp_path),
                max_steps=1,
                per_device_train_batch_size=size,
                gradient_accumulation_steps=steps,
                optim="sgd",
                learning_rate=0.1,
                max_grad_norm=0.0,
                use_cpu=True,
                report_to="none",
                save_strategy="no",
                disable_tqdm=True,
            ),
            train_dataset=[
                {"pixel_values_videos": video, "labels": index % 3}
                for index, video in enumerate(videos)
            ],
        ).train()
        found.append({name: value.detach() for name, value in model.named_parameters()})
    before = dict(tiny("evolution-0", dropout=0.0).named_parameters())
    name = "classifier.weight"
    assert not torch.allclose(found[0][name], before[name], atol=1e-4)
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=1e-4, atol=1e-6)
